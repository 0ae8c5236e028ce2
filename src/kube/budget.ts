/** What a client may ask of the API server: requests per second and requests in flight. @module */
import { type CancelTimer, type Clock, systemClock } from "@virtrigaud/resilience";

/** Limits of one lane of requests. */
export interface BudgetOptions {
  /** Requests per second over time. Default unlimited: the API server's own priority and fairness decides. */
  readonly qps?: number;
  /** Requests that may go at once after a pause. Default twice `qps`. */
  readonly burst?: number;
  /** Requests that may be under way together. Default 64. */
  readonly maxInFlight?: number;
  readonly clock?: Clock;
}

interface Waiter {
  readonly admit: () => void;
}

/** Token bucket plus a bound on requests in flight; who waits is served in order of arrival. */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #qps: number;
  readonly #burst: number;
  readonly #maxInFlight: number;
  readonly #waiting = new Set<Waiter>();
  #inFlight = 0;
  #tokens: number;
  #filledAt: number;
  #cancelRefill: CancelTimer | undefined;

  constructor(options: BudgetOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#qps = options.qps ?? Infinity;
    this.#burst = options.burst ?? (this.#qps === Infinity ? Infinity : Math.max(1, 2 * this.#qps));
    this.#maxInFlight = options.maxInFlight ?? 64;
    this.#tokens = this.#burst;
    this.#filledAt = this.#clock.monotonic();
  }

  /**
   * Waits for a turn. The caller calls the returned function when its request is over.
   * @throws the reason of `signal` when it aborts first.
   */
  acquire(signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.size === 0 && this.#take()) return Promise.resolve(this.#releaser());
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) this.#stopRefill();
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve(this.#releaser());
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiter);
      this.#admit();
    });
  }

  #releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#inFlight--;
      this.#admit();
    };
  }

  #take(): boolean {
    if (this.#inFlight >= this.#maxInFlight) return false;
    if (this.#qps !== Infinity) {
      const now = this.#clock.monotonic();
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#qps / 1000);
      this.#filledAt = now;
      // The tolerance keeps rounding from asking for a timer of next to nothing, over and over.
      if (this.#tokens < 1 - 1e-9) return false;
      this.#tokens -= 1;
    }
    this.#inFlight++;
    return true;
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      if (!this.#take()) break;
      this.#waiting.delete(waiter);
      waiter.admit();
    }
    if (this.#waiting.size === 0) return this.#stopRefill();
    // With requests in flight at the limit, the next release admits; only an empty bucket needs a timer.
    if (this.#cancelRefill === undefined && this.#inFlight < this.#maxInFlight) {
      this.#cancelRefill = this.#clock.setTimeout(() => {
        this.#cancelRefill = undefined;
        this.#admit();
      }, Math.max(1, (1 - this.#tokens) * 1000 / this.#qps));
    }
  }

  #stopRefill(): void {
    this.#cancelRefill?.();
    this.#cancelRefill = undefined;
  }
}
