import { assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { compileSchema, type JsonObject, type JsonValue, type StructuralSchema } from "./mod.ts";
import { errorText, invalidMessage, statusCauses } from "./errors.ts";
import { clone } from "./json.ts";

const ab = { a: { type: "string" }, b: { type: "string" } } as const;
const SPEC: Record<string, StructuralSchema> = {
  int: { type: "integer", minimum: 1, maximum: 10 },
  i32: { type: "integer", format: "int32" },
  i64: { type: "integer", format: "int64" },
  ex: { type: "number", minimum: 0, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: true },
  mul: { type: "integer", multipleOf: 5 },
  str: { type: "string", minLength: 2, maxLength: 4, pattern: "^[a-z]+$" },
  en: { type: "string", enum: ["a", "b"] },
  ien: { type: "integer", enum: [1, 2] },
  bool: { type: "boolean" },
  arr: { type: "array", minItems: 1, maxItems: 2, items: { type: "integer" } },
  set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
  map: {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    items: { type: "object", required: ["name"], properties: { name: { type: "string" }, v: { type: "integer" } } },
  },
  mapd: {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "proto"],
    items: {
      type: "object",
      required: ["port"],
      properties: { port: { type: "integer" }, proto: { type: "string", default: "TCP" } },
    },
  },
  obj: { type: "object", required: ["a", "b"], properties: ab },
  mp: { type: "object", minProperties: 1, maxProperties: 2, additionalProperties: { type: "integer" } },
  ios: { "x-kubernetes-int-or-string": true },
  iosp: { "x-kubernetes-int-or-string": true, pattern: "^[0-9]+%?$", anyOf: [{ type: "integer" }, { type: "string" }] },
  nul: { type: "string", nullable: true },
  nuld: { type: "string", nullable: true, default: "x" },
  def: { type: "string", default: "dd" },
  objd: { type: "object", default: {}, properties: { x: { type: "integer", default: 3 } } },
  objn: { type: "object", properties: { x: { type: "integer", default: 3 } } },
  any: { "x-kubernetes-preserve-unknown-fields": true },
  anyo: {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    properties: { k: { type: "object", properties: { x: { type: "string" } } } },
  },
  emb: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
  anyOf: { type: "object", properties: ab, anyOf: [{ required: ["a"] }, { required: ["b"] }] },
  oneOf: { type: "object", properties: ab, oneOf: [{ required: ["a"] }, { required: ["b"] }] },
  allOf: { type: "object", properties: ab, allOf: [{ required: ["a"] }, { required: ["b"] }] },
  not: { type: "object", properties: ab, not: { required: ["a"] } },
  uq: { type: "object", properties: { a: { type: "string" } } },
};
for (const format of ["date-time", "date", "duration", "ipv4", "ipv6", "cidr", "uuid", "byte", "uri", "mac"]) {
  SPEC[format] = { type: "string", format };
}
for (const format of ["hostname", "email", "quantity", "ip"]) SPEC[format] = { type: "string", format };
const SCHEMA = compileSchema({
  type: "object",
  required: ["spec"],
  properties: { spec: { type: "object", properties: SPEC } },
});
const DEFAULTS = { nuld: "x", def: "dd", objd: { x: 3 } };

function check(spec: JsonValue): { message: string; object: JsonObject; dropped: string[] } {
  const object: JsonObject = { apiVersion: "t.io/v1", kind: "Val", metadata: { name: "x" }, spec: clone(spec) };
  SCHEMA.applyDefaults(object);
  const dropped = SCHEMA.prune(object);
  return { message: SCHEMA.validate(object).map(errorText).join("; "), object, dropped };
}

// Every message below was given by kube-apiserver 1.36.3 for the same schema and value.
const REFUSED: [JsonValue, string][] = [
  [{ int: 0 }, "spec.int: Invalid value: 0: spec.int in body should be greater than or equal to 1"],
  [{ int: 11 }, "spec.int: Invalid value: 11: spec.int in body should be less than or equal to 10"],
  [{ int: "x" }, 'spec.int: Invalid value: "string": spec.int in body must be of type integer: "string"'],
  [
    { int: 1.5 },
    'spec.int: Invalid value: "number": spec.int in body must be of type integer: "number"; ' +
    '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.int',
  ],
  [
    { i32: 3000000000 },
    '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.i32',
  ],
  [{ ex: 0 }, "spec.ex: Invalid value: 0: spec.ex in body should be greater than 0"],
  [{ ex: 5 }, "spec.ex: Invalid value: 5: spec.ex in body should be less than 5"],
  [{ mul: 7 }, "spec.mul: Invalid value: 7: spec.mul in body should be a multiple of 5"],
  [{ str: "a" }, 'spec.str: Invalid value: "a": spec.str in body should be at least 2 chars long'],
  [{ str: "abcde" }, "spec.str: Too long: may not be more than 4 bytes"],
  [{ str: "AB" }, "spec.str: Invalid value: \"AB\": spec.str in body should match '^[a-z]+$'"],
  [{ str: 5 }, 'spec.str: Invalid value: "integer": spec.str in body must be of type string: "integer"'],
  [{ en: "c" }, 'spec.en: Unsupported value: "c": supported values: "a", "b"'],
  [
    { en: 7 },
    'spec.en: Invalid value: "integer": spec.en in body must be of type string: "integer"; ' +
    'spec.en: Unsupported value: 7: supported values: "a", "b"',
  ],
  [{ ien: 3 }, 'spec.ien: Unsupported value: 3: supported values: "1", "2"'],
  [{ bool: "x" }, 'spec.bool: Invalid value: "string": spec.bool in body must be of type boolean: "string"'],
  [{ arr: [] }, "spec.arr: Invalid value: 0: spec.arr in body should have at least 1 items"],
  [{ arr: [1, 2, 3] }, "spec.arr: Too many: 3: must have at most 2 items"],
  [{ arr: ["x"] }, 'spec.arr[0]: Invalid value: "string": spec.arr[0] in body must be of type integer: "string"'],
  [{ arr: [null] }, 'spec.arr[0]: Invalid value: "null": spec.arr[0] in body must be of type integer: "null"'],
  [{ arr: {} }, 'spec.arr: Invalid value: "object": spec.arr in body must be of type array: "object"'],
  [{ set: ["a", "a"] }, 'spec.set[1]: Duplicate value: "a"'],
  [{ map: [{ name: "a" }, { name: "a", v: 1 }] }, 'spec.map[1]: Duplicate value: {"name":"a"}'],
  [
    { map: [7] },
    'spec.map[0]: Invalid value: "integer": spec.map[0] in body must be of type object: "integer"; ' +
    "spec.map[0]: Invalid value: 7: must be an object for an array of list-type map",
  ],
  [{ map: [{ v: 1 }] }, "spec.map[0].name: Required value"],
  [
    { mapd: [{ port: 1 }, { port: 1, proto: "TCP" }, { port: 1 }] },
    'spec.mapd[1]: Duplicate value: {"port":1,"proto":"TCP"}',
  ],
  [{ obj: {} }, "spec.obj.a: Required value; spec.obj.b: Required value"],
  [{ obj: "s" }, 'spec.obj: Invalid value: "string": spec.obj in body must be of type object: "string"'],
  [{ mp: {} }, "spec.mp: Invalid value: 0: spec.mp in body should have at least 1 properties"],
  [{ mp: { a: 1, b: 2, c: 3 } }, "spec.mp: Too many: 3: must have at most 2 items"],
  [
    { mp: { "a.b/c": "s" } },
    'spec.mp.a.b/c: Invalid value: "string": spec.mp.a.b/c in body must be of type integer: "string"',
  ],
  [{ ios: 1.5 }, 'spec.ios: Invalid value: "number": spec.ios in body must be of type integer,string: "number"'],
  [{ ios: true }, 'spec.ios: Invalid value: "boolean": spec.ios in body must be of type integer,string: "boolean"'],
  [{ iosp: "x" }, "spec.iosp: Invalid value: \"x\": spec.iosp in body should match '^[0-9]+%?$'"],
  [{ emb: {} }, "spec.emb.apiVersion: Required value; spec.emb.kind: Required value"],
  [
    { anyOf: {} },
    '<nil>: Invalid value: "": "spec.anyOf" must validate at least one schema (anyOf); spec.anyOf.a: Required value',
  ],
  [
    { oneOf: { a: "1", b: "2" } },
    '<nil>: Invalid value: "": "spec.oneOf" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [
    { oneOf: {} },
    '<nil>: Invalid value: "": "spec.oneOf" must validate one and only one schema (oneOf). Found none valid; ' +
    "spec.oneOf.a: Required value",
  ],
  [
    { allOf: {} },
    "spec.allOf.a: Required value; spec.allOf.b: Required value; " +
    '<nil>: Invalid value: "": "spec.allOf" must validate all the schemas (allOf). None validated',
  ],
  [{ not: { a: "x" } }, '<nil>: Invalid value: "": "spec.not" must not validate the schema (not)'],
  [null, "spec: Required value"],
  ["str", 'spec: Invalid value: "string": spec in body must be of type object: "string"'],
];

Deno.test("values are refused with the words of the real server", () => {
  for (const [spec, message] of REFUSED) assertEquals(check(spec).message, message, JSON.stringify(spec));
});

Deno.test("formats are checked as the real server checks them", () => {
  const bad: Record<string, string> = { "date-time": "x", date: "2024-02-30", duration: "5", ipv4: "::1" };
  Object.assign(bad, { ipv6: "1.2.3.4", cidr: "10.0.0.0/33", uuid: "x", byte: "!!", uri: "not a uri", mac: "x" });
  Object.assign(bad, { hostname: "_", email: "x" });
  for (const [format, text] of Object.entries(bad)) {
    const shown = JSON.stringify(text);
    assertEquals(
      check({ [format]: text }).message,
      `spec.${format}: Invalid value: ${shown}: spec.${format} in body must be of type ${format}: ${shown}`,
    );
  }
  const good: [string, string][] = [["date-time", "2024-02-29T10:00:00.5+01:00"], ["date", "2024-02-29"]];
  good.push(["duration", "1h30m"], ["duration", "1 day"], ["ipv4", "1.2.3.4"], ["ipv6", "::1"], ["cidr", "fd00::/8"]);
  good.push(["byte", "aGk="], ["uri", "/x"], ["uri", "https://h/p"], ["mac", "52:54:00:00:00:01"], ["email", "a@b"]);
  // Formats that the real server leaves alone.
  good.push(["quantity", "x"], ["ip", "x"], ["uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"], ["hostname", "a.b"]);
  for (const [format, text] of good) assertEquals(check({ [format]: text }).message, "", `${format} ${text}`);
});

Deno.test("defaults fill in what is absent, and null counts as absent where it is not allowed", () => {
  const cases: [JsonObject, JsonObject][] = [
    [{}, DEFAULTS],
    [{ nul: null }, { nul: null, ...DEFAULTS }],
    [{ nuld: null }, { ...DEFAULTS, nuld: null }],
    [{ def: null, objd: null, int: null, arr: null }, DEFAULTS],
    [{ objn: {} }, { objn: { x: 3 }, ...DEFAULTS }],
    [{ any: { a: null } }, { any: { a: null }, ...DEFAULTS }],
    [{ mapd: [{ port: 1 }] }, { mapd: [{ port: 1, proto: "TCP" }], ...DEFAULTS }],
  ];
  for (const [spec, expected] of cases) {
    const { message, object } = check(spec);
    assertEquals([message, object.spec], ["", expected]);
  }
});

Deno.test("unknown fields are dropped and named, at every depth", () => {
  const { object, dropped } = check({
    unknown: 1,
    uq: { b: 2 },
    anyo: { z: { q: 1 }, k: { x: "1", drop: 2 } },
    emb: { apiVersion: "v1", kind: "X", metadata: { name: "ok", zz: 1 }, u: 1 },
    map: [{ name: "a", colour: "red" }],
  });
  assertEquals(dropped, [
    "spec.unknown",
    "spec.uq.b",
    "spec.anyo.k.drop",
    "spec.emb.metadata.zz",
    "spec.map[0].colour",
  ]);
  assertEquals((object.spec as JsonObject).anyo, { z: { q: 1 }, k: { x: "1" } });
});

Deno.test("a part that has not changed is not refused, one that has changed is", () => {
  const object = (spec: JsonObject): JsonObject => ({ apiVersion: "t.io/v1", kind: "Val", spec });
  const old = object({ int: 0, str: "AB", map: [{ name: "a", v: "bad" }, { name: "b" }], set: ["a", "a"] });
  assertEquals(SCHEMA.validate(object({ ...(old.spec as JsonObject), bool: true }), old), []);
  const moved = object({ int: 20, map: [{ name: "b" }, { name: "a", v: "bad" }], set: ["a", "a"] });
  assertEquals(SCHEMA.validate(moved, old).map(({ field }) => field), ["spec.int"]);
});

Deno.test("the status of an invalid object carries every cause", () => {
  const errors = SCHEMA.validate({ spec: { int: 0, obj: {} } });
  assertEquals(
    invalidMessage({ kind: "Val", group: "t.io", name: "x" }, errors),
    'Val.t.io "x" is invalid: [spec.int: Invalid value: 0: spec.int in body should be greater than or equal to 1, ' +
      "spec.obj.a: Required value, spec.obj.b: Required value]",
  );
  assertEquals(statusCauses(errors)[0], {
    reason: "FieldValueInvalid",
    message: "Invalid value: 0: spec.int in body should be greater than or equal to 1",
    field: "spec.int",
  });
});

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;
const spec = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(SPEC)), fc.string()), json) as fc.Arbitrary<
  JsonObject
>;

Deno.test("pruning and defaulting are idempotent, and neither they nor validation fail on any object", () => {
  fc.assert(
    fc.property(spec, (value) => {
      const { object } = check(value);
      const once = clone(object);
      SCHEMA.applyDefaults(object);
      assertEquals(SCHEMA.prune(object), []);
      assertEquals(object, once);
      assertEquals(SCHEMA.validate(object, once), []);
    }),
    { numRuns: 300 },
  );
});
