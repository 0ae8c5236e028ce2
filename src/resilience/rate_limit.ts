/** Token bucket. @module */
import { type Clock, systemClock } from "./clock.ts";

/** Options of {@linkcode TokenBucket}. */
export interface TokenBucketOptions {
  /** Tokens per second. */
  readonly qps: number;
  /** Tokens that gather while nothing happens; at least 1. */
  readonly burst: number;
  readonly clock?: Clock;
}

/** Lets calls through at a steady rate with bursts; who has to wait waits in order of arrival. */
export class TokenBucket {
  readonly #msPerToken: number;
  readonly #burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: TokenBucketOptions) {
    if (!(options.qps > 0) || !(options.burst >= 1)) {
      throw new RangeError(`a token bucket needs qps > 0 and burst >= 1, has ${options.qps} and ${options.burst}`);
    }
    this.#clock = options.clock ?? systemClock;
    this.#msPerToken = 1000 / options.qps;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#filledAt = this.#clock.monotonic();
  }

  /** Waits for a token; rejects with the signal's reason if that aborts first, and takes none then. */
  async take(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const turn = this.#tail.then(() => this.#takeNext(options.signal));
    this.#tail = turn.catch(() => {});
    await turn;
  }

  async #takeNext(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.#fill();
    if (this.#tokens < 1) {
      await this.#clock.sleep((1 - this.#tokens) * this.#msPerToken, { signal });
      this.#fill();
    }
    this.#tokens = Math.max(0, this.#tokens - 1);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) / this.#msPerToken);
    this.#filledAt = now;
  }
}
