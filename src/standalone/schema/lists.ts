/** Lists whose elements have an identity: sets, and maps in list form. @module */
import type { FieldError } from "./errors.ts";
import { canonical, equal, own } from "./json.ts";
import { childNode, type SchemaNode } from "./node.ts";
import { isObject, type JsonObject, type JsonValue, type StructuralSchema } from "./types.ts";

/**
 * The key of `item` in a list of type `map`: its key fields in sorted order, with defaults where it leaves one out.
 * `undefined` when it is no object.
 */
export function keyOf(schema: StructuralSchema, item: JsonValue): JsonObject | undefined {
  if (!isObject(item)) return undefined;
  const key: JsonObject = {};
  for (const name of [...(schema["x-kubernetes-list-map-keys"] ?? [])].sort()) {
    const value = own(item, name) ?? schema.items?.properties?.[name]?.default;
    if (value !== undefined) key[name] = value;
  }
  return key;
}

/** The identity of `item` as text, or `undefined` in a list whose elements have none. */
export function identity(schema: StructuralSchema, item: JsonValue): string | undefined {
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return canonical(item);
    case "map": {
      const key = keyOf(schema, item);
      return key === undefined ? undefined : canonical(key);
    }
    case "atomic":
    case undefined:
      return undefined;
  }
}

/** A function that finds, for an element of the new list, the element of the `old` list that it replaces. */
export function correlate(
  schema: StructuralSchema,
  old: JsonValue | undefined,
): (item: JsonValue) => JsonValue | undefined {
  if (!Array.isArray(old) || schema["x-kubernetes-list-type"] !== "map") return () => undefined;
  const byKey = new Map(old.map((item) => [identity(schema, item), item]));
  return (item) => {
    const key = identity(schema, item);
    return key === undefined ? undefined : byKey.get(key);
  };
}

/** Reports elements that occur twice in sets and map lists, at every level. Unchanged parts are let be. */
export function checkUnique(
  node: SchemaNode,
  value: JsonValue,
  path: string,
  errors: FieldError[],
  old: JsonValue | undefined,
): void {
  if (!node.keyed || typeof value !== "object" || value === null) return;
  if (old !== undefined && equal(value, old)) return;
  if (Array.isArray(value)) {
    const seen = new Map<string, number>();
    value.forEach((item, i) => {
      const id = identity(node.schema, item);
      if (id === undefined) {
        if (node.schema["x-kubernetes-list-type"] === "map") {
          const detail = "must be an object for an array of list-type map";
          errors.push({ type: "FieldValueInvalid", field: `${path}[${i}]`, badValue: item, detail });
        }
        return;
      }
      const count = (seen.get(id) ?? 0) + 1;
      seen.set(id, count);
      if (count === 2) {
        const badValue = (node.schema["x-kubernetes-list-type"] === "map" ? keyOf(node.schema, item) : item) ?? null;
        errors.push({ type: "FieldValueDuplicate", field: `${path}[${i}]`, badValue, detail: "" });
      }
    });
    const { items } = node;
    const oldItem = correlate(node.schema, old);
    if (items?.keyed) value.forEach((item, i) => checkUnique(items, item, `${path}[${i}]`, errors, oldItem(item)));
    return;
  }
  for (const name of Object.keys(value)) {
    const child = childNode(node, name);
    if (!child?.keyed) continue;
    const before = isObject(old) ? own(old, name) : undefined;
    checkUnique(child, value[name] as JsonValue, path === "" ? name : `${path}.${name}`, errors, before);
  }
}
