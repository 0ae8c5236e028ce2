/** The scale subresource. @module */
import type { JsonObject } from "../storage/mod.ts";
import { badRequest, invalid } from "./errors.ts";
import { at, child, objectOf, setAt, text } from "./json.ts";
import { metaOf } from "./meta.ts";
import type { Resource, ScalePaths } from "./resource.ts";
import { selectorText } from "./selectors.ts";

/** `object` as an `autoscaling/v1` Scale. */
export function scaleOf(paths: ScalePaths, object: JsonObject): JsonObject {
  const { name = "", namespace = "", uid = "", resourceVersion = "", creationTimestamp = null } = metaOf(object);
  const selector = paths.labelSelectorPath === undefined ? undefined : at(object, paths.labelSelectorPath);
  const selected = objectOf(selector);
  const label = selected === undefined ? (typeof selector === "string" ? selector : "") : selectorText(selected);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: at(object, paths.specReplicasPath) ?? 0 },
    status: { replicas: at(object, paths.statusReplicasPath) ?? 0, ...(label === "" ? {} : { selector: label }) },
  };
}

/** Takes the wanted replicas of `scale` over into `object`, in place, with the revision it is based on. */
export function applyScale(resource: Resource, paths: ScalePaths, object: JsonObject, scale: JsonObject): JsonObject {
  if (scale.kind !== "Scale") {
    throw badRequest(`a Scale was expected in the body of the request, not "${text(scale, "kind")}"`);
  }
  const replicas = child(scale, "spec").replicas ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    throw invalid(resource, text(metaOf(object), "name"), [{
      reason: "FieldValueInvalid",
      field: paths.specReplicasPath,
      message: `Invalid value: ${JSON.stringify(replicas)}: should be a non-negative integer`,
    }]);
  }
  setAt(object, paths.specReplicasPath, replicas);
  const revision = text(metaOf(scale), "resourceVersion");
  if (revision === "") delete metaOf(object).resourceVersion;
  else metaOf(object).resourceVersion = revision;
  return object;
}
