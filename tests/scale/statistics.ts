/** The few numbers that sum up a sample. @module */

/** The value that `share` (0 to 1) of the sample does not exceed: nearest rank. NaN for an empty sample. */
export function percentile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle of the sample. */
export function median(sample: readonly number[]): number {
  return percentile(sample, 0.5);
}

/** Exponent `b` and factor `a` of the power law `y = a * x^b` closest to the points, by least squares of logarithms. */
export function powerFit(points: readonly (readonly [x: number, y: number])[]): { factor: number; exponent: number } {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (index: 0 | 1) => logs.reduce((sum, point) => sum + point[index], 0) / logs.length;
  const [x0, y0] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
  const exponent = covariance / variance;
  return { exponent, factor: Math.exp(y0 - exponent * x0) };
}
