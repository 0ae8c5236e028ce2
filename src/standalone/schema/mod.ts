/**
 * What an API server does with an object, as pure functions: prune, default, validate, patch, apply.
 *
 * Guarantees: inputs are never changed unless the function says "in place"; nothing here does I/O or reads a clock.
 *
 * @module
 */
export * from "./types.ts";
export * from "./errors.ts";
export { type CompileOptions, compileSchema, type ObjectSchema } from "./compile.ts";
export * from "./limits.ts";
export { canonical } from "./json.ts";
export { applyJsonPatch } from "./patch/json_patch.ts";
export { applyMergePatch } from "./patch/merge_patch.ts";
export { applyStrategicMergePatch } from "./patch/strategic_merge.ts";
export {
  type ApplyRequest,
  type ApplyResult,
  serverSideApply,
  trackUpdate,
  type UpdateRequest,
} from "./ownership/apply.ts";
export { CORE_SCHEMAS, coreSchema } from "./core/mod.ts";
