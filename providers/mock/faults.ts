/** Knobs that make the mock hypervisor misbehave, in the ways in which real ones do. @module */
import { type Clock } from "@virtrigaud/resilience";
import { type ErrorClass, type Provider, ProviderError } from "@virtrigaud/contract";

/** A method of the contract. */
export type Method = keyof Provider;

/** All methods of the contract. */
export const methods: readonly Method[] = [
  "validate",
  "getCapabilities",
  "create",
  "delete",
  "power",
  "reconfigure",
  "hardwareUpgrade",
  "describe",
  "taskStatus",
  "listVms",
  "watch",
  "snapshotCreate",
  "snapshotDelete",
  "snapshotRevert",
  "snapshotList",
  "clone",
  "imagePrepare",
  "exportDisk",
  "importDisk",
  "getDiskInfo",
  "guestExec",
];

/**
 * Where in a call a fault strikes.
 *
 * - `before`: nothing has happened yet.
 * - `after`: the change is made and acknowledged by the hypervisor, the answer is lost.
 * - `task`: when the task that the call started comes to its end, before its effect.
 * - `taskEnd`: after the effect of the task.
 */
export type FaultPoint = "before" | "after" | "task" | "taskEnd";

/** What happens there. */
export type FaultKind =
  /** Fails with this class; at `after`, `Timeout` is the honest choice. */
  | { readonly type: "Error"; readonly class: ErrorClass; readonly message?: string }
  /** No answer until the caller gives up; a task never ends. */
  | { readonly type: "Hang" }
  /** The process dies as by kill -9. */
  | { readonly type: "Crash" }
  /** The task takes effect, but nothing is known of it afterwards. Only at `task`. */
  | { readonly type: "LoseTask" };

/** One fault. */
export interface FaultRule {
  readonly method: Method | "all";
  readonly at: FaultPoint;
  readonly fault: FaultKind;
  /** How often it strikes, 0 to 1. Default 1. */
  readonly rate?: number;
  /** How many times it strikes at most. Default: always. */
  readonly times?: number;
}

/** Options of {@linkcode Faults}. */
export interface FaultOptions {
  readonly clock: Clock;
  /** Seed of all randomness, so that a run can be repeated. Default 1. */
  readonly seed?: number;
  /** What `Crash` does. Default: `Deno.exit(137)`. */
  readonly crash?: () => never;
}

/** The control object for misbehaviour. Without rules, the hypervisor behaves. */
export class Faults {
  /** Delay of every call, milliseconds. */
  latencyMs = 0;
  /** At most this much on top of every delay, evenly distributed, milliseconds. */
  jitterMs = 0;
  /** Factor on the duration of tasks. */
  slowdown = 1;
  /** Every download arrives damaged: checksums do not match. */
  corruptDownloads = false;
  /** Guests that boot from now on get no address. */
  noAddresses = false;
  /** Guests ignore shutdown requests. */
  ignoreShutdown = false;
  /** Room in each storage pool, GiB; `undefined`: as configured. */
  poolSizeGib: number | undefined;

  readonly #clock: Clock;
  readonly #crash: () => never;
  #rules: { rule: FaultRule; left: number }[] = [];
  #random: () => number;

  constructor(options: FaultOptions) {
    this.#clock = options.clock;
    this.#crash = options.crash ?? (() => Deno.exit(137));
    this.#random = seededRandom(options.seed ?? 1);
  }

  /** Adds a fault. */
  add(rule: FaultRule): void {
    this.#rules.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  /** Takes all faults away, delays included. */
  clear(): void {
    this.#rules = [];
    this.latencyMs = this.jitterMs = 0;
    this.slowdown = 1;
    this.corruptDownloads = this.noAddresses = this.ignoreShutdown = false;
    this.poolSizeGib = undefined;
  }

  /** Starts the randomness again from `seed`. */
  reseed(seed: number): void {
    this.#random = seededRandom(seed);
  }

  /** What a task that should take `ms` takes. */
  taskDuration(ms: number): number {
    return ms * this.slowdown + this.#random() * this.jitterMs;
  }

  /** Delays a call and lets the faults at `point` strike. */
  async call(method: Method, point: "before" | "after", signal: AbortSignal): Promise<void> {
    const delay = point === "before" ? this.latencyMs + this.#random() * this.jitterMs : 0;
    if (delay > 0) await this.#clock.sleep(delay, { signal }).catch(() => {});
    throwIfAborted(method, signal);
    const fault = this.#strike(method, point);
    switch (fault?.type) {
      case undefined:
      case "LoseTask":
        return;
      case "Error":
        throw new ProviderError(fault.class, fault.message ?? `injected fault ${point} ${method}`, {
          reason: "InjectedFault",
        });
      case "Crash":
        return this.#crash();
      case "Hang":
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
        throwIfAborted(method, signal);
    }
  }

  /** The fault that strikes a task of `method`; a crash happens here. */
  task(method: Method, point: "task" | "taskEnd"): FaultKind | undefined {
    const fault = this.#strike(method, point);
    if (fault?.type === "Crash") this.#crash();
    return fault;
  }

  #strike(method: Method, point: FaultPoint): FaultKind | undefined {
    for (const entry of this.#rules) {
      const { rule } = entry;
      if (rule.at !== point || (rule.method !== "all" && rule.method !== method) || entry.left <= 0) continue;
      if (rule.rate !== undefined && this.#random() >= rule.rate) continue;
      entry.left--;
      return rule.fault;
    }
    return undefined;
  }
}

function throwIfAborted(method: Method, signal: AbortSignal): void {
  if (signal.aborted) {
    throw new ProviderError("Timeout", `${method} was given up by its caller`, { reason: "Cancelled" });
  }
}

/** Mulberry32: small, seedable, even enough for delays and fault rates. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
