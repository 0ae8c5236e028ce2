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

const WHOLE = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * Reads a length of time such as `90s`, `1h30m` or `1.5h` and answers with milliseconds. `0` needs no unit.
 *
 * @throws {RangeError} when the text is no duration or is negative; the message names it.
 */
export function parseDuration(text: string): number {
  if (text === "0") return 0;
  const match = text.length <= 64 ? WHOLE.exec(text) : null;
  if (match === null || match[1] === "-") {
    throw new RangeError(`"${text.slice(0, 64)}" is not a duration; write numbers with units, such as 90s or 1h30m`);
  }
  let total = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(PART)) total += Number(amount) * (MILLISECONDS[unit] ?? 0);
  return total;
}
