/** Bounds on what is read, so that no request can exhaust memory or the stack. @module */
import { RequestError } from "./errors.ts";
import type { JsonValue } from "./types.ts";

/** Bytes of an encoded object or patch that a server should take; the limit of a real API server (3 MiB). */
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
