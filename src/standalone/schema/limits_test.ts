import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { RequestError } from "./errors.ts";
import { checkDepth, MAX_DEPTH } from "./limits.ts";
import type { JsonValue } from "./types.ts";

const nested = (depth: number): JsonValue => JSON.parse(`${'{"a":'.repeat(depth - 1)}[]${"}".repeat(depth - 1)}`);

Deno.test("a value nested as deep as the limit is taken, one level more is refused with the limit", () => {
  checkDepth(nested(MAX_DEPTH), "the body");
  for (const depth of [MAX_DEPTH + 1, 100_000]) {
    const error = assertThrows(() => checkDepth(nested(depth), "the body"), RequestError);
    assertEquals([error.code, error.reason], [400, "BadRequest"]);
    assertStringIncludes(error.message, `the body is nested deeper than the limit of ${MAX_DEPTH} levels`);
  }
});
