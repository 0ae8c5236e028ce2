import { assertEquals, assertLess } from "@virtrigaud/deps";
import { median, percentile, powerFit } from "./statistics.ts";

Deno.test("a percentile is a member of the sample, by nearest rank", () => {
  const sample = Array.from({ length: 100 }, (_, index) => 100 - index);
  assertEquals([percentile(sample, 0.5), percentile(sample, 0.99), percentile(sample, 1)], [50, 99, 100]);
  assertEquals([median([3, 1, 2]), percentile([], 0.5)], [2, NaN]);
});

Deno.test("a fit finds the power law that the points come from", () => {
  const { factor, exponent } = powerFit([100, 1_000, 10_000].map((x) => [x, 3 * x ** 1.5] as const));
  assertLess(Math.abs(factor - 3), 1e-6);
  assertLess(Math.abs(exponent - 1.5), 1e-6);
});
