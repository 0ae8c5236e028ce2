/** Time as the server needs it. @module */

/** Wall clock and timers; the tests put their own in its place. Durations are milliseconds. */
export interface ServerClock {
  now(): number;
  /** Calls `callback` once after `ms`; the returned function takes the timer back. */
  setTimeout(callback: () => void, ms: number): () => void;
}

/** The machine's clock. */
export const machineClock: ServerClock = {
  now: () => Date.now(),
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** RFC 3339 with seconds, the precision of `metav1.Time`. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
