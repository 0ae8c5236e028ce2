/** Time as a dependency, so that tests drive it and nothing waits for real. @module */

/** Takes back a timer; harmless when it has fired already. */
export type CancelTimer = () => void;

/** Where a component gets its time from. Durations are milliseconds throughout. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. May jump: use it for time stamps, never to measure. */
  now(): number;
  /** Milliseconds from an arbitrary start that never run backwards: use them to measure and for deadlines. */
  monotonic(): number;
  /** Calls `callback` once after `ms`. */
  setTimeout(callback: () => void, ms: number): CancelTimer;
  /** Resolves after `ms`; rejects with the signal's reason as soon as `signal` aborts. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** {@linkcode Clock.sleep} on top of the clock's own timers; shared by the real and the fake clock. */
export function sleepOn(clock: Pick<Clock, "setTimeout">, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Longest delay that the platform's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback: () => void, ms: number): CancelTimer {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  sleep: (ms: number, options?: { readonly signal?: AbortSignal }) => sleepOn(systemClock, ms, options?.signal),
});
