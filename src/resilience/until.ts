/** Waiting for what tells nobody when it happens. @module */
import { type Clock, systemClock } from "./clock.ts";

/** Options of {@linkcode until}. */
export interface UntilOptions {
  /** How long it may take, in milliseconds. Default 90 000: a machine that others share is slow. */
  readonly limitMs?: number;
  /** Longest pause between two looks. The first are shorter. Default 200 ms. */
  readonly everyMs?: number;
  /** What is there instead, for the error. Default: what the last look failed with, if it did. */
  readonly seen?: () => string | Promise<string>;
  /** Which errors of a look mean "not yet"; any other is thrown at once. Default: all of them. */
  readonly transient?: (error: unknown) => boolean;
  /** Default {@linkcode systemClock}. */
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 10;

/**
 * Looks until `look` answers with something other than `undefined` or `false`, and gives that answer.
 *
 * @param what what is waited for, in words that follow "waited for"
 * @throws when the limit has passed, saying what was waited for and what was seen last; the signal's reason
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: UntilOptions = {},
): Promise<T> {
  const { limitMs = 90_000, everyMs = 200, transient = () => true, clock = systemClock, signal } = options;
  const end = clock.monotonic() + limitMs;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs *= 2) {
    signal?.throwIfAborted();
    let failure = "";
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      if (!transient(error)) throw error;
      failure = `; the last look failed: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (clock.monotonic() >= end) {
      const seen = options.seen === undefined ? "" : `; seen last: ${await options.seen()}`;
      throw new Error(`waited ${limitMs / 1000} s for ${what}${seen}${failure}`);
    }
    await clock.sleep(Math.min(pauseMs, everyMs), signal === undefined ? {} : { signal });
  }
}
