import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { RequestError } from "./errors.ts";
import { decodeJson, decodeObject, MAX_DEPTH, MAX_OBJECT_BYTES } from "./limits.ts";

const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;

Deno.test("a body nested as deep as the limit is taken, one level more is refused with the limit", () => {
  decodeObject(nested(MAX_DEPTH));
  for (const depth of [MAX_DEPTH + 1, 100_000]) {
    const error = assertThrows(() => decodeObject(nested(depth)), RequestError);
    assertEquals(error.code, 400);
    assertStringIncludes(error.message, `limit of ${MAX_DEPTH} levels`);
  }
});

Deno.test("a body above the size limit is refused with the limit", () => {
  const error = assertThrows(() => decodeObject(new Uint8Array(MAX_OBJECT_BYTES + 1)), RequestError);
  assertEquals([error.code, error.reason], [413, "RequestEntityTooLarge"]);
  assertStringIncludes(error.message, `${MAX_OBJECT_BYTES}`);
});

Deno.test("a body that is no JSON, no UTF-8 or no object is refused", () => {
  assertEquals(assertThrows(() => decodeJson("{"), RequestError).code, 400);
  assertEquals(assertThrows(() => decodeJson(Uint8Array.of(0x22, 0xff, 0x22)), RequestError).code, 400);
  assertEquals(assertThrows(() => decodeObject("[]"), RequestError).code, 400);
  assertEquals(decodeJson("[1]"), [1]);
});
