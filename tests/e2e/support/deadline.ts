/** Waiting for real peers: no clock can be faked here, so conditions are polled until a deadline. @module */

/** How long a condition may take before the test gives up; a shared machine is slow. */
export const PATIENCE_MS = 90_000;

/** Options of {@linkcode until}. */
export interface UntilOptions {
  /** Default {@linkcode PATIENCE_MS}. */
  readonly timeoutMs?: number;
  /** Between two looks. Default 200. */
  readonly everyMs?: number;
}

/**
 * Looks until `look` answers with something other than `undefined` or `false`, and gives that answer. An error of
 * `look` counts as "not yet"; the last one, or `last()`, is told when the deadline passes.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: UntilOptions & { readonly last?: () => string | Promise<string> } = {},
): Promise<T> {
  const { timeoutMs = PATIENCE_MS, everyMs = 200, last } = options;
  const deadline = performance.now() + timeoutMs;
  let failure = "";
  for (;;) {
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      failure = `; the last look failed: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > deadline) {
      const seen = last === undefined ? failure : `; last seen: ${await last()}${failure}`;
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
