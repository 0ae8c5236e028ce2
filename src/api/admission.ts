/** Admission policies: what the API server can say at once that the manager would say later by a condition. @module */
import { type KindDefinition } from "./definition.ts";
import { fieldsOf } from "./fields.ts";
import { OBJECT_RULES, type ObjectRule, optionalPath } from "./object_rules.ts";
import { PROVIDER_TYPES, type ProviderType } from "./provider_spec.ts";
import { type JsonSchema } from "./schema.ts";
import { supportOf } from "./support.ts";

/** One check of a policy: CEL over `object`, true when all is well, and what is said otherwise. */
export interface PolicyValidation {
  readonly expression: string;
  readonly message: string;
}

/** What a ValidatingAdmissionPolicy of `admissionregistration.k8s.io/v1` is made from. */
export interface AdmissionPolicy {
  /** Name without a prefix: the plural of the kind, and `-deprecated` for what is never refused. */
  readonly name: string;
  /** Broken rules of level `Deprecated` are warned about, whatever is chosen for the others. */
  readonly level: ObjectRule["level"];
  readonly spec: {
    /** A policy that cannot be evaluated must not keep anybody from working: the manager checks again. */
    readonly failurePolicy: "Ignore";
    readonly matchConstraints: {
      readonly resourceRules: readonly [{
        readonly apiGroups: readonly [string];
        readonly apiVersions: readonly [string];
        readonly operations: readonly ["CREATE", "UPDATE"];
        readonly resources: readonly [string];
      }];
    };
    readonly matchConditions: readonly [{ readonly name: string; readonly expression: string }];
    readonly validations: readonly PolicyValidation[];
  };
}

/** The policies of `kinds`, in their order: object rules, then fields that nobody honours. */
export function admissionPolicies(kinds: readonly KindDefinition[]): AdmissionPolicy[] {
  return kinds.flatMap((kind) => {
    const rules = OBJECT_RULES[kind.kind] ?? [];
    const checksOf = (level: ObjectRule["level"]) =>
      rules.filter((each) => each.level === level).map(({ rule, field, message }) => ({
        expression: rule,
        message: `${field}: ${message}`,
      }));
    const invalid = [...checksOf("Invalid"), ...supportChecks(kind)];
    const deprecated = checksOf("Deprecated");
    return [
      ...(invalid.length === 0 ? [] : [policy(kind, "Invalid", invalid)]),
      ...(deprecated.length === 0 ? [] : [policy(kind, "Deprecated", deprecated)]),
    ];
  });
}

function policy(
  { plural, group, version }: KindDefinition,
  level: ObjectRule["level"],
  validations: readonly PolicyValidation[],
): AdmissionPolicy {
  return {
    name: level === "Invalid" ? plural : `${plural}-deprecated`,
    level,
    spec: {
      failurePolicy: "Ignore",
      matchConstraints: {
        resourceRules: [{
          apiGroups: [group],
          apiVersions: [version],
          operations: ["CREATE", "UPDATE"],
          resources: [plural],
        }],
      },
      // What was there before the rule can still be labelled, held and deleted.
      matchConditions: [{ name: "spec-changes", expression: "oldObject == null || object.spec != oldObject.spec" }],
      validations,
    },
  };
}

/** Types that there is a provider for, or will be. */
const TYPES = PROVIDER_TYPES.filter((type) => type !== "qemu" && type !== "firecracker");

/**
 * A check for each field that no provider can honour. Only a Provider says its type itself; of all other kinds a field
 * is named when it is honoured nowhere, and which provider an object is used with remains for the manager to find out.
 */
function supportChecks(kind: KindDefinition): PolicyValidation[] {
  const spec = kind.schema.properties?.["spec"] ?? {};
  const isProvider = kind.kind === "Provider";
  const isLost = (path: string) => {
    const refusing = TYPES.filter((type) => ["planned", "refused"].includes(supportOf(kind, type, path)));
    return isProvider ? refusing : refusing.length === TYPES.length ? refusing : [];
  };
  const leaves = leavesOf(spec, "spec");
  if (!isProvider && leaves.every(({ path }) => isLost(path).length > 0)) {
    return [{ expression: "false", message: `${kind.kind} is kept, but nothing acts on it yet` }];
  }
  return leaves.flatMap(({ path, schema }) => {
    const refusing = isLost(path);
    if (refusing.length === 0) return [];
    const absent = absentAt(schema, path.replace(/^spec\.?/, ""), "object.spec");
    return isProvider
      ? [{
        expression: `!(object.spec.type in ${JSON.stringify(refusing)}) || ${absent}`,
        message: `${path}: is not honoured by providers of type ${words(refusing)}: remove it`,
      }]
      : [{ expression: absent, message: `${path}: is not honoured by any provider yet: remove it` }];
  });
}

const words = (types: readonly ProviderType[]): string =>
  types.length < 2 ? types.join() : `${types.slice(0, -1).join(", ")} and ${types.at(-1)}`;

/** Fields that hold values themselves, as {@linkcode setFields} sees them. */
function leavesOf(spec: JsonSchema, root: string): { path: string; schema: JsonSchema }[] {
  return [...fieldsOf(spec, root)].filter(({ path, schema }) =>
    schema.properties === undefined && schema.items?.properties === undefined && !path.includes("{}")
  );
}

/** CEL that is true when nothing but the default stands at `path` below `at`; entries of lists are looked at one by one. */
function absentAt(leaf: JsonSchema, path: string, at: string, depth = 0): string {
  const [head = "", ...rest] = path.split("[].");
  const place = optionalPath(`x.${head}`).replace("object.x", at);
  if (rest.length === 0) return isDefault(leaf, place);
  const entry = `e${depth}`;
  return `${place}.orValue([]).all(${entry}, ${absentAt(leaf, rest.join("[]."), entry, depth + 1)})`;
}

function isDefault(leaf: JsonSchema, place: string): string {
  if (leaf.type === "array") return `${place}.orValue([]).size() == 0`;
  if (leaf.type === "object") return `${place}.orValue({}).size() == 0`;
  if (leaf.default === undefined) return `!${place}.hasValue()`;
  const value = JSON.stringify(leaf.default);
  return `${place}.orValue(${value}) == ${value}`;
}
