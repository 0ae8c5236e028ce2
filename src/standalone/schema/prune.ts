/** Pruning of unknown fields and filling in of defaults. Both change the object in place and are idempotent. @module */
import { clone, define, own } from "./json.ts";
import { childNode, type SchemaNode } from "./node.ts";
import { isObject, type JsonValue } from "./types.ts";

const join = (path: string, name: string) => (path === "" ? name : `${path}.${name}`);

/** Drops what `node` does not know from `value`; the paths of what was dropped go to `dropped`. */
export function prune(node: SchemaNode, value: JsonValue, path: string, dropped: string[]): void {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items) value.forEach((item, i) => prune(items, item, `${path}[${i}]`, dropped));
    return;
  }
  if (!isObject(value)) return;
  for (const name of Object.keys(value)) {
    const child = childNode(node, name);
    if (child) prune(child, value[name] as JsonValue, join(path, name), dropped);
    else if (!node.preserve) {
      delete value[name];
      dropped.push(join(path, name));
    }
  }
}

/**
 * Fills in defaults below `value`.
 *
 * A `null` where the schema does not allow one counts as absent: it is dropped, and the default, if any, takes its place.
 * (So a real API server treats it; `spec: {cpu: null}` is how `kubectl apply` unsets a field.)
 */
export function applyDefaults(node: SchemaNode, value: JsonValue): void {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items) { for (const item of value) applyDefaults(items, item); }
    return;
  }
  if (!isObject(value)) return;
  for (const name of Object.keys(value)) {
    const child = childNode(node, name);
    if (value[name] === null && child && dropsNull(child)) delete value[name];
  }
  for (const [name, child] of node.properties) {
    const given = own(value, name);
    if (given === undefined) {
      if (child.schema.default !== undefined) define(value, name, clone(child.schema.default));
    }
    const now = own(value, name);
    if (now !== undefined && typeof now === "object") applyDefaults(child, now);
  }
  if (node.additional) {
    for (const name of Object.keys(value)) {
      if (!node.properties.has(name)) applyDefaults(node.additional, value[name] as JsonValue);
    }
  }
}

/** Whether `null` counts as absent here: the schema is typed and not nullable. A fully open schema takes any JSON. */
const dropsNull = ({ schema, preserve }: SchemaNode): boolean =>
  schema.nullable !== true && !(preserve && schema.type === undefined);
