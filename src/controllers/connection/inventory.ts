/** What one provider's hypervisor holds, kept up by the provider's watch stream. @module */
import type { ObservedMachine, TaskRef, TaskStatus, WatchEvent } from "@virtrigaud/contract";

/** Ids that are known of a VM that something has changed about; neither: about all of them. */
export interface MachineIds {
  readonly vmId?: string;
  readonly ownerUid?: string;
}

/** What changed, as far as it is known; nothing: all of it. */
export interface InventoryChange extends MachineIds {
  /** A machine of this name went, or took another name: the name is free. */
  readonly freedName?: string;
}

/** Told about changes, after they were taken in. */
export type InventoryListener = (change: InventoryChange) => void;

/** What the inventory knows of a VM. */
export type InventoryView =
  | { readonly type: "Lost"; readonly message: string }
  | { readonly type: "Unsettled" }
  | { readonly type: "Absent" }
  | { readonly type: "Present"; readonly vm: ObservedMachine };

/** Tasks are remembered so long that whoever waits for them has looked. */
const TASK_MEMORY = 10_000;

/**
 * A cache with three guarantees: it never answers from a stream that broke (`Lost`), it never shows a state from before
 * a change that this process made (`Unsettled` until something newer is seen), and a full list replaces all of it at
 * once, telling about every VM that came, changed or went.
 */
export class Inventory {
  readonly #machines = new Map<string, ObservedMachine>();
  /** By mark, in the order in which they were seen: more than one where somebody has copied a machine. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #names = new Map<string, Set<string>>();
  readonly #tasks = new Map<string, { readonly status: TaskStatus; readonly at: number }>();
  readonly #unsettled = new Set<string>();
  readonly #versions = new Map<string, number>();
  readonly #listeners = new Set<InventoryListener>();
  readonly #now: () => number;
  #listed: Set<string> | undefined;
  #lost: string | undefined = "the first list of its VMs is still awaited";
  #everWhole = false;
  #version = 0;
  #session = 0;

  /** @param now monotonic time in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Why nothing is known now; `undefined` while the stream is whole. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Changes whenever ends of tasks may have gone by unheard. */
  get session(): number {
    return this.#session;
  }

  /** Whether a full list was ever received. */
  get everWhole(): boolean {
    return this.#everWhole;
  }

  /** All VMs that are there, ours or not. */
  machines(): IterableIterator<ObservedMachine> {
    return this.#machines.values();
  }

  /** Calls `listener` after every change. Returns how to stop it. */
  onChange(listener: InventoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is known of one VM, looked up by mark and id, then by the mark that it carries, then by id. */
  view({ vmId, ownerUid }: MachineIds): InventoryView {
    if (this.#lost !== undefined) return { type: "Lost", message: this.#lost };
    const id = this.#idOf({ vmId, ownerUid });
    if (id === undefined) return { type: "Absent" };
    if (this.#unsettled.has(id)) return { type: "Unsettled" };
    const vm = this.#machines.get(id);
    return vm === undefined ? { type: "Absent" } : { type: "Present", vm };
  }

  /** Id of a machine of this name that does not carry the mark of `ownerUid`. */
  holderOf(name: string, ownerUid: string | undefined): string | undefined {
    for (const id of this.#names.get(name) ?? []) {
      const owner = this.#machines.get(id)?.ownerUid;
      if (owner === undefined || owner !== ownerUid) return id;
    }
    return undefined;
  }

  /** What is known of a task, and how old that knowledge is in milliseconds. */
  task(id: string): { readonly status: TaskStatus; readonly ageMs: number } | undefined {
    const known = this.#tasks.get(id);
    return known === undefined ? undefined : { status: known.status, ageMs: Math.max(0, this.#now() - known.at) };
  }

  /** Takes in an event of the watch stream. */
  apply(event: WatchEvent): void {
    switch (event.type) {
      case "ListBegin":
        this.#listed = new Set();
        return;
      case "Present": {
        this.#listed?.add(event.vm.id);
        const freedName = this.#put(event.vm);
        // Before the first list is whole nobody may act on any of it; its end tells everybody.
        if (this.#lost === undefined) {
          this.#tell({ ...idsOf(event.vm), ...(freedName === undefined ? {} : { freedName }) });
        }
        return;
      }
      case "ListEnd":
        this.#endList();
        return;
      case "Gone":
        this.#drop(event.vmId, event.ownerUid);
        return;
      case "Task":
        this.learnTask(event.status);
        this.#taskEnded(event.status);
        return;
      case "Heartbeat":
        return;
    }
  }

  /** The stream broke: nothing is known until the next full list. */
  lose(message: string): void {
    this.#lost = message;
    this.#listed = undefined;
    this.#forgetTasks();
  }

  /** A change to this VM was made and has not been seen yet. */
  unsettle(vmId: string): void {
    this.#unsettled.add(vmId);
  }

  /** Taken before a question and given back with its answer, so that an answer that the stream overtook is dropped. */
  mark(): number {
    return this.#version;
  }

  /** Takes in the answer to a question asked at `mark`. */
  learn(vm: ObservedMachine, mark: number): void {
    // Which of the two is newer nobody knows: it stays unsettled, so that the next look asks again.
    if ((this.#versions.get(vm.id) ?? 0) > mark) return;
    this.#put(vm);
  }

  /** Takes in that a VM asked for at `mark` is provably not there. */
  learnAbsence({ vmId, ownerUid }: MachineIds, mark: number): void {
    const id = this.#idOf({ vmId, ownerUid });
    if (id === undefined || (this.#versions.get(id) ?? 0) > mark) return;
    this.#forget(id);
  }

  /**
   * A call that was made in `session` started a task. Without a stream nobody would tell about its end, and where it
   * broke meanwhile the call may have been repeated and the task be over: then it has to be asked for.
   */
  startTask(task: TaskRef, session: number): void {
    if (this.#lost === undefined && session === this.#session) this.learnTask({ task, state: "Running" });
  }

  /** Takes in the state of a task. What has ended stays so: an answer may arrive later than the event that overtook it. */
  learnTask(status: TaskStatus): void {
    const known = this.#tasks.get(status.task.id);
    if (known !== undefined && known.status.state !== "Running" && status.state === "Running") return;
    this.#tasks.delete(status.task.id);
    this.#tasks.set(status.task.id, { status, at: this.#now() });
    if (this.#tasks.size <= TASK_MEMORY) return;
    const oldest = this.#tasks.keys().next().value;
    if (oldest !== undefined) this.#tasks.delete(oldest);
  }

  /** The end of a task is told before or after the state that it led to: the next look asks. */
  #taskEnded({ state, vmId }: TaskStatus): void {
    if (vmId === undefined) return;
    if (state !== "Running" && this.#machines.has(vmId)) this.#unsettled.add(vmId);
    this.#tell(this.#idsOf(vmId));
  }

  /** Gives back the name that the machine had before, if it has another now. */
  #put(vm: ObservedMachine): string | undefined {
    const before = this.#machines.get(vm.id);
    if (before !== undefined && before.ownerUid !== vm.ownerUid) this.#unlinkOwner(before);
    if (before !== undefined && before.name !== vm.name) takeFrom(this.#names, before.name, before.id);
    this.#machines.set(vm.id, vm);
    if (vm.ownerUid !== undefined) addTo(this.#owners, vm.ownerUid, vm.id);
    addTo(this.#names, vm.name, vm.id);
    this.#unsettled.delete(vm.id);
    this.#versions.set(vm.id, ++this.#version);
    return before === undefined || before.name === vm.name ? undefined : before.name;
  }

  #unlinkOwner({ id, ownerUid }: ObservedMachine): void {
    if (ownerUid !== undefined) takeFrom(this.#owners, ownerUid, id);
  }

  #drop(vmId: string, ownerUid: string | undefined): void {
    const freedName = this.#machines.get(vmId)?.name;
    const ids = { vmId, ...(ownerUid === undefined ? {} : { ownerUid }), ...this.#idsOf(vmId) };
    this.#forget(vmId);
    this.#tell({ ...ids, ...(freedName === undefined ? {} : { freedName }) });
  }

  #forget(vmId: string): void {
    const machine = this.#machines.get(vmId);
    if (machine !== undefined) {
      this.#unlinkOwner(machine);
      takeFrom(this.#names, machine.name, vmId);
    }
    this.#machines.delete(vmId);
    this.#versions.delete(vmId);
    this.#unsettled.delete(vmId);
  }

  #endList(): void {
    const listed = this.#listed;
    if (listed === undefined) return;
    this.#listed = undefined;
    this.#lost = undefined;
    this.#everWhole = true;
    for (const id of [...this.#machines.keys()]) if (!listed.has(id)) this.#drop(id, undefined);
    this.#unsettled.clear();
    this.#forgetTasks();
    this.#tell({});
  }

  /** Their ends may have gone by while nobody listened. */
  #forgetTasks(): void {
    this.#tasks.clear();
    this.#session++;
  }

  /**
   * A copy that somebody made carries the mark too; the machine that is known by its id is the one that is meant, else the
   * one that was there first.
   */
  #idOf({ vmId, ownerUid }: { readonly vmId: string | undefined; readonly ownerUid: string | undefined }) {
    if (ownerUid === undefined || (vmId !== undefined && this.#machines.get(vmId)?.ownerUid === ownerUid)) return vmId;
    const [first = vmId] = this.#owners.get(ownerUid) ?? [];
    return first;
  }

  #idsOf(vmId: string): MachineIds {
    const vm = this.#machines.get(vmId);
    return vm === undefined ? { vmId } : idsOf(vm);
  }

  #tell(change: InventoryChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function addTo(index: Map<string, Set<string>>, value: string, id: string): void {
  const ids = index.get(value);
  if (ids === undefined) index.set(value, new Set([id]));
  else ids.add(id);
}

function takeFrom(index: Map<string, Set<string>>, value: string, id: string): void {
  const ids = index.get(value);
  if (ids?.delete(id) && ids.size === 0) index.delete(value);
}

function idsOf({ id, ownerUid }: ObservedMachine): MachineIds {
  return { vmId: id, ...(ownerUid === undefined ? {} : { ownerUid }) };
}
