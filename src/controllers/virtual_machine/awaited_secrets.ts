/** The Secrets that VMs wait for. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import type { ObjectName } from "@virtrigaud/kube";
import type { SecretSource } from "../shared/secrets.ts";
import { guestInitSecrets } from "./guest_init.ts";
import type { Wish } from "./input.ts";

/** Follows Secrets as long as a VM misses something in them, so that it wakes when they appear or change. */
export class AwaitedSecrets {
  readonly #secrets: SecretSource;
  readonly #wake: (key: string) => void;
  readonly #followed = new Map<string, readonly ObjectName[]>();

  /** @param wake called with the key of a VM */
  constructor(secrets: SecretSource, wake: (key: string) => void) {
    this.#secrets = secrets;
    this.#wake = wake;
  }

  /** Follows what the wish of the VM misses now, and nothing else. */
  update(key: string, vm: VirtualMachine, wish: Wish): void {
    const { namespace } = vm.metadata;
    const waits = wish.type === "Missing" && wish.missing.some(({ field }) => field.endsWith(".secretRef"));
    this.#set(
      key,
      waits ? guestInitSecrets(vm).map((name) => ({ name, ...(namespace === undefined ? {} : { namespace }) })) : [],
    );
  }

  /** The VM is gone. */
  forget(key: string): void {
    this.#set(key, []);
  }

  #set(key: string, wanted: readonly ObjectName[]): void {
    for (const before of this.#followed.get(key) ?? []) {
      if (!wanted.some(({ name }) => name === before.name)) this.#secrets.drop(before, key);
    }
    for (const each of wanted) this.#secrets.follow(each, key, () => this.#wake(key));
    if (wanted.length === 0) this.#followed.delete(key);
    else this.#followed.set(key, wanted);
  }
}
