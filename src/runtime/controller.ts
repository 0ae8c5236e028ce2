/** Workers that reconcile keys whenever something about them changes. @module */
import { isConflict, keyOf, type KubeObject, type ObjectKey } from "@virtrigaud/kube";
import { setImmediate } from "node:timers";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { messageOf, noMetrics, type RuntimeLog, type RuntimeMetrics, silentLog } from "./observe.ts";
import { isPending } from "./pending.ts";
import { WorkQueue } from "./queue.ts";
import type { ControllerOptions, Priority, ReconcileContext, Result } from "./reconcile.ts";
import type { InformerEvent, InformerView } from "./view.ts";

/** What a controller works with. */
export interface ControllerEnvironment {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: RuntimeLog;
  readonly metrics?: RuntimeMetrics;
}

/**
 * Reconciles that find nothing to do end without waiting for anything; a row of thousands would keep requests, probes and
 * the renewal of the lease from getting a turn. After so many milliseconds everybody else gets one.
 */
const TURN_MS = 10;

/**
 * After so many milliseconds it is known whether a change was this process's own: the watch may be quicker than the
 * answer to the write.
 */
const OWN_KNOWN_MS = 1_000;

const DEFAULTS = { concurrency: 10, reconcileTimeoutMs: 300_000, drainTimeoutMs: 20_000 } as const;

/** Reconciles one kind. See {@linkcode ControllerOptions}. */
export class Controller<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly #options: ControllerOptions<T>;
  readonly #informers: readonly InformerView[];
  readonly #clock: Clock;
  readonly #log: RuntimeLog;
  readonly #metrics: RuntimeMetrics;
  readonly #queue: WorkQueue;
  readonly #concurrency: number;
  /** Aborts reconciles that are still going when the grace of a shutdown is over. */
  readonly #cut = new AbortController();
  readonly #active = new Set<ObjectKey>();
  /** Keys of which a change was left out as this process's own. */
  readonly #leftOut = new Set<ObjectKey>();
  #cancelLook = () => {};
  #turnStart = 0;
  #nextTurn: Promise<void> | undefined;

  constructor(options: ControllerOptions<T>, environment: ControllerEnvironment = {}) {
    this.name = options.name;
    this.#options = options;
    this.#informers = [options.informer, ...(options.watches ?? []).map((source) => source.informer)];
    this.#clock = environment.clock ?? systemClock;
    this.#log = environment.log ?? silentLog;
    this.#metrics = environment.metrics ?? noMetrics;
    this.#concurrency = options.concurrency ?? DEFAULTS.concurrency;
    this.#queue = new WorkQueue({
      name: options.name,
      workers: this.#concurrency,
      groupOf: options.groupOf,
      backoff: options.backoff,
      clock: this.#clock,
      random: environment.random,
      metrics: this.#metrics,
    });
  }

  /** Reconciles `key` soon, or after `afterMs`. */
  enqueue(key: ObjectKey, options: { readonly priority?: Priority; readonly afterMs?: number } = {}): void {
    this.#queue.add(key, options);
  }

  /** Keys that are being reconciled now. */
  get active(): ReadonlySet<ObjectKey> {
    return this.#active;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#queue.depth;
  }

  /**
   * Reconciles until `signal` aborts; starts when all informers have synced. Then no key is begun any more, those under
   * way get `drainTimeoutMs` (default 20000) to end, after which their signals abort. Call once.
   */
  async run(signal: AbortSignal, options: { readonly drainTimeoutMs?: number } = {}): Promise<void> {
    try {
      await Promise.all(this.#informers.map((informer) => informer.whenSynced({ signal })));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const detach = this.#attach();
    this.#metrics.gauge(
      "controller_runtime_max_concurrent_reconciles",
      { controller: this.name },
      this.#concurrency,
    );
    const drainTimeoutMs = options.drainTimeoutMs ?? DEFAULTS.drainTimeoutMs;
    let cancelCut = () => {};
    const stop = () => {
      for (const remove of detach) remove();
      this.#queue.close();
      this.#cancelLook();
      cancelCut = this.#clock.setTimeout(() => {
        const keys = [...this.#active];
        this.#log.warn("reconciles did not end in time and are aborted", { controller: this.name, keys });
        this.#cut.abort(new DOMException(`controller ${this.name} is shutting down`, "AbortError"));
      }, drainTimeoutMs);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    await Promise.all(Array.from({ length: this.#concurrency }, () => this.#work()));
    cancelCut();
  }

  #attach(): (() => void)[] {
    const { informer, ignore, initialDelayMs, watches = [] } = this.#options;
    const primary = informer.addHandler((event) => {
      const old = event.type === "Updated" ? event.old : undefined;
      if (event.type !== "Deleted" && !event.initial && ignore?.(event.object, old)) {
        return this.#leaveOut(event.object);
      }
      const priority = priorityOf(event);
      const afterMs = priority === "low" ? initialDelayMs?.(event.object) : undefined;
      this.#queue.add(keyOf(event.object), { priority, ...(afterMs === undefined ? {} : { afterMs }) });
    });
    const others = watches.map((source) =>
      source.informer.addHandler((event) => {
        const old = event.type === "Updated" ? event.old : undefined;
        const priority = event.initial ? "low" : "normal";
        for (const key of source.map(event.object, old)) this.#queue.add(key, { priority });
      })
    );
    return [primary, ...others];
  }

  /** Not for good: what a leader of former days, or a person, has put into a status has to be put right. */
  #leaveOut(object: T): void {
    const waiting = this.#leftOut.size > 0;
    this.#leftOut.add(keyOf(object));
    if (waiting) return;
    this.#cancelLook = this.#clock.setTimeout(() => {
      const foreign = [...this.#leftOut].filter((key) => !this.#options.informer.isOwn(key));
      this.#leftOut.clear();
      for (const key of foreign) this.#queue.add(key, { priority: "low" });
    }, OWN_KNOWN_MS);
  }

  async #work(): Promise<void> {
    for (let item = await this.#queue.take(); item !== undefined; item = await this.#queue.take()) {
      await this.#takeTurns();
      const { key, priority } = item;
      const stale = this.#informers.find((informer) => !informer.fresh(key));
      if (stale === undefined) await this.#reconcile(key, priority);
      this.#queue.done(key);
      stale?.whenFresh(key, () => {
        // Whoever has added it in the meantime has it looked at again with the store as it is now.
        if (!this.#queue.has(key)) this.#queue.add(key, { priority });
      });
    }
  }

  #takeTurns(): Promise<void> | undefined {
    if (this.#nextTurn === undefined && this.#clock.monotonic() - this.#turnStart < TURN_MS) return undefined;
    return this.#nextTurn ??= new Promise((resolve) =>
      setImmediate(() => {
        this.#turnStart = this.#clock.monotonic();
        this.#nextTurn = undefined;
        resolve();
      })
    );
  }

  async #reconcile(key: ObjectKey, priority: Priority): Promise<void> {
    const start = this.#clock.monotonic();
    const limit = new AbortController();
    const cancelLimit = this.#clock.setTimeout(() => {
      const ms = this.#options.reconcileTimeoutMs ?? DEFAULTS.reconcileTimeoutMs;
      limit.abort(new DOMException(`reconcile of ${key} took longer than ${ms} ms`, "TimeoutError"));
    }, this.#options.reconcileTimeoutMs ?? DEFAULTS.reconcileTimeoutMs);
    const onCut = () => limit.abort(this.#cut.signal.reason);
    this.#cut.signal.addEventListener("abort", onCut, { once: true });
    const log = withFields(this.#log, { controller: this.name, key });
    const failures = this.#queue.failures(key);
    const context: ReconcileContext = { signal: limit.signal, log, priority, failures };
    log.debug("reconcile begins", { priority, failures });
    this.#active.add(key);
    this.#metrics.gauge("controller_runtime_active_workers", { controller: this.name }, this.#active.size);
    let result: string;
    try {
      result = this.#settle(key, await this.#options.reconcile(key, context));
    } catch (error) {
      result = this.#fail(key, error, log);
    } finally {
      cancelLimit();
      this.#cut.signal.removeEventListener("abort", onCut);
      this.#active.delete(key);
    }
    this.#metrics.gauge("controller_runtime_active_workers", { controller: this.name }, this.#active.size);
    this.#metrics.count("controller_runtime_reconcile_total", { controller: this.name, result });
    const seconds = (this.#clock.monotonic() - start) / 1000;
    this.#metrics.observe("controller_runtime_reconcile_time_seconds", { controller: this.name }, seconds);
    log.debug("reconcile ended", { result, seconds });
  }

  #settle(key: ObjectKey, result: Result): string {
    this.#queue.forget(key);
    switch (result.type) {
      case "Done":
        return "success";
      case "RequeueAfter":
        this.#queue.add(key, { afterMs: Math.max(1, result.ms) });
        return "requeue_after";
    }
  }

  #fail(key: ObjectKey, error: unknown, log: RuntimeLog): string {
    const delay = Math.round(this.#queue.retry(key));
    if (isConflict(error)) {
      log.debug("the view was stale; trying again with a fresh one", { retryInMs: delay, error: messageOf(error) });
      return "conflict";
    }
    this.#metrics.count("controller_runtime_reconcile_errors_total", { controller: this.name });
    const failures = this.#queue.failures(key);
    const stack = error instanceof Error ? error.stack : undefined;
    log.error("reconcile failed", { retryInMs: delay, failures, error: messageOf(error), stack });
    return "error";
  }
}

/** What somebody just did goes first; what a list found, last, and of that first what somebody did unseen. */
function priorityOf(event: InformerEvent): Priority {
  if (event.initial) return isPending(event.object) ? "normal" : "low";
  if (event.type !== "Updated") return "high";
  const [now, before] = [event.object.metadata, event.old.metadata];
  const byUser = now.generation !== before.generation || now.deletionTimestamp !== before.deletionTimestamp ||
    !sameRecord(now.annotations, before.annotations) || !sameRecord(now.labels, before.labels);
  return byUser ? "high" : "normal";
}

function sameRecord(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function withFields(log: RuntimeLog, fields: Readonly<Record<string, unknown>>): RuntimeLog {
  return {
    debug: (message, more) => log.debug(message, { ...fields, ...more }),
    info: (message, more) => log.info(message, { ...fields, ...more }),
    warn: (message, more) => log.warn(message, { ...fields, ...more }),
    error: (message, more) => log.error(message, { ...fields, ...more }),
  };
}
