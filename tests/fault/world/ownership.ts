/** Which VMs are whose, kept beside the system so that it can be judged. @module */
import type { MockHypervisor } from "../../../providers/mock/mod.ts";

/** What the test knows about VMs that neither manager nor provider is asked for. */
export class OwnershipLog {
  readonly #names = new Map<string, string>();
  /** Owners whose VM somebody else removed: theirs may be missing. */
  readonly #lost = new Set<string>();
  /** Owners whose object was let go with the machine staying. */
  readonly #released = new Set<string>();
  readonly #hypervisor: () => MockHypervisor;

  constructor(hypervisor: () => MockHypervisor) {
    this.#hypervisor = hypervisor;
  }

  /** An object with this UID has been seen. */
  note(uid: string, name: string): void {
    this.#names.set(uid, name);
  }

  /** The VM of `uid` was removed behind our back. */
  lose(uid: string): void {
    this.#lost.add(uid);
  }

  /** The hypervisor has forgotten all VMs. */
  forgetAll(): void {
    for (const { ownerUid } of this.#hypervisor().vms) if (ownerUid !== undefined) this.lose(ownerUid);
  }

  /** The object is gone and its VM is meant to stay. */
  release(uid: string): void {
    this.#released.add(uid);
  }

  isLost(uid: string): boolean {
    return this.#lost.has(uid);
  }

  isReleased(uid: string): boolean {
    return this.#released.has(uid);
  }
}
