/** Admission policies, evaluated as a cluster's API server does, with its words. @module */
import { kubernetesEnvironment } from "../schema/cel/library.ts";
import type { JsonObject } from "../storage/mod.ts";
import { forbiddenByPolicy } from "./errors.ts";
import { metaOf } from "./meta.ts";
import { text } from "./json.ts";
import type { Resource } from "./resource.ts";

/** A ValidatingAdmissionPolicy as far as it is evaluated here; `AdmissionPolicy` of `@virtrigaud/api` is one. */
export interface Policy {
  readonly name: string;
  /** `Deprecated` is only ever warned about. */
  readonly level: "Invalid" | "Deprecated";
  readonly spec: {
    readonly matchConstraints: {
      readonly resourceRules: readonly {
        readonly apiGroups: readonly string[];
        readonly apiVersions: readonly string[];
        readonly resources: readonly string[];
      }[];
    };
    readonly matchConditions: readonly { readonly expression: string }[];
    readonly validations: readonly { readonly expression: string; readonly message: string }[];
  };
}

/** Which policies hold, and what becomes of what breaks them. */
export interface AdmissionOptions {
  readonly policies: readonly Policy[];
  readonly action: "Warn" | "Deny";
}

/** Checks a write to a resource itself, not to a subresource: adds warnings, or throws the refusal. */
export type Admit = (
  resource: Resource,
  object: JsonObject,
  old: JsonObject | undefined,
  warnings: string[],
) => void;

interface Variables {
  readonly object: unknown;
  readonly oldObject: unknown;
}
type Evaluate = (variables: Variables) => unknown;

interface CompiledPolicy {
  readonly name: string;
  readonly denies: boolean;
  readonly applies: readonly Evaluate[];
  readonly checks: readonly { readonly holds: Evaluate; readonly message: string }[];
}

/** Compiles the policies of a kind when it is first written. */
export function admission({ policies, action }: AdmissionOptions): Admit {
  const compiled = new Map<Resource, readonly CompiledPolicy[]>();
  return (resource, object, old, warnings) => {
    let own = compiled.get(resource);
    if (own === undefined) compiled.set(resource, own = policiesOf(resource, policies, action));
    const variables = { object, oldObject: old ?? null };
    let refusal: string | undefined;
    for (const { name, denies, applies, checks } of own) {
      if (!applies.every((condition) => holdsFor(condition, variables, false))) continue;
      const who = `ValidatingAdmissionPolicy '${name}' with binding '${name}'`;
      for (const { message } of checks.filter(({ holds }) => !holdsFor(holds, variables, true))) {
        if (!denies) warnings.push(`Validation failed for ${who}: ${message}`);
        else refusal ??= `${who} denied request: ${message}`;
      }
    }
    if (refusal !== undefined) throw forbiddenByPolicy(resource, text(metaOf(object), "name"), refusal);
  };
}

/** What cannot be evaluated counts as `otherwise`: the failure policy of our policies is Ignore. */
function holdsFor(evaluate: Evaluate, variables: Variables, otherwise: boolean): boolean {
  try {
    return evaluate(variables) === true;
  } catch {
    return otherwise;
  }
}

function policiesOf(resource: Resource, policies: readonly Policy[], action: AdmissionOptions["action"]) {
  const environment = kubernetesEnvironment().registerVariable("object", "dyn").registerVariable("oldObject", "dyn");
  return policies.filter(({ spec }) =>
    spec.matchConstraints.resourceRules.some(({ apiGroups, apiVersions, resources }) =>
      apiGroups.includes(resource.group) && apiVersions.includes(resource.version) &&
      resources.includes(resource.plural)
    )
  ).map(({ name, level, spec }): CompiledPolicy => ({
    name: `virtrigaud-${name}`,
    denies: action === "Deny" && level === "Invalid",
    applies: spec.matchConditions.map(({ expression }) => environment.parse(expression)),
    checks: spec.validations.map(({ expression, message }) => ({ holds: environment.parse(expression), message })),
  }));
}
