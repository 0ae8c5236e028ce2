/** Circuit breaker: stops calls to a peer that fails on every one, and finds out when it is back. @module */
import { EventEmitter } from "node:events";
import { CircuitBreaker as Opossum } from "@virtrigaud/deps/breaker.ts";
import { type CancelTimer, type Clock, systemClock } from "./clock.ts";

export type BreakerState = "closed" | "half-open" | "open";

/** Thrown instead of making the call. */
export class BreakerOpenError extends Error {
  override readonly name = "BreakerOpenError";
  constructor(
    /** Milliseconds until a trial call is let through. */
    readonly retryAfterMs: number,
  ) {
    super(`circuit breaker is open, the next trial is in ${Math.ceil(retryAfterMs / 1000)} s`);
  }
}

/** Options of {@linkcode Breaker}. */
export interface BreakerOptions {
  /**
   * What a failed call says about the peer: `failure` is counted; `success` (it answered, with a refusal) resets the
   * count; `ignore` says nothing, such as a call that its caller gave up. Default: every error is a failure.
   */
  readonly classify?: (error: unknown) => "failure" | "success" | "ignore";
  /** Consecutive failures that open it. Default 10 (`CB_FAILURE_THRESHOLD`). */
  readonly failureThreshold?: number;
  /** Milliseconds that it stays open. Default 60 000 (`CB_RESET_SECONDS`). */
  readonly resetMs?: number;
  /** Trial calls in half-open state; when all have succeeded it closes, when one fails it opens. Default 3. */
  readonly halfOpenMaxCalls?: number;
  readonly clock?: Clock;
  readonly onStateChange?: (state: BreakerState) => void;
}

type Call = () => Promise<unknown>;

/**
 * The state is opossum's; what opossum cannot express stands here: it trips on an error rate over a window and not on
 * consecutive failures, lets one trial through and not three, and keeps time by itself. It is therefore told when to
 * open and close, and its own thresholds and timer are put out of reach.
 */
export class Breaker {
  readonly #classify: (error: unknown) => "failure" | "success" | "ignore";
  readonly #threshold: number;
  readonly #resetMs: number;
  readonly #maxTrials: number;
  readonly #clock: Clock;
  readonly #circuit: Opossum<[Call], unknown>;
  /** Moves opossum's window of statistics. It keeps one number per call until moved, which would be a leak. */
  readonly #window = new EventEmitter();
  #onStateChange: ((state: BreakerState) => void) | undefined;
  #failures = 0;
  #trials: { admitted: number; succeeded: number } | undefined;
  /** Grows with every change of state: what a call tells that began under an earlier one is out of date. */
  #epoch = 0;
  #opensUntil = 0;
  #cancelTimer: CancelTimer = () => {};
  #closed = false;

  constructor(options: BreakerOptions = {}) {
    this.#classify = options.classify ?? (() => "failure");
    this.#threshold = options.failureThreshold ?? 10;
    this.#resetMs = options.resetMs ?? 60_000;
    this.#maxTrials = options.halfOpenMaxCalls ?? 3;
    this.#clock = options.clock ?? systemClock;
    this.#onStateChange = options.onStateChange;
    this.#circuit = new Opossum((call: Call) => call(), {
      timeout: false,
      errorFilter: () => true,
      resetTimeout: 2 ** 31 - 1,
      enableSnapshots: false,
      rollingPercentilesEnabled: false,
      rotateBucketController: this.#window,
    });
  }

  get state(): BreakerState {
    return this.#trials !== undefined ? "half-open" : this.#circuit.opened ? "open" : "closed";
  }

  /**
   * Makes `call` unless the breaker is open.
   * @throws {BreakerOpenError} without calling; otherwise whatever `call` throws.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) return await call();
    const trials = this.#trials;
    if (trials === undefined && this.#circuit.opened) throw this.#refusal();
    if (trials !== undefined && trials.admitted >= this.#maxTrials) throw this.#refusal();
    if (trials !== undefined) trials.admitted++;
    const epoch = this.#epoch;
    try {
      this.#window.emit("rotate");
      // A trial goes past opossum, for which the circuit is still open.
      const result = trials === undefined ? await this.#circuit.fire(call) as T : await call();
      this.#settle(epoch, "success");
      return result;
    } catch (error) {
      this.#settle(epoch, this.#classify(error));
      throw error;
    }
  }

  /** Ends its timers; from now on it lets every call through and counts none. */
  close(): void {
    this.#onStateChange = undefined;
    this.#cancelTimer();
    this.#closed = true;
    this.#epoch++;
    this.#circuit.shutdown();
  }

  #refusal(): BreakerOpenError {
    return new BreakerOpenError(Math.max(0, this.#opensUntil - this.#clock.monotonic()));
  }

  #settle(epoch: number, outcome: "failure" | "success" | "ignore"): void {
    if (epoch !== this.#epoch) return;
    const trials = this.#trials;
    switch (outcome) {
      case "failure":
        if (trials !== undefined || ++this.#failures >= this.#threshold) this.#open();
        return;
      case "success":
        this.#failures = 0;
        if (trials !== undefined && ++trials.succeeded >= this.#maxTrials) this.#close();
        return;
      case "ignore":
        if (trials !== undefined) trials.admitted--;
        return;
    }
  }

  #open(): void {
    this.#failures = 0;
    this.#opensUntil = this.#clock.monotonic() + this.#resetMs;
    this.#circuit.open();
    this.#cancelTimer = this.#clock.setTimeout(() => this.#enter({ admitted: 0, succeeded: 0 }), this.#resetMs);
    this.#enter(undefined);
  }

  #close(): void {
    this.#circuit.close();
    this.#enter(undefined);
  }

  #enter(trials: { admitted: number; succeeded: number } | undefined): void {
    this.#trials = trials;
    this.#epoch++;
    this.#onStateChange?.(this.state);
  }
}
