/** When a provider counts as healthy: thresholds over a run of checks. Pure. @module */
import { ProviderError, type ValidateResponse } from "@virtrigaud/contract";

/** Thresholds and times of the check; durations in milliseconds. */
export interface HealthPolicy {
  /** False: checked until it succeeds once, and not again. */
  readonly enabled: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

/** What the checks add up to. Changes only when a threshold is crossed or the text changes. */
export type Health =
  | { readonly type: "Unknown" }
  | { readonly type: "Healthy"; readonly hypervisor: string; readonly version: string; readonly since: number }
  | { readonly type: "Unhealthy"; readonly error: ProviderError; readonly since: number };

/** Results in a row, of which one is always 0. */
export interface Run {
  readonly failures: number;
  readonly successes: number;
}

/** Counts one more result. */
export function count(run: Run, result: ValidateResponse | ProviderError): Run {
  return result instanceof ProviderError
    ? { failures: run.failures + 1, successes: 0 }
    : { failures: 0, successes: run.successes + 1 };
}

/** Health after `result`, the last of `run`; the very same object when nothing has changed. */
export function judge(
  before: Health,
  result: ValidateResponse | ProviderError,
  run: Run,
  policy: HealthPolicy,
  now: number,
): Health {
  if (result instanceof ProviderError) {
    if (before.type === "Unhealthy") {
      const same = before.error.class === result.class && before.error.message === result.message;
      return same ? before : { type: "Unhealthy", error: result, since: before.since };
    }
    return run.failures >= policy.failureThreshold ? { type: "Unhealthy", error: result, since: now } : before;
  }
  const { hypervisor, version } = result;
  if (before.type === "Healthy") {
    const same = before.hypervisor === hypervisor && before.version === version;
    return same ? before : { type: "Healthy", hypervisor, version, since: before.since };
  }
  if (before.type === "Unhealthy" && run.successes < policy.successThreshold) return before;
  return { type: "Healthy", hypervisor, version, since: now };
}

const FIRST_CHECKS_MS = 250;

/** Time until the next check: soon while the answer is still awaited by somebody, else the interval. */
export function nextCheckMs(health: Health, run: Run, policy: HealthPolicy): number {
  if (health.type === "Healthy" && run.failures === 0) return policy.intervalMs;
  return Math.min(policy.intervalMs, FIRST_CHECKS_MS * 2 ** Math.min(run.failures, 16));
}
