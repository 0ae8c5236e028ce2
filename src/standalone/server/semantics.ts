/** Thin stand-in for patches and ownership until the schema folder provides them. @module */
import type {
  ApplyRequest,
  ApplyResult,
  JsonObject,
  ObjectSchema,
  StructuralSchema,
  UpdateRequest,
} from "../schema/mod.ts";
import type { Json } from "../storage/mod.ts";
import { clone, objectOf } from "./json.ts";

export function compileSchema(schema: StructuralSchema, _options?: { name?: string }): ObjectSchema {
  return { schema, prune: () => [], applyDefaults: () => {}, validate: () => [] };
}

export function applyMergePatch(object: JsonObject, patch: Json): JsonObject {
  const merge = (target: Json | undefined, change: Json): Json => {
    const changes = objectOf(change);
    if (changes === undefined) return clone(change);
    const result = clone(objectOf(target) ?? {});
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) delete result[key];
      else result[key] = merge(result[key], value);
    }
    return result;
  };
  return objectOf(merge(object, patch)) ?? {};
}

export function applyStrategicMergePatch(object: JsonObject, patch: Json, _schema: StructuralSchema): JsonObject {
  return applyMergePatch(object, patch);
}

export function applyJsonPatch(object: JsonObject, operations: Json): JsonObject {
  const result = clone(object);
  for (const op of Array.isArray(operations) ? operations.map((o) => objectOf(o) ?? {}) : []) {
    const keys = String(op.path).split("/").slice(1).map((k) => k.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() ?? "";
    let parent: Json = result;
    for (const key of keys) parent = (Array.isArray(parent) ? parent[Number(key)] : objectOf(parent)?.[key]) ?? {};
    if (Array.isArray(parent)) {
      if (op.op === "remove") parent.splice(Number(last), 1);
      else if (op.op === "add") parent.splice(last === "-" ? parent.length : Number(last), 0, op.value ?? null);
      else parent[Number(last)] = op.value ?? null;
    } else {
      const target = objectOf(parent) ?? {};
      if (op.op === "remove") delete target[last];
      else target[last] = op.value ?? null;
    }
  }
  return result;
}

export function serverSideApply({ live, applied }: ApplyRequest): ApplyResult {
  return { object: live === undefined ? clone(applied) : applyMergePatch(live, applied) };
}

export function trackUpdate({ old }: UpdateRequest): JsonObject[] {
  const fields = objectOf(old?.metadata)?.managedFields;
  return Array.isArray(fields) ? fields.map((f) => objectOf(f) ?? {}) : [];
}
