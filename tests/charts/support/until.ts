/** Waiting for something outside of this process to become so. @module */

/** Options of {@linkcode until}. */
export interface UntilOptions {
  /** What is waited for, for the error. */
  readonly what: string;
  /** Default 60000 ms. */
  readonly timeoutMs?: number;
  /** Said when it does not come: the state that was seen instead. */
  readonly seen?: () => string;
  readonly signal?: AbortSignal;
}

/** Asks until the answer is neither `undefined` nor `false`. */
export async function until<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { what, timeoutMs = 60_000, seen, signal }: UntilOptions,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) {
      throw new Error(`${what} did not come within ${timeoutMs / 1000} s${seen === undefined ? "" : `: ${seen()}`}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
