/** Random manifests that earlier implementations of the kinds accepted. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import { API_VERSION, kindNamed } from "@virtrigaud/api";
import { arbitrary } from "../../compat/arbitrary.ts";
import { referenceKinds } from "../../compat/reference.ts";
import { pathOf } from "./product_calls.ts";
import type { Call } from "./widget_calls.ts";

/** `count` manifests of each kind, as creates that change nothing. */
export function randomCreates(count: number, seed: number): Call[] {
  return referenceKinds().flatMap(({ kind, schema }) => {
    const ours = kindNamed(kind);
    const objects = arbitrary(schema, ours.schema, "");
    if (objects === undefined) throw new Error(`nothing satisfies the reference's schema of ${kind}`);
    return fc.sample(objects, { numRuns: count, seed }).map((object): Call => [
      "POST",
      `${pathOf(ours)}?dryRun=All&fieldValidation=Strict`,
      { ...object as object, apiVersion: API_VERSION, kind, metadata: { name: "random" } },
    ]);
  });
}
