/** Whether writing a status would change anything. @module */
import { digestOf } from "./digest.ts";

/** Compares two plain values, with absent and `undefined` fields being the same. */
export function sameStatus(a: unknown, b: unknown): boolean {
  return a === b || digestOf(a ?? {}) === digestOf(b ?? {});
}
