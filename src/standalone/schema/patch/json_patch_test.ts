import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { RequestError } from "../errors.ts";
import { clone, define, equal, own } from "../json.ts";
import { MAX_DEPTH } from "../limits.ts";
import type { JsonObject, JsonValue } from "../types.ts";
import { applyJsonPatch } from "./json_patch.ts";
import { applyMergePatch } from "./merge_patch.ts";

const ANY: JsonObject = { l: [1, 2, 3], o: { x: 1 }, n: null };
type Op = { op?: string; path?: string; from?: string; value?: JsonValue };
const operation = ({ op, path, from, value }: Op): JsonObject => ({
  ...(op === undefined ? {} : { op }),
  ...(path === undefined ? {} : { path }),
  ...(from === undefined ? {} : { from }),
  ...(value === undefined ? {} : { value }),
});

// Outcomes of kube-apiserver 1.36.3 for the same object; a number is the status code of its refusal.
const CASES: [Op, JsonObject | number][] = [
  [{ op: "add", path: "/l/-", value: 4 }, { ...ANY, l: [1, 2, 3, 4] }],
  [{ op: "add", path: "/l/1", value: 9 }, { ...ANY, l: [1, 9, 2, 3] }],
  [{ op: "add", path: "/l/9", value: 9 }, 422],
  [{ op: "add", path: "/l/-1", value: 9 }, { ...ANY, l: [1, 2, 3, 9] }],
  [{ op: "remove", path: "/l/-1" }, { ...ANY, l: [1, 2] }],
  [{ op: "remove", path: "/zz" }, 422],
  [{ op: "remove", path: "/l/7" }, 422],
  [{ op: "replace", path: "/zz", value: 1 }, { ...ANY, zz: 1 }],
  [{ op: "replace", path: "/l/01", value: 1 }, { ...ANY, l: [1, 1, 3] }],
  [{ op: "replace", path: "/l/x", value: 1 }, 422],
  [{ op: "add", path: "/q/r", value: 1 }, 422],
  [{ op: "test", path: "/o", value: { x: 1 } }, ANY],
  [{ op: "test", path: "/o/x", value: 2 }, 422],
  [{ op: "test", path: "/zz", value: 2 }, 422],
  [{ op: "test", path: "/zz", value: null }, ANY],
  [{ op: "test", path: "/n", value: null }, ANY],
  [{ op: "move", from: "/o/x", path: "/m" }, { l: [1, 2, 3], o: {}, n: null, m: 1 }],
  [{ op: "copy", from: "/o", path: "/c" }, { ...ANY, c: { x: 1 } }],
  [{ op: "move", from: "/nope", path: "/m" }, 422],
  [{ op: "copy", from: "/nope", path: "/m" }, { ...ANY, m: null }],
  [{ op: "add", path: "/v" }, { ...ANY, v: null }],
  [{ op: "bogus", path: "/v" }, 422],
  [{ path: "/l" }, 422],
  [{ op: "add", value: 1 }, 422],
  [{ op: "add", path: "/a~1b~0c", value: 1 }, { ...ANY, "a/b~c": 1 }],
  [{ op: "add", path: "/o/x/y", value: 1 }, 422],
  [{ op: "add", path: "o", value: 1 }, 422],
  [{ op: "move", from: "/o", path: "/o/z" }, 422],
  [{ op: "replace", path: "", value: {} }, 422],
];

Deno.test("JSON patch operations do what the real server does", () => {
  for (const [op, expected] of CASES) {
    const before = clone(ANY);
    if (typeof expected === "number") {
      const error = assertThrows(() => applyJsonPatch(before, [operation(op)]), RequestError);
      assertEquals(error.code, expected);
      assertStringIncludes(error.message, "operation 0");
    } else assertEquals(applyJsonPatch(before, [operation(op)]), expected, JSON.stringify(op));
    assertEquals(before, ANY);
  }
});

Deno.test("a JSON patch applies as a whole or not at all, and names the operation that failed", () => {
  const patch: JsonValue = [operation({ op: "add", path: "/a", value: 1 }), operation({ op: "remove", path: "/zz" })];
  const { message } = assertThrows(() => applyJsonPatch(ANY, patch), RequestError);
  assertStringIncludes(message, 'operation 1 ("remove" "/zz"): there is nothing there to remove');
});

Deno.test("malformed and oversized JSON patches are refused", () => {
  assertEquals(assertThrows(() => applyJsonPatch({}, {}), RequestError).code, 400);
  assertEquals(assertThrows(() => applyJsonPatch({}, [1]), RequestError).code, 400);
  const many = Array.from({ length: 10_001 }, () => operation({ op: "test", path: "/a", value: null }));
  assertEquals(assertThrows(() => applyJsonPatch({}, many), RequestError).code, 413);
  const grow = Array.from(
    { length: MAX_DEPTH },
    (_, i) => operation({ op: "add", path: "/a".repeat(i + 1), value: {} }),
  );
  assertStringIncludes(assertThrows(() => applyJsonPatch({}, grow), RequestError).message, `${MAX_DEPTH} levels`);
});

Deno.test("no path reaches the prototype of an object", () => {
  const patched = applyJsonPatch({}, [operation({ op: "add", path: "/__proto__", value: { polluted: true } })]);
  assertEquals(Object.keys(patched), ["__proto__"]);
  assertEquals(Reflect.get({}, "polluted"), undefined);
  assertEquals(
    assertThrows(
      () => applyJsonPatch({}, [operation({ op: "add", path: "/constructor/prototype/x", value: 1 })]),
      RequestError,
    ).code,
    422,
  );
  const merged = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  assertEquals(Object.keys(merged), ["__proto__"]);
  assertEquals(Reflect.get({}, "polluted"), undefined);
});

// RFC 7386, appendix A, as far as target and patch are objects.
const RFC7386: [JsonObject, JsonObject, JsonObject][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

Deno.test("merge patches follow RFC 7386", () => {
  for (const [target, patch, expected] of RFC7386) assertEquals(applyMergePatch(target, patch), expected);
  for (const patch of [[1], null, "x", 1]) {
    assertEquals(assertThrows(() => applyMergePatch({}, patch), RequestError).code, 400);
  }
});

/** The merge patch that makes `to` of `from`. */
function patchBetween(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [a, b] = [own(from, key), own(to, key)];
    if (b === undefined) define(patch, key, null);
    else if (isPlain(a) && isPlain(b)) define(patch, key, patchBetween(a, b));
    else if (a === undefined || !equal(a, b)) define(patch, key, b);
  }
  return patch;
}
const isPlain = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const withoutNulls = (value: JsonValue): JsonValue =>
  isPlain(value)
    ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== null).map(([k, v]) => [k, withoutNulls(v)]))
    : value;
const object = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<
  JsonObject
>;

Deno.test("a merge patch between any two objects leads from one to the other", () => {
  fc.assert(fc.property(object, object, (a, b) => {
    const from = withoutNulls(a) as JsonObject;
    const to = withoutNulls(b) as JsonObject;
    assertEquals(applyMergePatch(from, patchBetween(from, to)), to);
  }));
});

Deno.test("a JSON patch that adds and then removes changes nothing", () => {
  fc.assert(fc.property(object, fc.jsonValue(), (from, value) => {
    const added = [operation({ op: "add", path: "/new", value: value as JsonValue })];
    assertEquals(applyJsonPatch(from, [...added, operation({ op: "remove", path: "/new" })]), from);
  }));
});
