/** Random manifests that earlier implementations of the kinds accepted. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import { API_VERSION, kindNamed } from "@virtrigaud/api";
import { arbitrary } from "../../compat/arbitrary.ts";
import { celRules } from "../../compat/bad_input.ts";
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

const RULES = new Set(
  referenceKinds().flatMap(({ kind }) => [...celRules(kindNamed(kind))].map(({ rule }) => rule.message)),
);

/**
 * Whether a refusal is by nothing but the rules that refuse what could never work; docs/reference/admission.md lists
 * them with their reasons.
 */
export function refusedByRule(body: unknown): boolean {
  const { details } = body as { readonly details?: { readonly causes?: readonly { readonly message: string }[] } };
  const causes = details?.causes ?? [];
  return causes.length > 0 && causes.every(({ message }) => [...RULES].some((rule) => message.endsWith(rule)));
}
