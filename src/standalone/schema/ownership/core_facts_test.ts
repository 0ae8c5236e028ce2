import { assert, assertEquals } from "@virtrigaud/deps";
import { compileSchema } from "../compile.ts";
import { coreSchema } from "../core/mod.ts";
import { applyStrategicMergePatch } from "../patch/strategic_merge.ts";
import { isObject, type JsonObject } from "../types.ts";
import { serverSideApply, trackUpdate } from "./apply.ts";

interface Step {
  readonly op: "apply" | "create" | "patch";
  readonly manager: string;
  readonly body: JsonObject;
  readonly force?: boolean;
  readonly expect: { readonly object?: JsonObject; readonly managed?: JsonObject[]; readonly message?: string };
}
interface Scenario {
  readonly name: string;
  readonly steps: Step[];
}

/** Writes to core kinds, and what kube-apiserver 1.36.3 made of them. */
const LINES = Deno.readTextFileSync(new URL("testdata/core_facts.jsonl", import.meta.url)).trimEnd().split("\n");
const meta = (object: JsonObject): JsonObject => (isObject(object.metadata) ? object.metadata : {});
/** Defaults that depend on other fields, which the schemas leave to the server. */
const COMPUTED: readonly string[] = [
  "imagePullPolicy",
  "clusterIPs",
  "ipFamilies",
  "ipFamilyPolicy",
  "internalTrafficPolicy",
  "namespace",
  "targetPort",
];
const comparable = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, item) => {
    if (COMPUTED.includes(key) || COMPUTED.includes(key.slice(2))) return undefined;
    return item;
  }));
/** Go's structs are there, empty, before they are filled: on create the real server counts fewer of them as added. */
const withoutDots = (entry: JsonObject): JsonObject =>
  entry.operation === "Apply"
    ? entry
    : JSON.parse(JSON.stringify(entry, (key, item) => (key === "." ? undefined : item)));

/** The facts were gathered within a second or two, so that their order by time means nothing. */
const byName = (entries: readonly JsonObject[]) =>
  entries.map(withoutDots).sort((a, b) => (JSON.stringify(a.manager) < JSON.stringify(b.manager) ? -1 : 1));

for (const line of LINES) {
  const { name, steps } = JSON.parse(line) as Scenario;
  Deno.test(`like the real server: ${name}`, () => {
    let live: JsonObject | undefined;
    for (const [i, { op, manager, body, force = false, expect }] of steps.entries()) {
      const label = `${name}, step ${i} (${op} by ${manager})`;
      const apiVersion = String(steps[0]?.body.apiVersion);
      const source = coreSchema(apiVersion, String(steps[0]?.body.kind));
      assert(source);
      const schema = compileSchema(source);
      const common = { schema, apiVersion, manager, now: new Date(Date.UTC(2026, 0, 1, 0, 0, i)) };
      let object: JsonObject;
      if (op === "apply") {
        const result = serverSideApply({ ...common, live, applied: body, force });
        if ("conflicts" in result) {
          assertEquals(result.message, expect.message, label);
          continue;
        }
        object = result.object;
      } else object = op === "patch" ? applyStrategicMergePatch(live ?? {}, body, schema.schema) : body;
      schema.applyDefaults(object);
      if (op !== "apply") {
        const managedFields = trackUpdate({ ...common, old: live, updated: object });
        object = { ...object, metadata: { ...meta(object), managedFields } };
      }
      // Refused for a reason that no schema carries.
      if (!expect.object) continue;
      live = object;
      const { managedFields, ...metadata } = meta(live);
      assertEquals(comparable({ ...live, metadata }), comparable(expect.object), label);
      const managed = (Array.isArray(managedFields) ? managedFields.filter(isObject) : [])
        .map(({ time: _time, fieldsType: _type, ...entry }) => entry);
      assertEquals(comparable(byName(managed)), comparable(byName(expect.managed ?? [])), label);
    }
  });
}
