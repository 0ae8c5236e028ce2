/** Watch streams: a full list, then every change, in order. @module */
import type { Clock } from "@virtrigaud/resilience";
import { ProviderError, type TaskStatus, type WatchEvent } from "@virtrigaud/contract";
import type { VmRecord } from "./model.ts";
import type { Commit, Store } from "./store.ts";
import { taskStatus } from "./tasks.ts";

/** Changes that a slow reader may be behind; beyond, it is given the full list again. */
const MAX_BEHIND = 4096;

type Change =
  | { readonly type: "Vm"; readonly id: string }
  | { readonly type: "Gone"; readonly vmId: string; readonly ownerUid?: string }
  | { readonly type: "Task"; readonly status: TaskStatus };

interface Reader {
  changes: Change[];
  /** VMs that are among `changes` already: a VM is reported as it is when it is read. */
  waiting: Set<string>;
  relist: boolean;
  cut: boolean;
  wake: () => void;
}

/** Hands commits to all open watches. */
export class WatchHub {
  readonly #readers = new Set<Reader>();
  readonly #closed = new AbortController();

  /** Takes in what a transaction has changed. */
  publish(store: Store, clock: Clock, commit: Commit): void {
    const changes = changesOf(store, clock, commit);
    // Waking a reader for nothing would put its heartbeat off.
    if (changes.length === 0) return;
    for (const reader of this.#readers) {
      for (const change of changes) push(reader, change);
      reader.wake();
    }
  }

  /** Lets every reader start again with a full list, as after a loss of continuity. */
  resync(): void {
    for (const reader of this.#readers) {
      reader.relist = true;
      reader.wake();
    }
  }

  /** Breaks every watch off, as a lost connection to the hypervisor would. */
  cut(): void {
    for (const reader of this.#readers) {
      reader.cut = true;
      reader.wake();
    }
  }

  /** Ends all watches. */
  close(): void {
    this.#closed.abort();
  }

  /** A watch; ends when `signal` is aborted. */
  async *watch(
    options: {
      readonly store: Store;
      readonly clock: Clock;
      readonly heartbeatMs: number;
      readonly present: (vm: VmRecord) => WatchEvent;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<WatchEvent> {
    const { store, clock, present } = options;
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    const reader: Reader = { changes: [], waiting: new Set(), relist: true, cut: false, wake: () => {} };
    this.#readers.add(reader);
    try {
      while (!signal.aborted) {
        if (reader.cut) throw new ProviderError("Unavailable", "the event stream of the hypervisor broke off");
        if (reader.relist) {
          // Taken at one instant: what changes while it is being read comes after it.
          reader.relist = false;
          reader.changes = [];
          reader.waiting.clear();
          const all = [...store.list("vms")].map(present);
          yield { type: "ListBegin" };
          yield* all;
          yield { type: "ListEnd" };
          continue;
        }
        const change = reader.changes.shift();
        if (change === undefined) {
          if (!await waitForChange(reader, clock, options.heartbeatMs, signal)) yield { type: "Heartbeat" };
          continue;
        }
        if (change.type !== "Vm") yield change;
        else {
          reader.waiting.delete(change.id);
          const vm = store.get("vms", change.id);
          if (vm !== undefined) yield present(vm);
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }
}

/** Waits for a change; `false` when it is time for a heartbeat. */
async function waitForChange(reader: Reader, clock: Clock, heartbeatMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const cancel = clock.setTimeout(() => resolve(false), heartbeatMs);
  const onAbort = () => resolve(true);
  signal.addEventListener("abort", onAbort, { once: true });
  reader.wake = () => resolve(true);
  if (signal.aborted || reader.cut || reader.relist || reader.changes.length > 0) resolve(true);
  try {
    return await promise;
  } finally {
    reader.wake = () => {};
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

function push(reader: Reader, change: Change): void {
  if (reader.relist) return;
  if (change.type === "Vm") {
    if (reader.waiting.has(change.id)) return;
    reader.waiting.add(change.id);
  }
  reader.changes.push(change);
  if (reader.changes.length > MAX_BEHIND) reader.relist = true;
}

function changesOf(store: Store, clock: Clock, commit: Commit): Change[] {
  const vms = new Map<string, string | undefined>();
  const tasks: Change[] = [];
  for (const { table, id, previous } of commit.writes) {
    if (table === "vms") {
      if (!vms.has(id)) vms.set(id, undefined);
      if (previous !== undefined && "ownerUid" in previous) vms.set(id, previous.ownerUid);
    } else if (table === "volumes") {
      const vmId = store.get("volumes", id)?.vmId;
      if (vmId !== undefined && !vms.has(vmId)) vms.set(vmId, undefined);
    } else if (table === "tasks") {
      const task = store.get("tasks", id);
      if (task !== undefined && task.state !== "Running" && !task.internal) {
        tasks.push({ type: "Task", status: taskStatus(task, clock.now()) });
      }
    }
  }
  const present: Change[] = [...vms].map(([id, ownerUid]) =>
    store.get("vms", id) !== undefined
      ? { type: "Vm", id }
      : { type: "Gone", vmId: id, ...ownerUid === undefined ? {} : { ownerUid } }
  );
  return [...present, ...tasks];
}
