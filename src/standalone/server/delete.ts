/** delete: preconditions, finalizers, propagation. @module */
import type { Json, JsonObject, Stored } from "../storage/mod.ts";
import { timestamp } from "./timestamp.ts";
import { forbidden, invalidOption, notFound } from "./errors.ts";
import { child, clone, ensureChild, strings, text } from "./json.ts";
import { FOREGROUND, metaOf, ORPHAN } from "./meta.ts";
import { shown } from "./read.ts";
import type { ResourceRequest } from "./request.ts";
import type { Resource } from "./resource.ts";
import { checkDeletePreconditions, isDeleted, type WriteContext } from "./write.ts";

/** What happens to the objects that name the deleted one as their owner. */
export type Propagation = "Background" | "Foreground" | "Orphan";

/** Namespaces that the server itself needs. */
const PERMANENT_NAMESPACES: readonly string[] = ["default", "kube-system", "kube-public"];

/** Reads `propagationPolicy` (and its forerunner `orphanDependents`) from the body or the parameters. */
export function propagation(options: JsonObject, params: URLSearchParams): Propagation {
  const value = text(options, "propagationPolicy") || (params.get("propagationPolicy") ?? "");
  if (value === "") {
    return options.orphanDependents === true || params.get("orphanDependents") === "true" ? "Orphan" : "Background";
  }
  if (value === "Background" || value === "Foreground" || value === "Orphan") return value;
  throw invalidOption("DeleteOptions", "propagationPolicy", value, ["Foreground", "Background", "Orphan", "nil"]);
}

/** Deletes the object that the request names; returns what to answer. */
export function deleteObject(
  context: WriteContext,
  request: ResourceRequest,
  options: JsonObject,
  dryRun: boolean,
): JsonObject {
  const { resource, namespace, name, params } = request;
  const entry = context.store.get(resource.storage, namespace, name);
  if (entry === undefined) throw notFound(resource, name);
  checkDeletePreconditions(resource, entry, child(options, "preconditions"));
  if (resource.storage === "namespaces" && PERMANENT_NAMESPACES.includes(name)) {
    throw forbidden(resource, name, "this namespace may not be deleted");
  }
  const left = removeEntry(context, resource, entry, propagation(options, params), dryRun);
  return left === undefined ? deletedStatus(resource, entry) : shown(resource, left);
}

/**
 * Takes an object away, or marks it as being deleted while finalizers keep it.
 *
 * @returns the state that is left, or `undefined` when the object is gone
 */
export function removeEntry(
  { store, clock }: WriteContext,
  resource: Resource,
  entry: Stored,
  policy: Propagation,
  dryRun = false,
): Stored | undefined {
  const object = clone(entry.object);
  const meta = ensureChild(object, "metadata");
  const marked = text(meta, "deletionTimestamp") !== "";
  const before = strings(meta, "finalizers");
  const finalizers = before.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (policy === "Foreground") finalizers.push(FOREGROUND);
  if (policy === "Orphan") finalizers.push(ORPHAN);
  // A second delete in the background does not take back how the first one was asked to go on.
  const kept = marked && policy === "Background" ? before : finalizers;
  if (kept.length > 0) meta.finalizers = kept;
  else delete meta.finalizers;
  if (!marked) {
    meta.deletionTimestamp = timestamp(clock.now());
    meta.deletionGracePeriodSeconds = 0;
    if (resource.generation) meta.generation = Number(meta.generation ?? 0) + 1;
    if (resource.storage === "namespaces") ensureChild(object, "status").phase = "Terminating";
  }
  if (isDeleted(object)) {
    if (!dryRun) {
      store.delete(entry, { ...object, metadata: { ...metaOf(entry.object), ...(marked ? metaOf(object) : {}) } });
    }
    return undefined;
  }
  if (dryRun) return { ...entry, object };
  if (marked && kept.length === before.length && kept.every((finalizer, i) => finalizer === before[i])) return entry;
  return store.put(entry.resource, entry.namespace, entry.name, object);
}

function deletedStatus(resource: Resource, entry: Stored): JsonObject {
  const details: { [key: string]: Json } = { name: entry.name };
  if (resource.group !== "") details.group = resource.group;
  details.kind = resource.plural;
  details.uid = text(metaOf(entry.object), "uid");
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}
