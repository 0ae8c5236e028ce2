/** Delays between attempts: exponential growth with jitter, as a pure function of the attempt. @module */

/** How long to wait between attempts. */
export interface BackoffPolicy {
  /** Delay after the first failure, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly maxMs: number;
  /** Growth per further failure. Default 2. */
  readonly factor?: number;
  /** Part of the delay, 0 to 1, that chance takes off, so that peers do not come back together. Default 0.5. */
  readonly jitter?: number;
}

/**
 * Delay in milliseconds after the `failures`-th failure in a row (1 is the first).
 * @param random source of chance in [0, 1), for tests. Default `Math.random`.
 */
export function backoffDelay(policy: BackoffPolicy, failures: number, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(0, failures - 1), 64);
  const full = Math.min(policy.maxMs, policy.baseMs * (policy.factor ?? 2) ** exponent);
  return full * (1 - (policy.jitter ?? 0.5) * random());
}

/** A duration between `ms` and `ms * (1 + spread)`, so that what started together does not end together. */
export function jittered(ms: number, spread: number, random: () => number = Math.random): number {
  return ms * (1 + spread * random());
}
