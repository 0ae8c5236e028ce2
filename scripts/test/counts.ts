/** What a test run counts. @module */

/** Numbers of tests. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The sum. */
export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The last line of `deno task test`. */
export function summaryLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/gm;
const SKIPPED = /^SKIPPED .+: .+ because .+$/gm;

/** The lines with which tests say what they skip and why. */
export function skippedLines(output: string): string[] {
  return output.match(SKIPPED) ?? [];
}

/**
 * Counts from the output of one `deno test`; `undefined` when it ended without its summary line. A file that says it
 * skips something counts at least once for each time, even if it registered no test that could be ignored.
 */
export function countsOf(output: string): Counts | undefined {
  // The last one: what a test prints may look like a summary.
  const [, passed, failed, ignored = "0"] = [...output.matchAll(SUMMARY)].at(-1) ?? [];
  if (passed === undefined || failed === undefined) return undefined;
  const skipped = Math.max(Number(ignored), skippedLines(output).length);
  return { passed: Number(passed), failed: Number(failed), skipped };
}

const UNEVENTFUL = /^.* \.\.\. (?:ok|ignored)(?: \([^)]*\))?$|^running \d+ tests? from .*$/;

/** The output of a failed run without the lines of tests that went well: errors, and what tests printed. */
export function failureReport(output: string): string {
  return output.split("\n").filter((line) => !UNEVENTFUL.test(line)).join("\n").replace(/\n{3,}/g, "\n\n").trim();
}
