/**
 * For every rule of every kind a manifest that breaks it, made from the schemas so that no rule goes without, and the
 * field that the refusal must name. Data for any API server: the unit test runs it against the schemas, the suites
 * with a server against the server.
 *
 * @module
 */
import { type JsonSchema, type KindDefinition, kinds, type ValidationRule } from "@virtrigaud/api";
import { type Manifest, validManifest } from "./examples.ts";
import { brokenRules } from "./broken_rules.ts";

/** A manifest that an API server must refuse. */
export interface BadInput {
  readonly kind: string;
  /** Path of the field in the schema and the rule that is broken. */
  readonly name: string;
  readonly manifest: Manifest;
  /** Field that the refusal must name, as the API server writes paths: `spec.disks[0].sizeGiB`. */
  readonly field: string;
  /** Text that the refusal must contain. */
  readonly message?: string;
}

/** All cases, in the order of the kinds. */
export function badInputs(): BadInput[] {
  return [...kinds.flatMap((kind) => [...structural(kind)]), ...brokenRules()];
}

/** Every CEL rule of `kind` with the path of the object that it stands on. */
export function* celRules(kind: KindDefinition): Generator<{ path: string; rule: ValidationRule }> {
  for (const { schema, path } of places(kind.schema, [])) {
    for (const rule of schema["x-kubernetes-validations"] ?? []) yield { path: render(path), rule };
  }
}

type Step = string | number;
interface Place {
  readonly schema: JsonSchema;
  readonly path: readonly Step[];
}

/** Every place below `schema`, with `0` for list entries and `key` for map values. */
function* places(schema: JsonSchema, path: readonly Step[]): Generator<Place> {
  yield { schema, path };
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* places(child, [...path, name]);
  if (schema.items !== undefined) yield* places(schema.items, [...path, 0]);
  if (schema.additionalProperties !== undefined) yield* places(schema.additionalProperties, [...path, "key"]);
}

const render = (path: readonly Step[]): string =>
  path.map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("").replace(/^\./, "");

function* structural(kind: KindDefinition): Generator<BadInput> {
  const spec = kind.schema.properties?.["spec"] ?? {};
  for (const { schema, path } of places(spec, ["spec"])) {
    for (const [rule, value, below] of breaches(schema)) {
      const manifest = validManifest(kind.kind);
      put(manifest, { properties: { spec } }, path, value);
      const field = render(below === undefined ? path : [...path, below]);
      yield { kind: kind.kind, name: `${render(path)} ${rule}`, manifest, field };
    }
  }
}

/** Values that break one rule of `schema` each, and the step from the place to the field that is at fault. */
function* breaches(schema: JsonSchema): Generator<[rule: string, value: unknown, below?: Step]> {
  yield ["type", wrongType(schema)];
  if (schema.enum !== undefined) yield ["enum", "no-such-value"];
  if (schema.pattern !== undefined) yield ["pattern", mismatch(schema.pattern)];
  if (schema.minimum !== undefined) yield ["minimum", schema.minimum - 1];
  if (schema.maximum !== undefined) yield ["maximum", schema.maximum + 1];
  if (schema.minLength !== undefined) yield ["minLength", "x".repeat(schema.minLength - 1)];
  if (schema.maxLength !== undefined) yield ["maxLength", "x".repeat(schema.maxLength + 1)];
  if (schema.minItems !== undefined) yield ["minItems", []];
  if (schema.maxItems !== undefined) yield ["maxItems", entries(schema, schema.maxItems + 1)];
  if (schema.maxProperties !== undefined) {
    const keys = Array.from({ length: schema.maxProperties + 1 }, (_, index) => [`k${index}`, "v"]);
    yield ["maxProperties", Object.fromEntries(keys)];
  }
  for (const name of schema.required ?? []) {
    // What has a default is never missing.
    if (schema.properties?.[name]?.default !== undefined) continue;
    const { [name]: _, ...rest } = minimal(schema) as Record<string, unknown>;
    yield [`required ${name}`, rest, name];
  }
  if (schema["x-kubernetes-list-type"] === "map") {
    const [entry] = entries(schema, 1);
    yield ["duplicate key", [entry, structuredClone(entry)], 1];
  }
}

function wrongType(schema: JsonSchema): unknown {
  if (schema["x-kubernetes-int-or-string"]) return true;
  return schema.type === "integer" || schema.type === "boolean" ? "text" : 7;
}

function mismatch(pattern: string): string {
  const matches = new RegExp(pattern);
  const text = ["?", "", " ", "a b", "-"].find((candidate) => !matches.test(candidate));
  if (text === undefined) throw new Error(`no text known that ${pattern} refuses`);
  return text;
}

function entries(schema: JsonSchema, count: number): unknown[] {
  const key = schema["x-kubernetes-list-map-keys"]?.[0];
  return Array.from({ length: count }, (_, index) => {
    const entry = minimal(schema.items ?? {});
    return key === undefined ? entry : { ...(entry as Record<string, unknown>), [key]: `e${index}` };
  });
}

/** The smallest value that `schema` accepts. */
function minimal(schema: JsonSchema): unknown {
  if (schema["x-kubernetes-int-or-string"]) return 1;
  if (schema.enum !== undefined) return schema.enum[0];
  switch (schema.type) {
    case "boolean":
      return true;
    case "integer":
      return Math.max(1, schema.minimum ?? 1);
    case "array":
      return entries(schema, schema.minItems ?? 0);
    case "object":
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, minimal(schema.properties?.[name] ?? {})]),
      );
    default:
      return schema.pattern === undefined ? "x".repeat(Math.max(1, schema.minLength ?? 1)) : matching(schema.pattern);
  }
}

/** Texts of which each pattern of the schemas accepts one. */
const SAMPLES = ["x", "1Gi", "192.0.2.1", "192.0.2.0/24", "02:00:00:00:00:01", "https://host/a.ova", "@daily", "vmbr0"];

function matching(pattern: string): string {
  const matches = new RegExp(pattern);
  const text = SAMPLES.find((candidate) => matches.test(candidate));
  if (text === undefined) throw new Error(`no text known that ${pattern} accepts`);
  return text;
}

/** Puts `value` at `path`, with the smallest valid parents where they are missing. */
function put(root: object, schema: JsonSchema, path: readonly Step[], value: unknown): void {
  let parent = root as Record<Step, unknown>;
  for (const [index, step] of path.entries()) {
    if (index === path.length - 1) {
      parent[step] = value;
      return;
    }
    schema = (typeof step === "number" ? schema.items : schema.properties?.[step] ?? schema.additionalProperties) ?? {};
    parent = (parent[step] ??= schema.type === "array" ? [] : minimal(schema)) as Record<Step, unknown>;
  }
}
