/** Retry with exponential backoff. @module */
import { backoffDelay, type BackoffPolicy } from "./backoff.ts";
import { type Clock, systemClock } from "./clock.ts";

/** What the last failure allows: no further attempt, or one, not before `afterMs` if that is given. */
export type RetryAdvice = false | { readonly afterMs?: number };

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /** Attempts altogether. Default 5 (`RETRY_MAX_ATTEMPTS`). */
  readonly maxAttempts?: number;
  /** Delays between attempts. Default 500 ms, doubling up to 30 s, with jitter (`RETRY_*`). */
  readonly backoff?: BackoffPolicy;
  /** Whether, and when, the call may be made again after `error`. */
  readonly advise: (error: unknown) => RetryAdvice;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Called before each wait. */
  readonly onRetry?: (error: unknown, delayMs: number) => void;
  readonly random?: () => number;
}

export const defaultBackoff: BackoffPolicy = { baseMs: 500, maxMs: 30_000, factor: 2 };

/**
 * Calls `attempt` until it succeeds, the advice is `false` or attempts are used up; then the last error is thrown. An
 * advised delay beyond the longest backoff is the caller's to wait, not this function's: the error is thrown at once.
 */
export async function retry<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { maxAttempts = 5, backoff = defaultBackoff, clock = systemClock, signal } = options;
  for (let number = 1;; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      const advice = number >= maxAttempts || signal?.aborted ? false : options.advise(error);
      if (advice === false || (advice.afterMs ?? 0) > backoff.maxMs) throw error;
      const delay = Math.max(advice.afterMs ?? 0, backoffDelay(backoff, number, options.random));
      options.onRetry?.(error, delay);
      try {
        await clock.sleep(delay, { signal });
      } catch {
        // The caller left while waiting: what went wrong says more than that it left.
        throw error;
      }
    }
  }
}
