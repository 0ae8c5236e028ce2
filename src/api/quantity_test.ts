import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { parseQuantity, quantityToGiB, quantityToMiB } from "./quantity.ts";

Deno.test("quantities are read exactly, whatever their unit", () => {
  const cases: [string | number, bigint][] = [
    ["4Gi", 4294967296n],
    ["1.5Gi", 1610612736n],
    ["500M", 500000000n],
    [2048, 2048n],
    ["0", 0n],
    ["1e3", 1000n],
    ["1E3", 1000n],
    ["1E", 10n ** 18n],
    ["8Ei", 9223372036854775808n],
    [".5k", 500n],
    ["5.", 5n],
    ["+7", 7n],
    ["-1Ki", -1024n],
  ];
  for (const [text, expected] of cases) assertEquals(parseQuantity(text), expected, String(text));
});

Deno.test("a fraction of the unit is rounded away from nothing: nobody gets less than was asked for", () => {
  assertEquals(parseQuantity("100m"), 1n);
  assertEquals(parseQuantity("1500m"), 2n);
  assertEquals(parseQuantity("1n"), 1n);
  assertEquals(quantityToMiB("1048577"), 2);
  assertEquals(quantityToGiB("10G"), 10);
});

Deno.test("what is no quantity is refused with the text in the message", () => {
  for (const text of ["", "Gi", ".", "4 Gi", "4GB", "four", "1e", "0x10", "1e9999", "1".repeat(65)]) {
    assertThrows(() => parseQuantity(text), RangeError, `"${text.slice(0, 64)}" is not a quantity`);
  }
});

Deno.test("every whole number of MiB comes back as itself", () => {
  fc.assert(fc.property(fc.nat({ max: 1 << 30 }), (n) => quantityToMiB(`${n}Mi`) === n));
});
