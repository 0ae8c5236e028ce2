/** Thin stand-in for patches and ownership until the schema folder provides them. @module */
import {
  applyMergePatch,
  type ApplyRequest,
  type ApplyResult,
  type JsonObject,
  type UpdateRequest,
} from "../schema/mod.ts";
import { clone, objectOf } from "./json.ts";

export function serverSideApply({ live, applied }: ApplyRequest): ApplyResult {
  return { object: live === undefined ? clone(applied) : applyMergePatch(live, applied) };
}

export function trackUpdate({ old }: UpdateRequest): JsonObject[] {
  const fields = objectOf(old?.metadata)?.managedFields;
  return Array.isArray(fields) ? fields.map((f) => objectOf(f) ?? {}) : [];
}
