/** Runs a process of controllers: informers, leadership, controllers, and an orderly end. @module */
import type { KubeClient, KubeObject } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import { Controller } from "./controller.ts";
import { Informers } from "./informers.ts";
import { LeaderElector, type LeaderElectorOptions, type Leadership } from "./leader.ts";
import { messageOf, noMetrics, type RuntimeLog, type RuntimeMetrics, silentLog } from "./observe.ts";
import type { ControllerOptions } from "./reconcile.ts";

/** Something that runs beside the controllers until its signal aborts. */
export interface Runnable {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
  /** Run it only while this process leads. Default true. */
  readonly leaderOnly?: boolean;
}

/** Answer of a health check: `undefined` when all is well, else what is not. */
export type HealthCheck = () => string | undefined;

/** Options of a {@linkcode Manager}. */
export interface ManagerOptions {
  readonly client: KubeClient;
  /** Left out, the process leads alone, with fence 0. */
  readonly leaderElection?: Pick<
    LeaderElectorOptions,
    "namespace" | "name" | "identity" | "leaseDurationMs" | "renewDeadlineMs" | "retryPeriodMs" | "onLost" | "presence"
  >;
  /** Time that reconciles have to end in when the process stops. Default 20000 ms. */
  readonly drainTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: RuntimeLog;
  readonly metrics?: RuntimeMetrics;
}

/**
 * One process of controllers. Order of a life: informers start and sync (on a stand-by too, so that it is warm),
 * leadership is taken, controllers reconcile; on stop they drain, then the lease is given back, then informers end.
 */
export class Manager {
  readonly client: KubeClient;
  readonly informers: Informers;
  readonly #options: ManagerOptions;
  readonly #log: RuntimeLog;
  readonly #controllers: Controller[] = [];
  readonly #runnables: Runnable[] = [];
  readonly #elector: LeaderElector | undefined;
  #leadership: Leadership | undefined;
  #stopping = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.client = options.client;
    this.#log = options.log ?? silentLog;
    const { client, clock, random, log, metrics = noMetrics } = options;
    this.informers = new Informers({ client, clock, random, log, metrics });
    this.#elector = options.leaderElection === undefined
      ? undefined
      : new LeaderElector({ ...options.leaderElection, client, clock, random, log, metrics });
  }

  /** Adds a controller; before {@linkcode run}. */
  add<T extends KubeObject>(options: ControllerOptions<T>): Controller<T> {
    const { clock, random, log, metrics } = this.#options;
    const controller = new Controller<T>(options, { clock, random, log, metrics });
    // Run and drained alike, whatever kind they are of.
    this.#controllers.push(controller as unknown as Controller);
    return controller;
  }

  /** Adds something that runs beside the controllers; before {@linkcode run}. */
  addRunnable(runnable: Runnable): void {
    this.#runnables.push(runnable);
  }

  /** The present term; `undefined` on a stand-by. */
  get leadership(): Leadership | undefined {
    return this.#elector === undefined ? this.#leadership : this.#elector.leadership;
  }

  /** What `/readyz` asks. A stand-by is ready when its stores are. */
  get readyChecks(): Readonly<Record<string, HealthCheck>> {
    return {
      informers: () => {
        const missing = this.informers.unsynced;
        return missing.length === 0 ? undefined : `waiting for the first state of: ${missing.join(", ")}`;
      },
      shutdown: () => this.#stopping ? "shutting down" : undefined,
    };
  }

  /**
   * Runs until `signal` aborts and everything has drained, or until leadership is lost.
   * @throws what a runnable throws, after the same orderly end
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const informers = new AbortController();
    const onStop = () => {
      this.#stopping = true;
      stop.abort(signal.reason);
    };
    if (signal.aborted) onStop();
    else signal.addEventListener("abort", onStop, { once: true });
    this.informers.start(informers.signal);
    try {
      await allOrStop([this.#lead(stop), ...this.#start(false, stop.signal)], stop);
    } finally {
      this.#stopping = true;
      signal.removeEventListener("abort", onStop);
      informers.abort();
      await this.informers.stopped();
    }
  }

  async #lead(stop: AbortController): Promise<void> {
    try {
      await this.informers.whenSynced({ signal: stop.signal });
      if (this.#elector === undefined) this.#leadership = { fence: 0 };
      else await this.#elector.acquire(stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return;
      throw error;
    }
    // Renewed until everything has drained: nobody takes over while reconciles are still going.
    const drained = new AbortController();
    const holding = this.#elector?.hold(drained.signal).finally(() => stop.abort());
    const { drainTimeoutMs } = this.#options;
    const controllers = this.#controllers.map((controller) => controller.run(stop.signal, { drainTimeoutMs }));
    try {
      await allOrStop([...controllers, ...this.#start(true, stop.signal)], stop);
    } finally {
      drained.abort();
      await holding;
    }
  }

  #start(leaderOnly: boolean, signal: AbortSignal): Promise<void>[] {
    const chosen = this.#runnables.filter((runnable) => (runnable.leaderOnly ?? true) === leaderOnly);
    return chosen.map(async (runnable) => {
      try {
        await runnable.run(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.error(`${runnable.name} failed`, { error: messageOf(error) });
        throw error;
      }
    });
  }
}

/** Waits for all to end; the first failure stops the others, and is thrown when they have ended too. */
async function allOrStop(parts: readonly Promise<void>[], stop: AbortController): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(parts.map((part) =>
    part.catch((error) => {
      failures.push(error);
      stop.abort(error);
    })
  ));
  if (failures.length > 0) throw failures[0];
}
