/** The rules of `OBJECT_RULES`, as the manager evaluates them. @module */
import { CelEnvironment } from "@virtrigaud/deps/schema.ts";
import { OBJECT_RULES } from "@virtrigaud/api";

/** A broken rule. */
export interface BrokenRule {
  readonly field: string;
  readonly message: string;
}

interface CompiledRule extends BrokenRule {
  readonly holds: (variables: { readonly object: unknown }) => unknown;
}

const environment = new CelEnvironment({ enableOptionalTypes: true }).registerVariable("object", "dyn");

const COMPILED: ReadonlyMap<string, readonly CompiledRule[]> = new Map(
  Object.entries(OBJECT_RULES).map(([kind, rules]) => [
    kind,
    rules.filter(({ level }) => level === "Invalid").map(({ field, message, rule }) => ({
      field,
      message,
      holds: environment.parse(rule),
    })),
  ]),
);

/** What is wrong with an object for itself, whatever it refers to; empty: nothing. */
export function brokenRules(object: { readonly kind: string }): BrokenRule[] {
  return (COMPILED.get(object.kind) ?? [])
    .filter(({ holds }) => holds({ object }) !== true)
    .map(({ field, message }) => ({ field, message }));
}
