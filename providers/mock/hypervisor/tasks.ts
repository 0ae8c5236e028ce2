/** Tasks: what takes time, and ends even if the process dies in between. @module */
import type { Clock } from "@virtrigaud/resilience";
import { ProviderError, type TaskRef, type TaskStatus } from "@virtrigaud/contract";
import type { Faults, Method } from "../faults.ts";
import type { Action, TaskError, TaskRecord } from "./model.ts";
import type { Store } from "./store.ts";
import type { StartTask } from "./world.ts";

/** Finished tasks that are remembered. */
const MAX_FINISHED = 10_000;

/** Options of {@linkcode TaskRunner}. */
export interface TaskRunnerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly defaultMs: number;
  /** Makes the effect of an action; throws a ProviderError when it cannot. */
  readonly perform: (action: Action) => void;
  /** Cleans up after an action that failed. */
  readonly abandon: (action: Action, error: TaskError) => void;
  readonly id: (prefix: string) => string;
}

/** Starts tasks and ends them when their time has come. */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #timers = new Map<string, () => void>();
  readonly #finished: string[] = [];
  #closed = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** Goes on with what was running when the process died. */
  resume(): void {
    for (const task of this.#options.store.list("tasks")) {
      if (task.state === "Running") this.#schedule(task);
      else this.#finished.push(task.id);
    }
  }

  /** Starts a task inside the present transaction. */
  start(action: Action, start: StartTask = {}): TaskRef {
    const { store, clock, faults } = this.#options;
    const now = clock.now();
    const internal = start.internal ?? false;
    const { durationMs = this.#options.defaultMs } = start;
    const task: TaskRecord = {
      id: this.#options.id("task"),
      action,
      ...start.vmId === undefined ? {} : { vmId: start.vmId },
      internal,
      startedAt: now,
      endsAt: now + (start.isTimeout === true ? durationMs : faults.taskDuration(durationMs)),
      state: "Running",
    };
    store.put("tasks", task);
    const vm = start.vmId === undefined || internal ? undefined : store.get("vms", start.vmId);
    if (vm !== undefined) {
      store.put("vms", { ...vm, lockedBy: task.id, transitional: start.transitional ?? false });
    }
    this.#schedule(task);
    return { id: task.id };
  }

  /** State of a task. @throws ProviderError `NotFound` with reason `TaskUnknown`. */
  status(ref: TaskRef): TaskStatus {
    const task = this.#options.store.get("tasks", ref.id);
    if (task === undefined || task.internal) {
      throw new ProviderError("NotFound", `task ${ref.id} is not known; describe the VM to see what came of it`, {
        reason: "TaskUnknown",
      });
    }
    return taskStatus(task, this.#options.clock.now());
  }

  /** Stops all timers. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #schedule(task: TaskRecord): void {
    if (this.#closed) return;
    this.#timers.set(
      task.id,
      this.#options.clock.setTimeout(() => {
        this.#timers.delete(task.id);
        this.#end(task.id);
      }, Math.max(0, task.endsAt - this.#options.clock.now())),
    );
  }

  #end(taskId: string): void {
    const { store, faults, perform, abandon } = this.#options;
    const task = store.get("tasks", taskId);
    if (task === undefined || task.state !== "Running") return;
    const method = methodOf(task.action);
    const fault = method === undefined ? undefined : faults.task(method, "task");
    if (fault?.type === "Hang") return;
    let error: TaskError | undefined;
    try {
      if (fault?.type === "Error") {
        throw new ProviderError(fault.class, fault.message ?? `injected fault in task of ${method}`, {
          reason: "InjectedFault",
        });
      }
      store.transaction(() => {
        perform(task.action);
        this.#finish(task, { ...task, state: "Succeeded" }, fault?.type === "LoseTask");
      });
    } catch (thrown) {
      error = toTaskError(thrown);
    }
    if (error !== undefined) {
      const failure = error;
      store.transaction(() => {
        abandon(task.action, failure);
        this.#finish(task, { ...task, state: "Failed", error: failure }, false);
      });
    }
    if (method !== undefined) faults.task(method, "taskEnd");
  }

  #finish(task: TaskRecord, finished: TaskRecord, lose: boolean): void {
    const { store } = this.#options;
    const vm = task.vmId === undefined ? undefined : store.get("vms", task.vmId);
    if (vm?.lockedBy === task.id) {
      const { lockedBy: _released, ...free } = vm;
      store.put("vms", { ...free, transitional: false });
    }
    if (lose || task.internal) store.delete("tasks", task.id);
    else {
      store.put("tasks", finished);
      this.#finished.push(task.id);
      const oldest = this.#finished.length > MAX_FINISHED ? this.#finished.shift() : undefined;
      if (oldest !== undefined) store.delete("tasks", oldest);
    }
  }
}

/** A task as the contract shows it at `now`. */
export function taskStatus(task: TaskRecord, now: number): TaskStatus {
  const share = (now - task.startedAt) / Math.max(1, task.endsAt - task.startedAt);
  return {
    task: { id: task.id },
    ...task.vmId === undefined ? {} : { vmId: task.vmId },
    state: task.state,
    progressPercent: task.state === "Succeeded" ? 100 : Math.max(0, Math.min(99, Math.floor(share * 100))),
    ...task.error === undefined ? {} : { error: task.error },
  };
}

/** The call that starts tasks of this action; `undefined` for what a guest does by itself. */
export function methodOf(action: Action): Method | undefined {
  switch (action.type) {
    case "Create":
      return "create";
    case "Power":
      return "power";
    case "Boot":
      return undefined;
    case "Delete":
      return "delete";
    case "Reconfigure":
      return "reconfigure";
    case "HardwareUpgrade":
      return "hardwareUpgrade";
    case "SnapshotCreate":
      return "snapshotCreate";
    case "SnapshotDelete":
      return "snapshotDelete";
    case "SnapshotRevert":
      return "snapshotRevert";
    case "ImagePrepare":
      return "imagePrepare";
    case "ExportDisk":
      return "exportDisk";
    case "ImportDisk":
      return "importDisk";
  }
}

function toTaskError(thrown: unknown): TaskError {
  if (!(thrown instanceof ProviderError)) throw thrown;
  return {
    class: thrown.class,
    message: thrown.message,
    ...thrown.reason === undefined ? {} : { reason: thrown.reason },
    ...thrown.field === undefined ? {} : { field: thrown.field },
  };
}
