import { assert, assertEquals, assertThrows } from "@virtrigaud/deps";
import { compileSchema } from "../compile.ts";
import { coreSchema } from "../core/mod.ts";
import { RequestError } from "../errors.ts";
import type { JsonObject } from "../types.ts";
import { applyStrategicMergePatch } from "./strategic_merge.ts";

interface Case {
  readonly patch: JsonObject;
  readonly expect: { readonly object?: JsonObject; readonly code?: number };
}
interface Facts {
  readonly apiVersion: string;
  readonly kind: string;
  readonly live: JsonObject;
  readonly cases: Case[];
}

/** Patches of real objects, and what kube-apiserver 1.36.3 made of them. */
const LINES = Deno.readTextFileSync(new URL("testdata/strategic_facts.jsonl", import.meta.url)).trimEnd().split("\n");

/** The one default that depends on another field, and that we leave out. */
const withoutPullPolicy = (key: string, value: unknown): unknown => (key === "imagePullPolicy" ? undefined : value);

for (const line of LINES) {
  const { apiVersion, kind, live, cases } = JSON.parse(line, withoutPullPolicy) as Facts;
  Deno.test(`strategic merge patches of a ${kind} do what the real server does`, () => {
    const source = coreSchema(apiVersion, kind);
    assert(source);
    const schema = compileSchema(source);
    for (const { patch, expect } of cases) {
      const label = JSON.stringify(patch);
      const run = () => {
        const object = applyStrategicMergePatch(live, patch, schema.schema);
        // The server puts the namespace of the request's path where the patch left it out.
        object.metadata = { namespace: "default", ...(object.metadata as JsonObject) };
        schema.applyDefaults(object);
        const [error] = schema.validate(object);
        if (error) throw new RequestError(422, "Invalid", JSON.stringify(error));
        return object;
      };
      if (expect.object) assertEquals(run(), expect.object, label);
      else assertThrows(run, RequestError);
    }
  });
}
