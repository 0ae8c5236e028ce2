/** Time, backoff and protection of calls. @module */
export { type BackoffPolicy, backoffDelay, jittered } from "./backoff.ts";
export { type CancelTimer, type Clock, systemClock } from "./clock.ts";
export { FakeClock } from "./fake_clock.ts";
