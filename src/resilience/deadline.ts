/** Deadlines. @module */
import { type Clock, systemClock } from "./clock.ts";

/** Reason of the signal that a deadline aborts. */
export class DeadlineExceededError extends Error {
  override readonly name = "DeadlineExceededError";
  constructor(readonly deadlineMs: number) {
    super(`no answer within ${deadlineMs / 1000} s`);
  }
}

/** Options of {@linkcode withDeadline}. */
export interface DeadlineOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Runs `body` with a signal that aborts with a {@linkcode DeadlineExceededError} after `ms`, or with the given signal.
 * `body` has to honour its signal: this function never leaves it running behind.
 */
export async function withDeadline<T>(
  ms: number,
  body: (signal: AbortSignal) => Promise<T>,
  options: DeadlineOptions = {},
): Promise<T> {
  const { signal, clock = systemClock } = options;
  signal?.throwIfAborted();
  const abort = new AbortController();
  const onAbort = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const cancel = clock.setTimeout(() => abort.abort(new DeadlineExceededError(ms)), ms);
  try {
    return await body(abort.signal);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
