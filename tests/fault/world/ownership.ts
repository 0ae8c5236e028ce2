/** Which VMs are whose, kept beside the system so that it can be judged. @module */
import type { MockHypervisor } from "../../../providers/mock/mod.ts";

/** What the test knows about VMs that neither manager nor provider is asked for. */
export class OwnershipLog {
  /** Owners whose VM somebody else removed: theirs may be missing. */
  readonly #lost = new Set<string>();
  readonly #resized = new Set<string>();
  readonly #foreign = new Set<string>();
  readonly #copies = new Set<string>();
  /** Owners whose object was let go with the machine staying. */
  readonly #released = new Set<string>();
  readonly #hypervisor: () => MockHypervisor;

  constructor(hypervisor: () => MockHypervisor) {
    this.#hypervisor = hypervisor;
  }

  /** The VM of `uid` was removed behind our back. */
  lose(uid: string): void {
    this.#lost.add(uid);
  }

  /** The VM of `uid` was given another size behind our back. */
  resize(uid: string): void {
    this.#resized.add(uid);
  }

  isResized(uid: string): boolean {
    return this.#resized.has(uid);
  }

  /** Somebody else made this VM: nobody here may remove it. */
  addForeign(vmId: string): void {
    this.#foreign.add(vmId);
  }

  /** VMs of somebody else that have to be there. */
  get foreign(): ReadonlySet<string> {
    return this.#foreign;
  }

  /** Somebody copied a VM of ours, mark and all: there is no telling whose it is. */
  addCopy(vmId: string): void {
    this.#copies.add(vmId);
  }

  get copies(): ReadonlySet<string> {
    return this.#copies;
  }

  /** The hypervisor has forgotten all VMs. */
  forgetAll(): void {
    this.#foreign.clear();
    this.#copies.clear();
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
