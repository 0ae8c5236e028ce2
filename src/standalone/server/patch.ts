/** patch: JSON, merge, strategic merge and server-side apply. @module */
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, serverSideApply } from "../schema/mod.ts";
import type { Json, JsonObject } from "../storage/mod.ts";
import { badRequest, conflict, invalid } from "./errors.ts";
import { objectOf, text } from "./json.ts";
import { metaOf } from "./meta.ts";
import { shown } from "./read.ts";
import { flag, type ResourceRequest } from "./request.ts";
import { apiVersionOf, type Resource } from "./resource.ts";
import {
  createObject,
  resetFields,
  updateObject,
  type WriteContext,
  type WriteOptions,
  type Written,
} from "./write.ts";

const JSON_PATCH = "application/json-patch+json";
const MERGE_PATCH = "application/merge-patch+json";
const STRATEGIC_PATCH = "application/strategic-merge-patch+json";
const APPLY_PATCH = "application/apply-patch+yaml";

/** Patch media types that `resource` takes. */
export function patchTypes(resource: Resource): string[] {
  return [JSON_PATCH, MERGE_PATCH, ...(resource.custom ? [] : [STRATEGIC_PATCH]), APPLY_PATCH];
}

/** Whether a media type means server-side apply. */
export function isApply(type: string): boolean {
  return type === APPLY_PATCH;
}

/** The object that `patch` of media type `type` makes of `object`. */
export function patched(resource: Resource, object: JsonObject, patch: Json, type: string): JsonObject {
  switch (type) {
    case JSON_PATCH:
      return applyJsonPatch(object, patch);
    case STRATEGIC_PATCH:
      return applyStrategicMergePatch(object, patch, resource.schema.schema);
    default:
      return applyMergePatch(object, patch);
  }
}

/** Patches the object that the request names; apply creates it when it is not there. */
export function patchObject(
  context: WriteContext,
  request: ResourceRequest,
  patch: Json,
  type: string,
  options: WriteOptions,
): Written {
  if (!isApply(type)) {
    return updateObject(context, request, (live) => patched(request.resource, live, patch, type), options);
  }
  return applyObject(context, request, patch, options);
}

function applyObject(context: WriteContext, request: ResourceRequest, patch: Json, options: WriteOptions): Written {
  const { resource, namespace, name, subresource, params } = request;
  if ((params.get("fieldManager") ?? "") === "") {
    throw invalid({ group: "meta.k8s.io", plural: "", kind: "PatchOptions" }, "", [
      { reason: "FieldValueRequired", field: "fieldManager", message: "Required value: is required for apply patch" },
    ]);
  }
  const applied = objectOf(patch);
  if (applied === undefined) throw badRequest("error decoding YAML: the apply patch must be an object");
  if (metaOf(applied).managedFields !== undefined) throw badRequest("metadata.managedFields must be nil");
  const [version, kind] = [text(applied, "apiVersion"), text(applied, "kind")];
  if (version !== apiVersionOf(resource) || kind !== resource.kind) {
    throw badRequest(`invalid object type: ${version}, Kind=${kind}`);
  }
  const merge = (live: JsonObject | undefined): JsonObject => {
    const result = serverSideApply({
      live,
      applied,
      manager: options.manager,
      force: flag(params, "force"),
      schema: resource.schema,
      apiVersion: apiVersionOf(resource),
      ...(subresource === "" ? {} : { subresource }),
      resetFields: resetFields(resource, subresource),
      now: new Date(context.clock.now()),
    });
    if ("object" in result) return result.object;
    throw conflict(resource, name, result.message, result.conflicts);
  };
  const entry = context.store.get(resource.storage, namespace, name);
  if (entry !== undefined || subresource !== "") {
    return updateObject(context, request, () => merge(entry && shown(resource, entry)), { ...options, owned: true });
  }
  const uid = text(metaOf(applied), "uid");
  if (uid !== "") {
    throw conflict(
      resource,
      name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }
  return createObject(context, { ...request, verb: "patch" }, merge(undefined), { ...options, owned: true });
}
