/** Small typed steps through JSON, so that no part of the server needs a cast. @module */
import type { Json, JsonObject } from "../storage/mod.ts";

/** `value` when it is an object, else `undefined`. */
export function objectOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The object at `key`; an empty one, not attached, when there is none. */
export function child(parent: JsonObject, key: string): JsonObject {
  return objectOf(parent[key]) ?? {};
}

/** The object at `key`, created and attached when there is none. */
export function ensureChild(parent: JsonObject, key: string): JsonObject {
  const found = objectOf(parent[key]);
  if (found !== undefined) return found;
  const made: JsonObject = {};
  parent[key] = made;
  return made;
}

/** The string at `key`, or `""`. */
export function text(parent: JsonObject, key: string): string {
  const value = parent[key];
  return typeof value === "string" ? value : "";
}

/** The array at `key`, or an empty one. */
export function items(parent: JsonObject, key: string): Json[] {
  const value = parent[key];
  return Array.isArray(value) ? value : [];
}

/** Strings of the array at `key`. */
export function strings(parent: JsonObject, key: string): string[] {
  return items(parent, key).filter((item) => typeof item === "string");
}

/** The value at a dotted path of plain field names (`spec.nodeName`). */
export function at(root: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = root;
  for (const key of path.split(".")) {
    if (key === "") continue;
    value = objectOf(value)?.[key];
    if (value === undefined) return undefined;
  }
  return value;
}

/** Sets the value at a dotted path and makes the objects on the way. */
export function setAt(root: JsonObject, path: string, value: Json): void {
  const keys = path.split(".").filter((key) => key !== "");
  const last = keys.pop();
  if (last === undefined) return;
  let parent = root;
  for (const key of keys) parent = ensureChild(parent, key);
  parent[last] = value;
}

/** A copy that shares nothing with `value`; several times faster than `structuredClone` on objects of this size. */
export function clone<T extends Json>(value: T): T;
export function clone(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => clone(item));
  if (typeof value === "object" && value !== null) {
    const copy: JsonObject = {};
    for (const key of Object.keys(value)) {
      const item = value[key];
      if (item !== undefined) copy[key] = clone(item);
    }
    return copy;
  }
  return value;
}

/** Equality of content; the order of keys does not matter. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  }
  const left = objectOf(a);
  const right = objectOf(b);
  if (left === undefined || right === undefined) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => equal(left[key], right[key]));
}

/** True for what a writer means by "not set": nothing, `null`, `{}` and `[]`. */
export function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
