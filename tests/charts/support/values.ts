/** Values of charts as trees and as paths. @module */
import { at, type Values } from "./helm.ts";

/** Paths of a JSON schema's properties that are not split further by `properties`. */
export function leavesOf(schema: unknown, prefix = ""): string[] {
  const properties = (at(schema, "properties") ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(properties).flatMap(([name, inner]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    return at(inner, "properties") === undefined ? [path] : leavesOf(inner, path);
  });
}

/** A tree with one value at a path. */
export function nest(path: string, value: unknown): Values {
  return path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Values;
}

/** `a` with what `b` says in its place; objects are joined, everything else is replaced. */
export function merge(a: Values, b: Values): Values {
  const isObject = (value: unknown): value is Values =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  const joined = Object.entries(b).map(([key, value]) => {
    const old = a[key];
    return [key, isObject(old) && isObject(value) ? merge(old, value) : value];
  });
  return { ...a, ...Object.fromEntries(joined) };
}
