/** Strategic merge patch: a merge patch that merges lists by key and takes directives (`$patch`, ...). @module */
import { RequestError } from "../errors.ts";
import { clone, define, equal, own } from "../json.ts";
import { checkDepth } from "../limits.ts";
import { isObject, type JsonObject, type JsonValue, type StructuralSchema } from "../types.ts";
import { mergeOrder } from "./element_order.ts";

const PATCH = "$patch";
const RETAIN_KEYS = "$retainKeys";
const SET_ORDER = "$setElementOrder/";
const DELETE_FROM = "$deleteFromPrimitiveList/";

const bad = (message: string) => new RequestError(400, "BadRequest", `invalid strategic merge patch: ${message}`);
const child = (schema: StructuralSchema | undefined, name: string): StructuralSchema | undefined => {
  const { additionalProperties } = schema ?? {};
  return schema?.properties?.[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
};
const strategies = (schema: StructuralSchema | undefined): readonly string[] =>
  schema?.["x-kubernetes-patch-strategy"]?.split(",") ?? [];
const mergeKey = (schema: StructuralSchema | undefined): string | undefined => schema?.["x-kubernetes-patch-merge-key"];
const list = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

/** The value to store where there is nothing to merge with: without directives and nulls. */
function settle(value: JsonValue, schema: StructuralSchema | undefined): JsonValue {
  if (isObject(value)) return mergeObject({}, value, schema);
  if (!Array.isArray(value)) return value;
  return value
    .filter((item) => !isObject(item) || own(item, PATCH) === undefined)
    .map((item) => settle(item, schema?.items));
}

function mergeObject(original: JsonObject, patch: JsonObject, schema: StructuralSchema | undefined): JsonObject {
  const { [PATCH]: directive, ...rest } = patch;
  switch (directive) {
    case undefined:
    case "merge":
      break;
    case "replace":
      return clone(rest);
    case "delete":
      return {};
    default:
      throw bad(`unknown patch type ${JSON.stringify(directive)}: must be replace, merge or delete`);
  }
  const result = retain(original, rest);
  for (const [key, value] of Object.entries(rest)) {
    if (key === RETAIN_KEYS || key.startsWith(SET_ORDER)) continue;
    if (key.startsWith(DELETE_FROM)) deleteFrom(result, key.slice(DELETE_FROM.length), value);
    else if (value === null || (isObject(value) && own(value, PATCH) === "delete")) delete result[key];
    else define(result, key, mergeValue(own(result, key), value, child(schema, key)));
  }
  for (const [key, order] of Object.entries(rest)) {
    if (key.startsWith(SET_ORDER)) setOrder(result, original, rest, key.slice(SET_ORDER.length), order, schema);
  }
  return result;
}

/** `$retainKeys` names the keys that stay; all others go. */
function retain(original: JsonObject, patch: JsonObject): JsonObject {
  const keep = own(patch, RETAIN_KEYS);
  if (keep === undefined) return { ...original };
  if (!Array.isArray(keep)) throw bad("$retainKeys must be a list of names");
  const stray = Object.keys(patch).find((key) => !key.startsWith("$") && !keep.includes(key));
  if (stray !== undefined) throw bad(`$retainKeys does not name ${JSON.stringify(stray)}, which the patch sets`);
  return Object.fromEntries(Object.entries(original).filter(([key]) => keep.includes(key)));
}

function deleteFrom(result: JsonObject, key: string, values: JsonValue): void {
  const existing = own(result, key);
  if (Array.isArray(existing)) {
    define(result, key, existing.filter((item) => !list(values).some((value) => equal(value, item))));
  }
}

function mergeValue(
  original: JsonValue | undefined,
  patch: JsonValue,
  schema: StructuralSchema | undefined,
): JsonValue {
  if (isObject(patch)) {
    if (isObject(original) && !strategies(schema).includes("replace")) return mergeObject(original, patch, schema);
    return settle(patch, schema);
  }
  if (Array.isArray(patch) && Array.isArray(original) && strategies(schema).includes("merge")) {
    return mergeList(original, patch, schema);
  }
  return settle(patch, schema);
}

function mergeList(original: JsonValue[], patch: JsonValue[], schema: StructuralSchema | undefined): JsonValue[] {
  if (![...original, ...patch].some(isObject)) {
    const merged = [...original, ...patch].filter((item, i, all) => all.findIndex((x) => equal(x, item)) === i);
    return mergeOrder(merged, patch, original, undefined);
  }
  const key = mergeKey(schema);
  if (key === undefined) throw bad("cannot merge lists of objects without a merge key");
  const replaced = patch.some((item) => isObject(item) && own(item, PATCH) === "replace");
  const kept: JsonValue[] = [];
  let merged = replaced ? [] : [...original];
  const keyed = (item: JsonValue): JsonObject => {
    if (isObject(item) && own(item, key) !== undefined) return item;
    throw bad(`a list element does not have the merge key ${JSON.stringify(key)}: ${JSON.stringify(item)}`);
  };
  for (const item of patch) {
    const directive = isObject(item) ? own(item, PATCH) : undefined;
    if (directive === "replace") continue;
    const element = keyed(item);
    const matches = (other: JsonValue) => isObject(other) && equal(own(other, key), own(element, key));
    if (directive === "delete") {
      merged = merged.filter((other) => !matches(other));
      continue;
    }
    kept.push(element);
    const at = merged.findIndex(matches);
    const before = merged[at];
    if (at < 0) merged.push(settle(element, schema?.items));
    else if (isObject(before)) merged[at] = mergeObject(before, element, schema?.items);
  }
  return mergeOrder(merged, kept, original, key);
}

function setOrder(
  result: JsonObject,
  original: JsonObject,
  patch: JsonObject,
  key: string,
  order: JsonValue,
  schema: StructuralSchema | undefined,
): void {
  const current = own(result, key);
  if (!Array.isArray(order)) throw bad(`${SET_ORDER}${key} must be a list`);
  if (!Array.isArray(current)) return;
  const id = mergeKey(child(schema, key));
  const name = (item: JsonValue) => (id !== undefined && isObject(item) ? own(item, id) ?? null : item);
  for (const item of list(own(patch, key))) {
    const removed = isObject(item) && own(item, PATCH) !== undefined;
    if (!removed && !order.some((other) => equal(name(other), name(item)))) {
      throw bad(`${SET_ORDER}${key} does not name ${JSON.stringify(name(item))}, which the patch sets`);
    }
  }
  define(result, key, mergeOrder(current, order, list(own(original, key)), id));
}

/**
 * Merges `patch` into `object`; `schema` says by `x-kubernetes-patch-strategy` and `-merge-key` how its lists merge.
 *
 * @throws {RequestError} 400 when the patch is no object or a directive makes no sense
 */
export function applyStrategicMergePatch(object: JsonObject, patch: JsonValue, schema: StructuralSchema): JsonObject {
  if (!isObject(patch)) {
    throw new RequestError(400, "BadRequest", "error decoding patch: a strategic merge patch is a JSON object");
  }
  const result = mergeObject(clone(object), clone(patch), schema);
  // `$patch: replace` of the whole object replaces what it says, not what it is.
  for (const name of ["apiVersion", "kind"]) {
    const identity = own(object, name);
    if (own(result, name) === undefined && identity !== undefined) result[name] = identity;
  }
  checkDepth(result, "the patched object");
  return result;
}
