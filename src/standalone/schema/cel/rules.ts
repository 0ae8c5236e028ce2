/** `x-kubernetes-validations`: rules in CEL. @module */
import type { CelEnvironment } from "@virtrigaud/deps/schema.ts";
import type { FieldError } from "../errors.ts";
import { equal, own } from "../json.ts";
import { correlate } from "../lists.ts";
import type { SchemaNode } from "../node.ts";
import { isObject, type JsonValue, type ValidationRule } from "../types.ts";
import { foreignCall, kubernetesEnvironment } from "./library.ts";
import { type CelType, CelTypes } from "./types.ts";

type Evaluate = (variables: Record<string, unknown>) => unknown;

interface CompiledRule {
  readonly source: ValidationRule;
  readonly evaluate: Evaluate;
  readonly message: Evaluate | undefined;
  /** The rule reads `oldSelf`. */
  readonly transition: boolean;
  /** Where below the rule's value the error is reported: `.x`, empty for the value itself. */
  readonly fieldPath: string;
}

/** The rules of one schema node and of everything below it. */
interface RuleNode {
  readonly node: SchemaNode;
  readonly rules: readonly CompiledRule[];
  readonly type: CelType | undefined;
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly additional: RuleNode | undefined;
  readonly items: RuleNode | undefined;
}

/** Checks an object; errors go to `errors`. */
export type RuleCheck = (value: JsonValue, errors: FieldError[], old: JsonValue | undefined) => void;

/** Absent optional values are made and unwrapped by expressions: the library does not hand out its own class. */
interface Optionals {
  readonly some: Evaluate;
  readonly none: unknown;
}

const hasRules = (node: SchemaNode | undefined): boolean =>
  node !== undefined &&
  ((node.schema["x-kubernetes-validations"]?.length ?? 0) > 0 || [...node.properties.values()].some(hasRules) ||
    hasRules(node.additional) || hasRules(node.items));

/**
 * Compiles the rules below `root`; `undefined` when there are none.
 *
 * @throws {Error} naming the schema path and the rule: a syntax or type error, an unknown function, a rule that is not
 *   boolean, or a transition rule where old and new values cannot be told apart
 */
export function compileRules(root: SchemaNode, name: string): RuleCheck | undefined {
  if (!hasRules(root)) return undefined;
  const env = kubernetesEnvironment().registerVariable("value", "dyn").registerVariable("text", "string");
  const types = new CelTypes(env);
  types.of(root);
  const optionals: Optionals = { some: env.parse("optional.of(value)"), none: env.parse("optional.none()")({}) };
  const build = (node: SchemaNode | undefined, correlatable: boolean): RuleNode | undefined => {
    if (!node || !hasRules(node)) return undefined;
    const sources = node.schema["x-kubernetes-validations"] ?? [];
    const type = sources.length > 0 ? types.of(node) : undefined;
    if (sources.length > 0 && !type) {
      throw new Error(
        `schema of ${name}: rules at ${node.path}: the schema there leaves the value open, rules cannot see it`,
      );
    }
    const listType = node.schema["x-kubernetes-list-type"];
    return {
      node,
      type,
      rules: type ? sources.map((source) => compileRule(env, type.name, source, node, name, correlatable)) : [],
      properties: new Map(
        [...node.properties].flatMap(([key, child]) => {
          const built = build(child, correlatable);
          return built ? [[key, built] as const] : [];
        }),
      ),
      additional: build(node.additional, correlatable),
      items: build(node.items, correlatable && listType === "map"),
    };
  };
  const tree = build(root, true);
  return (value, errors, old) => tree && run(tree, value, "", { errors, optionals }, old);
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";

function compileRule(
  env: CelEnvironment,
  type: string,
  source: ValidationRule,
  node: SchemaNode,
  schemaName: string,
  correlatable: boolean,
): CompiledRule {
  const refuse = (why: string) =>
    new Error(`schema of ${schemaName}: rule ${JSON.stringify(source.rule)} at ${node.path || "the root"}: ${why}`);
  const compile = (text: string, scope: CelEnvironment, wanted: string): Evaluate => {
    const foreign = foreignCall(text);
    if (foreign !== undefined) throw refuse(`${JSON.stringify(foreign)} is not a function of Kubernetes`);
    // `has(a.b)` is not type checked by the library, and a misspelt field would silently pass: check its operand too.
    const operands = text.replaceAll(/\bhas\(\s*([^()]*)\)/g, "(dyn($1) == dyn($1))");
    for (const candidate of [operands, text]) {
      const { valid, type: result, error } = scope.check(candidate);
      if (!valid) throw refuse(`compilation failed: ${firstLine(error)}`);
      if (result !== wanted && result !== "dyn") {
        throw refuse(`cel expression must evaluate to a ${wanted}, not ${result}`);
      }
    }
    return scope.parse(text);
  };
  const plain = env.clone().registerVariable("self", type);
  const both = plain.clone().registerVariable("oldSelf", source.optionalOldSelf ? `optional<${type}>` : type);
  const transition = usesOldSelf(source.rule);
  if (transition && !correlatable) {
    throw refuse("oldSelf cannot be used here: elements of this list have no identity over time (list type map has)");
  }
  const { messageExpression } = source;
  return {
    source,
    transition,
    evaluate: compile(source.rule, transition ? both : plain, "bool"),
    message: messageExpression === undefined
      ? undefined
      : compile(messageExpression, usesOldSelf(messageExpression) ? both : plain, "string"),
    fieldPath: source.fieldPath === undefined ? "" : resolveFieldPath(source.fieldPath, node, refuse),
  };
}

const usesOldSelf = (text: string): boolean =>
  /\boldSelf\b/.test(text.replaceAll(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, ""));

/** `.a['b c']` as the path of a field error; every step must exist in the schema. */
function resolveFieldPath(text: string, start: SchemaNode, refuse: (why: string) => Error): string {
  const steps = [...text.matchAll(/\.([A-Za-z_][\w-]*)|\['((?:[^'\\]|\\.)*)'\]/g)];
  if (steps.map(([step]) => step).join("") !== text || steps.length === 0) {
    throw refuse(`fieldPath ${JSON.stringify(text)} is not of the form .field or ['field']`);
  }
  let node: SchemaNode | undefined = start;
  let path = "";
  for (const [, dotted, quoted] of steps) {
    const field: string = dotted ?? (quoted ?? "").replaceAll(/\\(.)/g, "$1");
    const property: SchemaNode | undefined = node.properties.get(field);
    path += property ? `.${field}` : `[${field}]`;
    node = property ?? node.additional;
    if (!node) throw refuse(`fieldPath ${JSON.stringify(text)} does not refer to a field of the schema`);
  }
  return path;
}

interface Run {
  readonly errors: FieldError[];
  readonly optionals: Optionals;
}

function run(rules: RuleNode, value: JsonValue, path: string, to: Run, old: JsonValue | undefined): void {
  if (value === null) return;
  if (rules.type) runOwn(rules, rules.type, value, path, to, old);
  if (Array.isArray(value)) {
    const { items } = rules;
    if (!items) return;
    const oldItem = correlate(rules.node.schema, old);
    value.forEach((item, i) => run(items, item, `${path}[${i}]`, to, oldItem(item)));
    return;
  }
  if (!isObject(value)) return;
  for (const [name, child] of rules.properties) {
    const given = own(value, name);
    const before = isObject(old) ? own(old, name) : undefined;
    if (given !== undefined) run(child, given, path === "" ? name : `${path}.${name}`, to, before);
  }
  if (!rules.additional) return;
  for (const [name, given] of Object.entries(value)) {
    if (rules.node.properties.has(name)) continue;
    run(rules.additional, given, `${path}[${name}]`, to, isObject(old) ? own(old, name) : undefined);
  }
}

function runOwn(
  { rules, node }: RuleNode,
  type: CelType,
  value: JsonValue,
  path: string,
  { errors, optionals }: Run,
  old: JsonValue | undefined,
): void {
  const unchanged = old !== undefined && equal(value, old);
  let variables: Record<string, unknown> | undefined;
  for (const rule of rules) {
    const optional = rule.source.optionalOldSelf === true;
    if (rule.transition ? (old === undefined || old === null) && !optional : unchanged) continue;
    variables ??= { self: type.convert(value) };
    if (rule.transition) {
      const before = old === undefined || old === null ? undefined : type.convert(old);
      const wrapped = before === undefined ? optionals.none : optionals.some({ value: before });
      variables.oldSelf = optional ? wrapped : before;
    }
    const problem = evaluateRule(rule, variables);
    if (problem === undefined) continue;
    const scalar = typeof value !== "object" && rule.fieldPath === "";
    errors.push({
      type: problem.failed ? rule.source.reason ?? "FieldValueInvalid" : "FieldValueInvalid",
      field: `${path}${rule.fieldPath}`.replace(/^\./, "") || "<nil>",
      badValue: problem.failed ? (scalar ? value : undefined) : node.schema.type ?? "any",
      detail: problem.detail,
    });
  }
}

/** What is wrong, or `undefined`: the rule said no (`failed`), or could not be evaluated. */
function evaluateRule(
  { source, evaluate, message }: CompiledRule,
  variables: Record<string, unknown>,
): { failed: boolean; detail: string } | undefined {
  const fixed = source.message?.trim() || `failed rule: ${source.rule.trim()}`;
  try {
    const outcome = evaluate(variables);
    if (outcome === true) return undefined;
  } catch (error) {
    const rule = source.message?.trim() || source.rule.trim();
    return { failed: false, detail: `${firstLine(error)} evaluating rule: ${rule}` };
  }
  if (message) {
    try {
      const text = message(variables);
      if (typeof text === "string" && text.trim() !== "" && !text.includes("\n")) {
        return { failed: true, detail: text.trim() };
      }
    } catch {
      // A message that cannot be made must not hide the refusal: the fixed message stands in for it.
    }
  }
  return { failed: true, detail: fixed };
}
