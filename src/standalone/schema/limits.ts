/** Bounds on what is read, so that no request can exhaust memory or the stack. @module */
import { RequestError } from "./errors.ts";
import { isObject, type JsonObject, type JsonValue } from "./types.ts";

/** Bytes of an encoded object or patch; the default of a real API server (3 MiB). */
export const MAX_OBJECT_BYTES = 3 * 1024 * 1024;
/** Levels of nesting of an object or patch. Everything recursive in this folder relies on it. */
export const MAX_DEPTH = 100;
/** Operations in one JSON Patch; the limit of a real API server. */
export const MAX_PATCH_OPERATIONS = 10_000;

/** Refuses `value` when it is nested deeper than {@linkcode MAX_DEPTH}. Does not recurse itself beyond that depth. */
export function checkDepth(value: JsonValue, what: string): void {
  const visit = (node: JsonValue, depth: number): void => {
    if (typeof node !== "object" || node === null) return;
    if (depth > MAX_DEPTH) {
      throw new RequestError(400, "BadRequest", `${what} is nested deeper than the limit of ${MAX_DEPTH} levels`);
    }
    for (const child of Array.isArray(node) ? node : Object.values(node)) visit(child, depth + 1);
  };
  visit(value, 1);
}

/** Refuses an encoded object above {@linkcode MAX_OBJECT_BYTES}. */
export function checkSize(bytes: number, what: string): void {
  if (bytes <= MAX_OBJECT_BYTES) return;
  throw new RequestError(
    413,
    "RequestEntityTooLarge",
    `Request entity too large: ${what} has ${bytes} bytes, the limit is ${MAX_OBJECT_BYTES}`,
  );
}

/**
 * Decodes the JSON body of a request within the limits.
 *
 * @throws {RequestError} 400 when it is no JSON, 413 when it is too large
 */
export function decodeJson(body: Uint8Array | string, what = "the request body"): JsonValue {
  checkSize(body.length, what);
  let value: JsonValue;
  try {
    value = JSON.parse(typeof body === "string" ? body : new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RequestError(400, "BadRequest", `${what} is not valid JSON in UTF-8: ${reason}`);
  }
  checkDepth(value, what);
  return value;
}

/** Like {@linkcode decodeJson}, for a body that must be an object. */
export function decodeObject(body: Uint8Array | string, what = "the request body"): JsonObject {
  const value = decodeJson(body, what);
  if (!isObject(value)) throw new RequestError(400, "BadRequest", `${what} must be a JSON object`);
  return value;
}
