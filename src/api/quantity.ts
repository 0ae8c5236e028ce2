/** Kubernetes quantities. @module */

const SUFFIX: Readonly<Record<string, readonly [base: bigint, exponent: number]>> = {
  n: [10n, -9],
  u: [10n, -6],
  m: [10n, -3],
  "": [10n, 0],
  k: [10n, 3],
  M: [10n, 6],
  G: [10n, 9],
  T: [10n, 12],
  P: [10n, 15],
  E: [10n, 18],
  Ki: [2n, 10],
  Mi: [2n, 20],
  Gi: [2n, 30],
  Ti: [2n, 40],
  Pi: [2n, 50],
  Ei: [2n, 60],
};

const GRAMMAR = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?$/;

/**
 * Reads a quantity as a whole number of its unit (bytes for memory), exactly and rounded up, as Kubernetes rounds:
 * `1.5Gi` is 1610612736n, `100m` is 1n.
 *
 * @throws {RangeError} when the text is no quantity; the message names it.
 */
export function parseQuantity(value: string | number): bigint {
  const text = String(value);
  const match = text.length <= 64 ? GRAMMAR.exec(text) : null;
  const [, sign = "", whole = "", fraction = "", suffix = "", exponent] = match ?? [];
  if (match === null || whole + fraction === "") {
    throw new RangeError(
      `"${text.slice(0, 64)}" is not a quantity; write a number with an optional unit, such as 4Gi or 500M`,
    );
  }
  const [base, power] = exponent === undefined ? SUFFIX[suffix] ?? [10n, 0] : [10n, Number(exponent)] as const;
  let numerator = BigInt(whole + fraction) * (power > 0 ? base ** BigInt(power) : 1n);
  const denominator = 10n ** BigInt(fraction.length) * (power < 0 ? base ** BigInt(-power) : 1n);
  if (sign === "-") numerator = -numerator;
  const quotient = numerator / denominator;
  return numerator > 0n && numerator % denominator !== 0n ? quotient + 1n : quotient;
}

const unit = (size: bigint) => (value: string | number): number => {
  const bytes = parseQuantity(value);
  return Number(bytes <= 0n ? bytes / size : (bytes + size - 1n) / size);
};

/** A quantity of bytes in MiB, rounded up. @throws {RangeError} as {@linkcode parseQuantity} does. */
export const quantityToMiB = unit(1n << 20n);
/** A quantity of bytes in GiB, rounded up. @throws {RangeError} as {@linkcode parseQuantity} does. */
export const quantityToGiB = unit(1n << 30n);
