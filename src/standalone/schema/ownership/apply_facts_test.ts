import { assert, assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { compileSchema, type ObjectSchema } from "../compile.ts";
import { invalidMessage, RequestError, type StatusCause } from "../errors.ts";
import { clone } from "../json.ts";
import { applyMergePatch } from "../patch/merge_patch.ts";
import { isObject, type JsonObject, type JsonValue, type StructuralSchema } from "../types.ts";
import { serverSideApply, trackUpdate } from "./apply.ts";

/** What kube-apiserver 1.36.3 answered: one scenario a line, after a first line with the schema. */
const LINES = Deno.readTextFileSync(new URL("testdata/apply_facts.jsonl", import.meta.url)).trimEnd().split("\n");

interface Expected {
  readonly code?: number;
  readonly message?: string;
  readonly causes?: StatusCause[] | null;
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly metadata?: JsonObject;
  readonly managed?: JsonObject[];
}
interface Step {
  readonly op: "apply" | "create" | "update" | "merge";
  readonly manager: string;
  readonly body: JsonObject;
  readonly force?: boolean;
  readonly status?: boolean;
  readonly managedFields?: JsonObject[];
  readonly expect: Expected;
}
interface Scenario {
  readonly name: string;
  readonly steps: Step[];
}

const [first = "{}", ...rest] = LINES;
const SCHEMA: ObjectSchema = compileSchema((JSON.parse(first) as { schema: StructuralSchema }).schema);
const NAME = { kind: "Own", group: "t.io", name: "x" };
const meta = (object: JsonObject): JsonObject => (isObject(object.metadata) ? object.metadata : {});

/** The least that a server does around the functions under test. */
function perform(
  step: Step,
  live: JsonObject | undefined,
  now: Date,
): JsonObject | { message: string; causes: unknown } {
  const common = {
    schema: SCHEMA,
    apiVersion: "t.io/v1",
    manager: step.manager,
    subresource: step.status ? "status" : undefined,
    resetFields: step.status ? undefined : ["status"],
    now,
  };
  const body: JsonObject = { apiVersion: "t.io/v1", kind: "Own", metadata: { name: "x" }, ...clone(step.body) };
  let object: JsonObject;
  if (step.op === "apply") {
    const result = serverSideApply({ ...common, live, applied: body, force: step.force === true });
    if ("conflicts" in result) return { message: result.message, causes: result.conflicts };
    object = result.object;
  } else {
    const metadata = { ...meta(live ?? {}), ...meta(body) };
    if (step.managedFields) metadata.managedFields = step.managedFields;
    object = step.op === "merge" ? applyMergePatch(live ?? {}, step.body) : { ...body, metadata };
  }
  const kept = step.status ? "spec" : "status";
  delete object[kept];
  if (live?.[kept] !== undefined) object[kept] = clone(live[kept]);
  SCHEMA.applyDefaults(object);
  SCHEMA.prune(object);
  const errors = SCHEMA.validate(object, live);
  if (errors.length > 0) return { message: invalidMessage(NAME, errors), causes: undefined };
  if (step.op !== "apply") {
    const managedFields = trackUpdate({ ...common, old: live, updated: object });
    object = { ...object, metadata: { ...meta(object), managedFields } };
  }
  return object;
}

const byField = (causes: unknown) =>
  Array.isArray(causes) ? [...causes as StatusCause[]].sort((a, b) => (a.field < b.field ? -1 : 1)) : causes;
const managersOf = (object: JsonObject) => {
  const { managedFields } = meta(object);
  return (Array.isArray(managedFields) ? managedFields.filter(isObject) : [])
    .map(({ time, fieldsType: _, ...entry }) => ({ ...entry, timed: time !== undefined }));
};
const byManager = (entries: unknown[]) => entries.map((entry) => JSON.stringify(entry, sorted)).sort();
const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** The real server leaves a `null` where it has emptied a collection, and then refuses its own object. We leave nothing. */
const isKnownDefect = ({ code, message }: Expected) => code === 422 && message?.includes('"null"') === true;

/** The same defect where the schema is open and takes the `null`: for us the collection, which somebody owns, is empty. */
const healed = (value: JsonValue | undefined): JsonValue | undefined =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, v === null ? {} : v])) : value;
const expectedSpec = (
  spec: JsonObject | undefined,
) => (spec?.free ? { ...spec, free: healed(spec.free) ?? null } : spec);

for (const line of rest) {
  const { name, steps } = JSON.parse(line) as Scenario;
  Deno.test(`like the real server: ${name}`, () => {
    let live: JsonObject | undefined;
    let tick = 0;
    for (const [i, step] of steps.entries()) {
      const { expect } = step;
      const label = `${name}, step ${i} (${step.op} by ${step.manager})`;
      const now = new Date(Date.UTC(2026, 0, 1, 0, 0, tick++));
      if (expect.code === 500 || expect.code === 400) {
        const error = assertThrows(() => perform(step, live, now), RequestError);
        const [where = ""] = (expect.message ?? "").split(/: (?:expected|field|element|duplicate)/);
        assertStringIncludes(error.message, where, label);
        continue;
      }
      const outcome = perform(step, live, now);
      if (isKnownDefect(expect)) {
        assert("apiVersion" in outcome, `${label}: ${JSON.stringify(outcome)}`);
        continue;
      }
      if (expect.code !== undefined) {
        assertEquals(outcome.message, expect.message, label);
        if (outcome.causes) assertEquals(byField(outcome.causes), byField(expect.causes), label);
        continue;
      }
      assert("apiVersion" in outcome, `${label}: ${JSON.stringify(outcome)}`);
      live = outcome;
      assertEquals(live.spec, expectedSpec(expect.spec), label);
      assertEquals(live.status, expect.status, label);
      const { labels, annotations, finalizers } = meta(live);
      const metadata = Object.fromEntries(Object.entries({ labels, annotations, finalizers }).filter(([, v]) => v));
      assertEquals(metadata, expect.metadata ?? {}, label);
      assertEquals(byManager(managersOf(live)), byManager(expect.managed ?? []), label);
    }
  });
}
