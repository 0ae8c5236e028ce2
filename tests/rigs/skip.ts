/** How a test file says that it cannot run here. @module */

/** What a suite needs from the machine. */
export interface Need {
  /** Why it is not to be had, as the end of "because ..."; `undefined` when it is. */
  unavailable(): Promise<string | undefined>;
}

/**
 * The value for `ignore` of tests that need rigs: false when all are there; otherwise it prints the line
 * `SKIPPED <suite>: <what> because <why>`, which the test runner shows and counts.
 */
export async function skipWithout(suite: string, what: string, ...needs: readonly Need[]): Promise<boolean> {
  for (const need of needs) {
    const why = await need.unavailable();
    if (why === undefined) continue;
    console.log(`SKIPPED ${suite}: ${what} because ${why}`);
    return true;
  }
  return false;
}
