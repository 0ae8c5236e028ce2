import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "./errors.ts";
import { formatTurn, isEarlier, parseTurn } from "./turn.ts";

Deno.test("a turn travels as text and comes back the same; other text is refused", () => {
  for (const turn of [{ fence: 0, number: 0 }, { fence: 315_619_200, number: Number.MAX_SAFE_INTEGER }]) {
    assertEquals(parseTurn(formatTurn(turn)), turn);
  }
  for (const text of ["", "1", "1.", ".1", "-1.2", "1.2.3", "1e3.4", "1.9007199254740993", "a.b"]) {
    assertThrows(() => parseTurn(text), ProviderError, "expected <fence>.<number>");
  }
});

Deno.test("turns are ordered by leader first", () => {
  const turns = [[1, 9], [2, 1], [2, 2], [3, 0]].map(([fence = 0, number = 0]) => ({ fence, number }));
  for (const [i, a] of turns.entries()) {
    for (const [j, b] of turns.entries()) assertEquals(isEarlier(a, b), i < j);
  }
});
