/**
 * Work that goes on after the call that asked for it was answered. libvirt has no tasks of its own, so these live in the
 * provider's process: after a restart they are unknown, and the VM itself tells how far it came.
 *
 * @module
 */
import { ProviderError, type TaskRef, type TaskStatus } from "@virtrigaud/contract";

/** What a task is given: a signal that ends it early, and a way to say how far it is. */
export interface TaskControl {
  readonly signal: AbortSignal;
  readonly progress: (percent: number) => void;
}

/** What a task that succeeded has to tell. */
export type TaskResult = Pick<TaskStatus, "checksum">;

interface Task {
  readonly key: string;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  status: TaskStatus;
}

/** Tasks that have ended and are remembered; older ones are forgotten. */
const ENDED_MAX = 1000;

/** The tasks of one provider process. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();
  readonly #listeners = new Set<(status: TaskStatus) => void>();

  /** The task under `key` that has not ended. */
  running(key: string): TaskRef | undefined {
    for (const task of this.#tasks.values()) {
      if (task.key === key && task.status.state === "Running") return task.status.task;
    }
    return undefined;
  }

  /** Starts `work`; a running task of the same key is returned instead. Its errors end up in its status. */
  start(key: string, vmId: string | undefined, work: (control: TaskControl) => Promise<TaskResult | void>): TaskRef {
    const running = this.running(key);
    if (running !== undefined) return running;
    const ref: TaskRef = { id: crypto.randomUUID() };
    const abort = new AbortController();
    const { promise: begin, resolve: go } = Promise.withResolvers<void>();
    const progress = (percent: number) => this.#update(ref.id, { state: "Running", progressPercent: percent });
    const done = begin.then(() => {
      if (abort.signal.aborted) throw new ProviderError("Retryable", "the task was cancelled before it began");
      return work({ signal: abort.signal, progress });
    }).then(
      (result) => this.#update(ref.id, { state: "Succeeded", progressPercent: 100, ...result }),
      (error: unknown) => this.#update(ref.id, { state: "Failed", error: failureOf(error) }),
    );
    this.#tasks.set(ref.id, {
      key,
      abort,
      done,
      status: { task: ref, ...(vmId === undefined ? {} : { vmId }), state: "Running" },
    });
    this.#forget();
    go();
    return ref;
  }

  /** @throws {ProviderError} `NotFound` with reason `TaskUnknown`. */
  status(ref: TaskRef): TaskStatus {
    const task = this.#tasks.get(ref.id);
    if (task !== undefined) return task.status;
    throw new ProviderError(
      "NotFound",
      `task ${ref.id} is not known; the provider may have restarted: describe the VM`,
      {
        reason: "TaskUnknown",
      },
    );
  }

  /** Ends the running task of `key`, if there is one, and waits until it has ended. */
  async cancel(key: string): Promise<void> {
    const ref = this.running(key);
    const task = ref === undefined ? undefined : this.#tasks.get(ref.id);
    task?.abort.abort();
    await task?.done;
  }

  /** Ends everything; for shutdown. */
  async close(): Promise<void> {
    for (const task of this.#tasks.values()) task.abort.abort();
    await Promise.all([...this.#tasks.values()].map((task) => task.done));
  }

  /** Calls `listener` at every change of a task; the function returned ends that. */
  listen(listener: (status: TaskStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #update(id: string, change: Pick<TaskStatus, "state" | "progressPercent" | "error" | "checksum">): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    const { task: ref, vmId } = task.status;
    task.status = { task: ref, ...(vmId === undefined ? {} : { vmId }), ...change };
    for (const listener of this.#listeners) listener(task.status);
  }

  #forget(): void {
    const ended = [...this.#tasks].filter(([, task]) => task.status.state !== "Running");
    for (const [id] of ended.slice(0, Math.max(0, ended.length - ENDED_MAX))) this.#tasks.delete(id);
  }
}

function failureOf(error: unknown): NonNullable<TaskStatus["error"]> {
  if (!(error instanceof ProviderError)) {
    return { class: "Retryable", message: `unexpected: ${error instanceof Error ? error.message : String(error)}` };
  }
  const { class: errorClass, message, reason, field } = error;
  return {
    class: errorClass,
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(field === undefined ? {} : { field }),
  };
}
