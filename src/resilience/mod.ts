/** Time, backoff and protection of calls. @module */
export { backoffDelay, type BackoffPolicy, jittered } from "./backoff.ts";
export { type CancelTimer, type Clock, systemClock } from "./clock.ts";
export { FakeClock } from "./fake_clock.ts";
