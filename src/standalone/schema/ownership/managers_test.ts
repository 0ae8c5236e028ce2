import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { compileSchema } from "../compile.ts";
import { RequestError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import { serverSideApply, trackUpdate } from "./apply.ts";
import { decodeManagers, encodeManagers } from "./managers.ts";
import { decodeStep, encodeStep } from "./path.ts";

const schema = compileSchema({
  properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
});
const entry = (manager: string, operation: string, time: string, field: string): JsonObject => ({
  manager,
  operation,
  apiVersion: "v1",
  time,
  fieldsType: "FieldsV1",
  fieldsV1: { "f:spec": { [`f:${field}`]: {} } },
});

Deno.test("managers read back as they were written, appliers first, then by time and name", () => {
  const entries = [
    entry("a", "Update", "2026-01-01T00:00:02Z", "a"),
    entry("b", "Update", "2026-01-01T00:00:01Z", "b"),
    entry("z", "Apply", "2026-01-01T00:00:09Z", "c"),
  ];
  assertEquals(encodeManagers(decodeManagers(entries)), [...entries].reverse());
});

Deno.test("more than ten updaters are kept as nine and the oldest together", () => {
  let live: JsonObject = { spec: {} };
  live = { ...live, metadata: { managedFields: [entry("first", "Apply", "2026-01-01T00:00:00Z", "x")] } };
  for (let i = 0; i < 14; i++) {
    const spec = { ...(live.spec as JsonObject), [`f${i}`]: i };
    const updated = { ...live, spec };
    const now = new Date(Date.UTC(2026, 0, 1, 0, 1, i));
    const managedFields = trackUpdate({ schema, apiVersion: "v1", manager: `u${i}`, now, old: live, updated });
    live = { ...updated, metadata: { managedFields } };
  }
  const managers = [...decodeManagers((live.metadata as JsonObject).managedFields).values()];
  const updaters = managers.filter(({ operation }) => operation === "Update");
  assertEquals(updaters.map(({ name }) => name), [
    "ancient-changes",
    ...Array.from({ length: 9 }, (_, i) => `u${i + 5}`),
  ]);
  assertEquals([...(updaters[0]?.fields.paths() ?? [])].length, 5);
});

Deno.test("managed fields that are no FieldsV1 are refused, and a client's broken ones give way to the stored ones", () => {
  const broken = [{ ...entry("a", "Apply", "2026-01-01T00:00:00Z", "a"), fieldsV1: { "q:x": {} } }];
  const live = { spec: {}, metadata: { managedFields: broken } };
  const request = { schema, apiVersion: "v1", manager: "m", now: new Date(0) };
  const error = assertThrows(
    () => serverSideApply({ ...request, live, applied: { spec: {} }, force: false }),
    RequestError,
  );
  assertStringIncludes(error.message, '"q:x" is no FieldsV1 path');
  const stored = [entry("a", "Apply", "2026-01-01T00:00:00Z", "a")];
  const old = { spec: { a: 1 }, metadata: { managedFields: stored } };
  assertEquals(trackUpdate({ ...request, old, updated: { ...old, metadata: { managedFields: broken } } }), stored);
});

Deno.test("keys of list elements are written as Go writes them, and read back", () => {
  const step = { kind: "key", key: { name: "<a&b>\u2028" } } as const;
  assertEquals(encodeStep(step), 'k:{"name":"\\u003ca\\u0026b\\u003e\\u2028"}');
  assertEquals(decodeStep(encodeStep(step)), step);
  assertEquals(encodeStep(decodeStep('v:"a<b"')), 'v:"a\\u003cb"');
});
