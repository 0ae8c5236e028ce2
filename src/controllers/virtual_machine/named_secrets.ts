/** The Secrets that VMs name. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import type { ObjectName } from "@virtrigaud/kube";
import type { SecretSource } from "../shared/secrets.ts";
import { guestInitSecrets } from "./guest_init.ts";

/** Follows the Secrets that VMs have their user-data from, so that a VM wakes when one appears, changes or goes. */
export class NamedSecrets {
  readonly #secrets: SecretSource;
  readonly #wake: (key: string) => void;
  readonly #followed = new Map<string, readonly ObjectName[]>();

  /** @param wake called with the key of a VM */
  constructor(secrets: SecretSource, wake: (key: string) => void) {
    this.#secrets = secrets;
    this.#wake = wake;
  }

  /** Follows what the VM names now, and nothing else. */
  update(key: string, vm: VirtualMachine): void {
    const { namespace, deletionTimestamp } = vm.metadata;
    const names = deletionTimestamp === undefined ? guestInitSecrets(vm) : [];
    this.#set(key, names.map((name) => ({ name, ...(namespace === undefined ? {} : { namespace }) })));
  }

  /** The VM is gone. */
  forget(key: string): void {
    this.#set(key, []);
  }

  #set(key: string, wanted: readonly ObjectName[]): void {
    for (const before of this.#followed.get(key) ?? []) {
      if (!wanted.some(({ name }) => name === before.name)) this.#secrets.drop(before, key);
    }
    for (const each of wanted) {
      this.#secrets.follow(each, key, () => this.#wake(key), { patient: true });
    }
    if (wanted.length === 0) this.#followed.delete(key);
    else this.#followed.set(key, wanted);
  }
}
