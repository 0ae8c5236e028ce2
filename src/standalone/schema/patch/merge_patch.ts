/** JSON Merge Patch, RFC 7386. @module */
import { RequestError } from "../errors.ts";
import { clone, define, own } from "../json.ts";
import { checkDepth } from "../limits.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";

function merge(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return clone(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else define(result, name, merge(own(result, name), value));
  }
  return result;
}

/**
 * Merges `patch` into `object`: objects are merged, `null` removes, anything else (lists too) replaces.
 *
 * @throws {RequestError} 400 when the patch is no object
 */
export function applyMergePatch(object: JsonObject, patch: JsonValue): JsonObject {
  if (!isObject(patch)) {
    throw new RequestError(400, "BadRequest", "error decoding patch: a merge patch is a JSON object");
  }
  const result = merge(clone(object), patch);
  checkDepth(result, "the patched object");
  return isObject(result) ? result : {};
}
