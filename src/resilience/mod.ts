/** Time, backoff and protection of calls. @module */
export { backoffDelay, type BackoffPolicy, jittered } from "./backoff.ts";
export { Breaker, BreakerOpenError, type BreakerOptions, type BreakerState } from "./breaker.ts";
export { type CancelTimer, type Clock, systemClock } from "./clock.ts";
export { DeadlineExceededError, type DeadlineOptions, withDeadline } from "./deadline.ts";
export { FakeClock } from "./fake_clock.ts";
export { TokenBucket, type TokenBucketOptions } from "./rate_limit.ts";
export { defaultBackoff, retry, type RetryAdvice, type RetryOptions } from "./retry.ts";
export { until, type UntilOptions } from "./until.ts";
