import { assert, assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { compileSchema } from "../compile.ts";
import { errorText } from "../errors.ts";
import { clone, equal } from "../json.ts";
import { isObject, type JsonObject, type JsonValue, type StructuralSchema } from "../types.ts";
import { serverSideApply, trackUpdate } from "./apply.ts";
import { FieldSet } from "./field_set.ts";
import { fieldsOf } from "./fields.ts";

const integer: StructuralSchema = { type: "integer" };
const string: StructuralSchema = { type: "string" };
const SPEC: StructuralSchema = {
  type: "object",
  properties: {
    a: integer,
    b: integer,
    o: { type: "object", properties: { x: integer, p: { type: "object", properties: { q: integer, r: integer } } } },
    labels: { type: "object", additionalProperties: string },
    objects: { type: "object", additionalProperties: { type: "object", properties: { x: integer, y: integer } } },
    atomicMap: { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: integer },
    list: { type: "array", items: integer },
    set: { type: "array", "x-kubernetes-list-type": "set", items: string },
    map: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: {
        type: "object",
        required: ["name"],
        properties: {
          name: string,
          v: integer,
          w: integer,
          tags: { type: "array", "x-kubernetes-list-type": "set", items: string },
        },
      },
    },
    free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};
const SCHEMA = compileSchema({ type: "object", properties: { spec: SPEC } });

const name = fc.constantFrom("a", "b", "c");
const small = fc.integer({ min: 1, max: 3 });
const some = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });
const names = fc.uniqueArray(name, { maxLength: 3 });
const element = fc.tuple(
  name,
  some({ v: small, w: small, tags: fc.uniqueArray(name, { minLength: 1, maxLength: 2 }) }),
);
const elements = fc.uniqueArray(element, { maxLength: 3, selector: ([key]) => key })
  .map((list) => list.map(([key, rest]) => ({ name: key, ...rest })));
const nonEmpty = <T extends object>(arbitrary: fc.Arbitrary<T>) =>
  arbitrary.filter((value) => Object.keys(value).length > 0);
const spec: fc.Arbitrary<JsonObject> = some({
  a: small,
  b: small,
  o: nonEmpty(some({ x: small, p: nonEmpty(some({ q: small, r: small })) })),
  labels: nonEmpty(fc.dictionary(name, name)),
  objects: nonEmpty(fc.dictionary(name, nonEmpty(some({ x: small, y: small })))),
  atomicMap: nonEmpty(fc.dictionary(name, small)),
  list: fc.array(small, { maxLength: 2 }),
  set: names,
  map: elements,
  free: nonEmpty(fc.dictionary(name, fc.oneof(small, fc.dictionary(name, small)))),
}).map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);

const now = new Date(Date.UTC(2026, 0, 1));
const common = { schema: SCHEMA, apiVersion: "t.io/v1", now };
const object = (value: JsonObject): JsonObject => ({
  apiVersion: "t.io/v1",
  kind: "Own",
  metadata: { name: "x" },
  spec: clone(value),
});
function apply(live: JsonObject | undefined, manager: string, value: JsonObject, force = true): JsonObject {
  const result = serverSideApply({ ...common, live, applied: object(value), manager, force });
  assert("object" in result);
  return result.object;
}
const content = (of: JsonObject): JsonValue => of.spec ?? {};
const managers = (of: JsonObject): JsonObject[] => {
  const metadata = isObject(of.metadata) ? of.metadata : {};
  return Array.isArray(metadata.managedFields) ? metadata.managedFields.filter(isObject) : [];
};
const fieldsOfManager = (of: JsonObject, manager: string): FieldSet =>
  managers(of).filter((entry) => entry.manager === manager)
    .reduce((all, entry) => all.union(FieldSet.decode(entry.fieldsV1 ?? {})), FieldSet.empty);
const write = fc.tuple(fc.constantFrom("m1", "m2", "m3"), spec);

Deno.test("applying the same again changes nothing, whatever was applied before", () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 4 }), write, (history, [manager, value]) => {
      let live: JsonObject | undefined;
      for (const [by, given] of history) live = apply(live, by, given);
      const once = apply(live, manager, value);
      const twice = apply(once, manager, value);
      // Nobody can own an empty list; an object that nobody owns is given to its writer by the next apply.
      assertEquals(content(twice), content(once));
      if (managers(once).length > 0) assertEquals(twice, once);
    }),
    { numRuns: 300 },
  );
});

Deno.test("what is applied is there, and the object stays valid", () => {
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 4 }), (history) => {
      let live: JsonObject | undefined;
      for (const [manager, value] of history) {
        live = apply(live, manager, value);
        assertEquals(SCHEMA.validate(live).map(errorText), []);
        const there = fieldsOf(SCHEMA.schema, live);
        const said = fieldsOf(SCHEMA.schema, object(value));
        assert(said.difference(there).isEmpty, `lost ${JSON.stringify(said.difference(there).encode())}`);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("managers of disjoint fields never conflict, and either order leads to the same object", () => {
  const disjoint = spec.chain((value) =>
    fc.func(fc.boolean()).map((pick) => {
      const mine = Object.entries(value).filter(([key]) => pick(key));
      const theirs = Object.entries(value).filter(([key]) => !pick(key));
      return [Object.fromEntries(mine), Object.fromEntries(theirs), value] as const;
    })
  );
  fc.assert(fc.property(disjoint, ([mine, theirs, both]) => {
    const ab = apply(apply(undefined, "m1", mine, false), "m2", theirs, false);
    const ba = apply(apply(undefined, "m2", theirs, false), "m1", mine, false);
    assert(equal(content(ab), both) && equal(content(ba), both));
  }));
});

Deno.test("what a manager drops goes, unless another owns it", () => {
  fc.assert(
    fc.property(spec, spec, (mine, theirs) => {
      const live = apply(apply(undefined, "m1", mine), "m2", theirs);
      const dropped = apply(live, "m1", {});
      const left = fieldsOf(SPEC, content(dropped));
      const owned = fieldsOfManager(dropped, "m2").below({ kind: "field", name: "spec" });
      assert(left.difference(owned).isEmpty, `nobody's: ${JSON.stringify(left.difference(owned).encode())}`);
      assert(equal(content(apply(dropped, "m2", {})), {}));
    }),
    { numRuns: 300 },
  );
});

Deno.test("without force nothing that another manager owns changes; with force it is taken over", () => {
  fc.assert(
    fc.property(spec, spec, (mine, theirs) => {
      const live = apply(undefined, "m1", mine);
      const attempt = serverSideApply({ ...common, live, applied: object(theirs), manager: "m2", force: false });
      if ("object" in attempt) {
        assertEquals(fieldsOfManager(attempt.object, "m1"), fieldsOfManager(live, "m1"));
        return;
      }
      assert(attempt.conflicts.length > 0);
      const forced = apply(live, "m2", theirs);
      const lost = fieldsOfManager(live, "m1").difference(fieldsOfManager(forced, "m1"));
      assert([...lost.paths()].length >= attempt.conflicts.length);
      assertEquals(apply(forced, "m2", theirs), forced);
    }),
    { numRuns: 300 },
  );
});

Deno.test("an update owns what it changed, and a second identical one nothing more", () => {
  fc.assert(
    fc.property(spec, spec, (before, after) => {
      const old = apply(undefined, "m1", before);
      const metadata = isObject(old.metadata) ? old.metadata : {};
      const updated = { ...object(after), metadata };
      const managedFields = trackUpdate({ ...common, old, updated, manager: "k" });
      const stored = { ...updated, metadata: { ...metadata, managedFields } };
      assertEquals(trackUpdate({ ...common, old: stored, updated: stored, manager: "other" }), managedFields);
      const there = fieldsOf(SCHEMA.schema, stored);
      const phantom = fieldsOfManager(stored, "m1").difference(there);
      assert(phantom.isEmpty, `owns what is gone: ${JSON.stringify(phantom.encode())}`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("FieldsV1 reads back as it was written", () => {
  fc.assert(fc.property(spec, (value) => {
    const set = fieldsOf(SCHEMA.schema, object(value));
    assert(FieldSet.decode(set.encode()).equals(set));
  }));
});
