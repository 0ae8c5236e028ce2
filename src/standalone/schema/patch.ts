/** The three patch formats that carry no ownership. All are pure: they return a new object and leave their input alone. @module */
import type { JsonObject, JsonValue, StructuralSchema } from "./types.ts";

/**
 * JSON Patch, RFC 6902.
 *
 * @throws {RequestError} 422 when an operation does not apply, 400 when the patch is malformed, 413 above 10,000 operations
 */
export declare function applyJsonPatch(object: JsonObject, operations: JsonValue): JsonObject;
/** JSON Merge Patch, RFC 7386. */
export declare function applyMergePatch(object: JsonObject, patch: JsonValue): JsonObject;
/** Strategic merge patch; `schema` carries the merge keys. Custom resources do not take it (415 is the server's answer). */
export declare function applyStrategicMergePatch(
  object: JsonObject,
  patch: JsonValue,
  schema: StructuralSchema,
): JsonObject;
