/** Lengths of time in Go's syntax. @module */

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** What a length of time looks like, beside `0`; at most 64 characters long. In the syntax that JavaScript and RE2 share. */
export const DURATION_PATTERN = "^[+]?(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+$";
const WHOLE = new RegExp(DURATION_PATTERN);
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a length of time such as `90s`, `1h30m` or `1.5h` and answers with milliseconds. `0` needs no unit.
 *
 * @throws {RangeError} when the text is no duration or is negative; the message names it.
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  if (text.length > 64 || !WHOLE.test(text)) {
    throw new RangeError(`"${text.slice(0, 64)}" is not a duration; write numbers with units, such as 90s or 1h30m`);
  }
  let total = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(PART)) total += Number(amount) * (MILLISECONDS[unit] ?? 0);
  return total;
}
