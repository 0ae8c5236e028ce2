/** Kubernetes quantities (`500m`, `1.5Gi`, `1e3`), exact. @module */

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d{1,3})$/;
const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Everything is counted in units of 10^-9, the finest that a quantity can express; finer parts round up, away from zero. */
const NANO = 9;

/** A quantity as a whole number of billionths. */
export class Quantity {
  constructor(readonly nanos: bigint) {}

  /** Parses `text`; `undefined` when it is no quantity. */
  static parse(text: string): Quantity | undefined {
    const [matched, sign, whole = "", fraction = "", suffix = ""] = PATTERN.exec(text) ?? [];
    if (matched === undefined || whole + fraction === "") return undefined;
    const binary = BINARY.indexOf(suffix);
    const power = binary >= 0
      ? 0
      : DECIMAL[suffix] ?? (/^[eE][+-]?\d/.test(suffix) ? Number(suffix.slice(1)) : undefined);
    if (power === undefined || Math.abs(power) > 100 || text.length > 100) return undefined;
    let digits = BigInt(whole + fraction) * (binary >= 0 ? 1024n ** BigInt(binary + 1) : 1n);
    const exponent = NANO + power - fraction.length;
    if (exponent >= 0) digits *= 10n ** BigInt(exponent);
    else {
      const divisor = 10n ** BigInt(-exponent);
      digits = (digits + divisor - 1n) / divisor;
    }
    return new Quantity(sign === "-" ? -digits : digits);
  }

  /** Whether it is a whole number that fits a signed 64-bit integer. */
  get isInteger(): boolean {
    return this.nanos % 10n ** BigInt(NANO) === 0n && BigInt.asIntN(64, this.integer) === this.integer;
  }
  /** The whole part. */
  get integer(): bigint {
    return this.nanos / 10n ** BigInt(NANO);
  }
  /** As a floating-point number, as near as one gets. */
  get float(): number {
    return Number(this.nanos) / 10 ** NANO;
  }
  /** -1, 0 or 1. */
  compare(other: Quantity): bigint {
    return this.nanos < other.nanos ? -1n : this.nanos > other.nanos ? 1n : 0n;
  }
}
