import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { parseDuration } from "./duration.ts";

Deno.test("durations in Go's syntax are read in milliseconds", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["0s", 0],
    ["60s", 60_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["250ms", 250],
    ["1m0.5s", 60_500],
    ["2000us", 2],
    ["2000µs", 2],
    ["+5m", 300_000],
  ];
  for (const [text, expected] of cases) assertEquals(parseDuration(text), expected, text);
});

Deno.test("what is no duration is refused with the text in the message", () => {
  for (const text of ["", "5", "s", "1d", "1h 30m", "-5s", "1h30", "five minutes", "1".repeat(70) + "s"]) {
    assertThrows(() => parseDuration(text), RangeError, `"${text.slice(0, 64)}" is not a duration`);
  }
});
