/** Work to do, by key. @module */
import type { ObjectKey } from "@virtrigaud/kube";
import { backoffDelay, type BackoffPolicy, type Clock, systemClock } from "@virtrigaud/resilience";
import { Delays } from "./delays.ts";
import { FairShare, isHigher, type Waiting } from "./fair_share.ts";
import { noMetrics, type RuntimeMetrics } from "./observe.ts";
import type { Priority } from "./reconcile.ts";

/** Options of a {@linkcode WorkQueue}. */
export interface WorkQueueOptions {
  /** Name in metrics. */
  readonly name: string;
  /** Workers that take from the queue. With `groupOf`, groups share them fairly. */
  readonly workers?: number;
  /** See `ControllerOptions.groupOf`. Default: one group. */
  readonly groupOf?: (key: ObjectKey) => string;
  /** Delay of `retry`. Default 200 ms to 5 min. */
  readonly backoff?: BackoffPolicy;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly metrics?: RuntimeMetrics;
}

/** A key that a worker has taken; hand it back with `done`. */
export interface WorkItem {
  readonly key: ObjectKey;
  readonly priority: Priority;
}

interface Running {
  readonly group: string;
  readonly since: number;
  /** Added again while it was being worked on. */
  again: Waiting | undefined;
}

const DEFAULT_BACKOFF: BackoffPolicy = { baseMs: 200, maxMs: 300_000 };

/**
 * Keys that wait for a worker: each is there once, at its highest priority, and never with two workers. A key added
 * while a worker has it is given out again after `done`.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #metrics: RuntimeMetrics;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #backoff: BackoffPolicy;
  readonly #groupOf: (key: ObjectKey) => string;
  readonly #waiting: FairShare;
  readonly #running = new Map<ObjectKey, Running>();
  readonly #failures = new Map<ObjectKey, number>();
  readonly #delays: Delays<Priority>;
  readonly #takers: ((item: WorkItem | undefined) => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#metrics = options.metrics ?? noMetrics;
    this.#labels = { name: options.name };
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#groupOf = options.groupOf ?? (() => "");
    this.#waiting = new FairShare(options.groupOf === undefined ? undefined : options.workers);
    this.#delays = new Delays(this.#clock, (key, priority) => this.add(key, { priority }));
  }

  /** Keys that wait for a worker now; those that are delayed do not count. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delays.size;
  }

  /** Whether a key waits or is with a worker. */
  has(key: ObjectKey): boolean {
    return this.#running.has(key) || this.#waiting.get(key) !== undefined;
  }

  /** Adds a key, at once or after `afterMs`. Of several delays of a key the shortest counts. Default priority: normal. */
  add(key: ObjectKey, options: { readonly priority?: Priority; readonly afterMs?: number } = {}): void {
    if (this.#closed) return;
    const priority = options.priority ?? "normal";
    if (options.afterMs !== undefined && options.afterMs > 0) return this.#delays.add(key, options.afterMs, priority);
    this.#metrics.count("workqueue_adds_total", this.#labels);
    const waiting: Waiting = { key, priority, group: this.#groupOf(key), since: this.#clock.monotonic() };
    const running = this.#running.get(key);
    if (running === undefined) this.#enter(waiting);
    else running.again = merged(running.again, waiting);
  }

  /** Adds a key that has failed, after its backoff. Gives back the delay in milliseconds. */
  retry(key: ObjectKey, priority: Priority = "normal"): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    this.#metrics.count("workqueue_retries_total", this.#labels);
    const delay = backoffDelay(this.#backoff, failures, this.#random);
    this.add(key, { priority, afterMs: delay });
    return delay;
  }

  /** Failures of a key in a row. */
  failures(key: ObjectKey): number {
    return this.#failures.get(key) ?? 0;
  }

  /** A key has succeeded: its next failure is the first again. */
  forget(key: ObjectKey): void {
    this.#failures.delete(key);
  }

  /**
   * The key that goes next, as soon as there is one; `undefined` when the queue has been closed. A delay of the key is
   * taken back: whoever works on it decides anew when to look again.
   */
  take(): Promise<WorkItem | undefined> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#serve();
    });
  }

  /** The worker is through with a key that it took. */
  done(key: ObjectKey): void {
    const running = this.#running.get(key);
    if (running === undefined) throw new Error(`"${key}" is not with a worker`);
    this.#running.delete(key);
    this.#waiting.release(running.group);
    const seconds = (this.#clock.monotonic() - running.since) / 1000;
    this.#metrics.observe("workqueue_work_duration_seconds", this.#labels, seconds);
    if (running.again !== undefined && !this.#closed) this.#enter(running.again);
    else this.#serve();
  }

  /** Ends the queue: waiting keys are dropped, `take` answers `undefined`. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#delays.clear();
    this.#serve();
  }

  #enter(waiting: Waiting): void {
    const present = this.#waiting.get(waiting.key);
    if (present !== undefined && !isHigher(waiting.priority, present.priority)) return;
    this.#waiting.add(merged(present, waiting));
    this.#metrics.gauge("workqueue_depth", this.#labels, this.#waiting.size);
    this.#serve();
  }

  #serve(): void {
    while (this.#takers.length > 0) {
      const next = this.#closed ? undefined : this.#waiting.take();
      if (next === undefined && !this.#closed) return;
      const taker = this.#takers.shift();
      if (next === undefined) {
        taker?.(undefined);
        continue;
      }
      const since = this.#clock.monotonic();
      this.#delays.delete(next.key);
      this.#running.set(next.key, { group: next.group, since, again: undefined });
      this.#metrics.gauge("workqueue_depth", this.#labels, this.#waiting.size);
      this.#metrics.observe("workqueue_queue_duration_seconds", this.#labels, (since - next.since) / 1000);
      taker?.({ key: next.key, priority: next.priority });
    }
  }
}

/** Two additions of a key as one: the higher priority, waiting since the first. */
function merged(present: Waiting | undefined, added: Waiting): Waiting {
  if (present === undefined) return added;
  const priority = isHigher(added.priority, present.priority) ? added.priority : present.priority;
  return { ...added, priority, since: present.since };
}
