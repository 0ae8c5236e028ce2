/** Walking the fields of a schema by path: `spec.disks[].name`, `spec.extraConfig{}`. @module */
import { type JsonSchema } from "./schema.ts";

/** One field of a kind. */
export interface Field {
  /** Path from the object; `[]` stands for the entries of a list, `{}` for the values of a map. */
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Every field below `schema`, parents before children, in the order of the source. */
export function* fieldsOf(schema: JsonSchema, path = ""): Generator<Field> {
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const childPath = path === "" ? name : `${path}.${name}`;
    yield { path: childPath, schema: child, required: schema.required?.includes(name) ?? false };
    yield* fieldsOf(child, childPath);
  }
  if (schema.items?.properties !== undefined) yield* fieldsOf(schema.items, `${path}[]`);
  if (schema.additionalProperties?.properties !== undefined) yield* fieldsOf(schema.additionalProperties, `${path}{}`);
}

/** Whether `path` is `prefix` or lies below it. */
export function isWithin(path: string, prefix: string): boolean {
  return path === prefix || (path.startsWith(prefix) && /^[.[{]/.test(path.slice(prefix.length)));
}

/** One value that an object sets. */
export interface SetField {
  /** Path in the schema. */
  readonly path: string;
  /** Path in the object: list entries by their key, or by number where they have none. */
  readonly at: string;
}

/** The leaves that `value` sets to something else than the default, with what is not in the schema left out. */
export function* setFields(schema: JsonSchema, value: unknown, path: string, at: string): Generator<SetField> {
  if (value === undefined || value === null || sameJson(value, schema.default)) return;
  if (Array.isArray(value) && schema.items?.properties !== undefined) {
    const key = schema["x-kubernetes-list-map-keys"]?.[0];
    for (const [index, entry] of value.entries()) {
      const name = key === undefined ? index : (entry as Record<string, unknown>)[key];
      yield* setFields(schema.items, entry, `${path}[]`, `${at}[${name}]`);
    }
  } else if (typeof value === "object" && !Array.isArray(value) && schema.properties !== undefined) {
    for (const [name, child] of Object.entries(schema.properties)) {
      const inner = (value as Record<string, unknown>)[name];
      // Most of a schema is not set: asked first, this is several times as fast, and it is asked for every reconcile.
      if (inner !== undefined) yield* setFields(child, inner, `${path}.${name}`, `${at}.${name}`);
    }
  } else if (!(typeof value === "object" && Object.keys(value).length === 0)) {
    yield { path, at };
  }
}

function sameJson(a: unknown, b: unknown): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
