/** A schema in the form that the per-object functions walk: maps, compiled patterns, and what can be skipped. @module */
import { canonical } from "./json.ts";
import { formatCheck } from "./formats.ts";
import { asObject } from "./metadata.ts";
import type { JsonValue, StructuralSchema } from "./types.ts";

/** A compiled schema node. */
export interface SchemaNode {
  readonly schema: StructuralSchema;
  /** Path in the schema, for errors at compile time and for looking up rules: `spec.disks[].name`. */
  readonly path: string;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** Schema of values whose name is not in `properties`; `undefined`: there are none, or they are unknown. */
  readonly additional: SchemaNode | undefined;
  readonly items: SchemaNode | undefined;
  /** Unknown fields stay. */
  readonly preserve: boolean;
  readonly pattern: RegExp | undefined;
  readonly format: ((text: string) => boolean) | undefined;
  readonly enum: ReadonlySet<string> | undefined;
  readonly allOf: readonly SchemaNode[];
  readonly anyOf: readonly SchemaNode[];
  readonly oneOf: readonly SchemaNode[];
  readonly not: SchemaNode | undefined;
  /** Whether a set or map list stands here or below. */
  readonly keyed: boolean;
}

/**
 * A pattern in Go's syntax (RE2) as a `RegExp`. What Go refuses is refused, so that a CRD accepted here is accepted there.
 *
 * @throws {Error} naming `path` and the pattern
 */
export function compilePattern(pattern: string, path: string): RegExp {
  const refuse = (why: string) =>
    new Error(`schema ${path}: pattern ${JSON.stringify(pattern)} cannot be used: ${why}`);
  if (/\(\?<?[=!]/.test(pattern)) throw refuse("RE2 has no look-around");
  if (/(^|[^\\])(\\\\)*\\[1-9]/.test(pattern)) throw refuse("RE2 has no back-references");
  const flags = /^\(\?([is]+)\)/.exec(pattern);
  const source = (flags ? pattern.slice(flags[0].length) : pattern)
    .replaceAll("(?P<", "(?<").replaceAll("\\z", "$").replace(/^\\A/, "^");
  const options = flags?.[1] ?? "";
  try {
    return new RegExp(source, `u${options}`);
  } catch {
    try {
      return new RegExp(source, options);
    } catch (error) {
      throw refuse(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Compiles `schema` and everything below it. */
export function compileNode(schema: StructuralSchema, path = ""): SchemaNode {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const own = schema["x-kubernetes-embedded-resource"] === true ? asObject(schema) : schema;
  const properties = new Map(
    Object.entries(own.properties ?? {}).map(([name, child]) => [name, compileNode(child, at(name))]),
  );
  const { additionalProperties } = own;
  const additional = typeof additionalProperties === "object"
    ? compileNode(additionalProperties, `${path}{}`)
    : undefined;
  const items = own.items ? compileNode(own.items, `${path}[]`) : undefined;
  const listType = own["x-kubernetes-list-type"];
  if (listType === "map" && !own["x-kubernetes-list-map-keys"]?.length) {
    throw new Error(`schema ${path}: a list of type map needs x-kubernetes-list-map-keys`);
  }
  const below = [...properties.values(), ...(additional ? [additional] : []), ...(items ? [items] : [])];
  const combined = (list: readonly StructuralSchema[] | undefined) => (list ?? []).map((s) => compileNode(s, path));
  return {
    schema: own,
    path,
    properties,
    additional,
    items,
    preserve: own["x-kubernetes-preserve-unknown-fields"] === true || additionalProperties === true,
    pattern: own.pattern === undefined ? undefined : compilePattern(own.pattern, path),
    format: own.format === undefined || own.type !== "string" ? undefined : formatCheck(own.format),
    enum: own.enum ? new Set(own.enum.map((value: JsonValue) => canonical(value))) : undefined,
    allOf: combined(own.allOf),
    anyOf: combined(own.anyOf),
    oneOf: combined(own.oneOf),
    not: own.not ? compileNode(own.not, path) : undefined,
    keyed: listType === "set" || listType === "map" || below.some((child) => child.keyed),
  };
}

/** The schema of property `name` of an object, if it has one. */
export const childNode = (node: SchemaNode, name: string): SchemaNode | undefined =>
  node.properties.get(name) ?? node.additional;
