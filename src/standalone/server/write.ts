/** create and update: what happens to an object between the request and the store. @module */
import { canonical, type FieldError, statusCauses, trackUpdate } from "../schema/mod.ts";
import type { JsonObject, Store, Stored } from "../storage/mod.ts";
import type { Clock } from "@virtrigaud/resilience";
import type { Admit } from "./admission.ts";
import { timestamp } from "./timestamp.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  invalidPatch,
  notFound,
  staleWrite,
} from "./errors.ts";
import { child, clone, ensureChild, equal, items, strings, text } from "./json.ts";
import {
  carryOver,
  desiredStateDiffers,
  dropEmptyMeta,
  FOREGROUND,
  generatedName,
  metaOf,
  ORPHAN,
  sameContent,
  validateMeta,
} from "./meta.ts";
import { editable, shown } from "./read.ts";
import type { ResourceRequest } from "./request.ts";
import { apiVersionOf, type Resource } from "./resource.ts";

/** What writing needs. */
export interface WriteContext {
  readonly store: Store;
  readonly clock: Clock;
  /** Admission policies. Default: none. */
  readonly admit?: Admit | undefined;
}

/** How one write is to be done. */
export interface WriteOptions {
  /** Who owns the fields that this write sets. */
  readonly manager: string;
  readonly dryRun: boolean;
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Warnings for the client are added here. */
  readonly warnings: string[];
  /** The ownership of fields is in the object already (apply). Default false. */
  readonly owned?: boolean;
  /** A custom resource must name the revision it replaces (PUT). Default false. */
  readonly revisionRequired?: boolean;
}

/** What a write made: the object as the request's resource shows it. */
export interface Written {
  readonly object: JsonObject;
  readonly created: boolean;
}

/** Creates `body`. Throws the {@linkcode ApiError} to answer with. The caller awaits `store.settled()`. */
export function createObject(
  context: WriteContext,
  request: ResourceRequest,
  body: JsonObject,
  options: WriteOptions,
): Written {
  const { resource } = request;
  const object = clone(body);
  checkIdentity(request, object);
  const meta = ensureChild(object, "metadata");
  if (text(meta, "name") === "" && text(meta, "generateName") !== "") {
    meta.name = generatedName(text(meta, "generateName"));
  }
  const name = text(meta, "name");
  if (text(meta, "resourceVersion") !== "") {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  if (resource.namespaced) checkNamespace(context, request, name);
  prune(request, object, options);
  dropEmptyMeta(object);
  for (const key of ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "generation"]) {
    delete meta[key];
  }
  if (resource.status) delete object.status;
  meta.uid = crypto.randomUUID();
  meta.creationTimestamp = timestamp(context.clock.now());
  if (resource.generation) meta.generation = 1;
  resource.schema.applyDefaults(object);
  resource.prepare?.(object, undefined);
  validate(resource, object, undefined);
  context.admit?.(resource, object, undefined, options.warnings);
  warnFinalizers(object, options);
  if (context.store.get(resource.storage, request.namespace, name) !== undefined) throw alreadyExists(resource, name);
  if (options.owned !== true) own(context, request, undefined, object, options);
  return { object: keep(context, request, object, options), created: true };
}

/**
 * Replaces the object with what `change` makes of it.
 *
 * `change` gets a copy that it may modify. The subresource of the request decides which part of the result counts.
 */
export function updateObject(
  context: WriteContext,
  request: ResourceRequest,
  change: (live: JsonObject, entry: Stored) => JsonObject,
  options: WriteOptions,
): Written {
  const { resource, namespace, name, subresource } = request;
  const entry = context.store.get(resource.storage, namespace, name);
  if (entry === undefined) throw notFound(resource, name);
  const live = shown(resource, entry);
  const next = change(editable(resource, entry), entry);
  checkIdentity(request, next);
  prune(request, next, options);
  const meta = ensureChild(next, "metadata");
  if (request.verb === "patch") checkImmutable(resource, name, metaOf(live), meta, ["uid"]);
  if (meta.deletionTimestamp !== undefined && meta.deletionTimestamp !== null) {
    checkImmutable(resource, name, metaOf(live), meta, ["deletionTimestamp"]);
  }
  checkPreconditions(request, meta, live, options.revisionRequired === true);
  if (meta.managedFields === undefined) {
    const fields = metaOf(live).managedFields;
    if (fields !== undefined) meta.managedFields = fields;
  }
  dropEmptyMeta(next);
  carryOver(next, live);
  const result = mergeParts(resource, subresource, live, next);
  resource.schema.applyDefaults(result);
  resource.prepare?.(result, live);
  checkImmutable(resource, name, live, result, resource.immutable);
  checkFinalizers(resource, name, live, result);
  if (resource.generation && subresource !== "status" && desiredStateDiffers(live, result)) {
    ensureChild(result, "metadata").generation = Number(metaOf(live).generation ?? 0) + 1;
  }
  // What stays as it was is not checked again: a rule that came later must not make an object undeletable.
  if (!sameContent(live, result)) {
    validate(resource, result, live);
    if (subresource === "") context.admit?.(resource, result, live, options.warnings);
    warnFinalizers(result, options);
  }
  if (options.owned !== true) own(context, request, live, result, options);
  if (sameContent(live, result)) return { object: live, created: false };
  if (isDeleted(result)) {
    if (options.dryRun) return { object: result, created: false };
    ensureChild(result, "metadata");
    return { object: shown(resource, context.store.delete(entry, stored(resource, result))), created: false };
  }
  return { object: keep(context, request, result, options), created: false };
}

/** Whether nothing keeps an object that is being deleted. */
export function isDeleted(object: JsonObject): boolean {
  const meta = metaOf(object);
  return text(meta, "deletionTimestamp") !== "" && strings(meta, "finalizers").length === 0 &&
    strings(child(object, "spec"), "finalizers").length === 0;
}

/** `object` in the form that is stored. */
export function stored(resource: Resource, object: JsonObject): JsonObject {
  return resource.view === undefined ? object : resource.view.store(object);
}

function keep(
  context: WriteContext,
  { resource, namespace }: ResourceRequest,
  object: JsonObject,
  options: WriteOptions,
): JsonObject {
  if (options.dryRun) return object;
  const name = text(metaOf(object), "name");
  return shown(resource, context.store.put(resource.storage, namespace, name, stored(resource, object)));
}

/** Which part of `next` a write to `subresource` may change; the rest stays as in `live`. */
function mergeParts(resource: Resource, subresource: string, live: JsonObject, next: JsonObject): JsonObject {
  if (subresource === "status") {
    const result: JsonObject = { ...clone(live) };
    if (next.status === undefined) delete result.status;
    else result.status = next.status;
    const fields = metaOf(next).managedFields;
    if (fields !== undefined) ensureChild(result, "metadata").managedFields = fields;
    return result;
  }
  if (!resource.status || subresource === "finalize") return next;
  const result: JsonObject = { ...next };
  if (live.status === undefined) delete result.status;
  else result.status = clone(live.status);
  return result;
}

function checkIdentity({ resource, namespace, name, verb }: ResourceRequest, object: JsonObject): void {
  const expected = apiVersionOf(resource);
  if (object.kind === undefined && object.apiVersion === undefined && !resource.custom) {
    object.kind = resource.kind;
    object.apiVersion = expected;
  }
  if (text(object, "kind") === "") throw badRequest("Object 'Kind' is missing in the body of the request");
  if (object.apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${
        text(object, "apiVersion")
      }) does not match the expected API version (${expected})`,
    );
  }
  if (object.kind !== resource.kind) {
    const message = `Invalid value: ${JSON.stringify(object.kind)}: must be ${resource.kind}`;
    throw invalid({ ...resource, kind: text(object, "kind") }, text(metaOf(object), "name"), [
      { reason: "FieldValueInvalid", field: "kind", message },
    ]);
  }
  const meta = ensureChild(object, "metadata");
  if (resource.namespaced) {
    const given = text(meta, "namespace");
    if (given !== "" && given !== namespace) {
      throw badRequest(
        "the namespace of the provided object does not match the namespace sent on the request",
      );
    }
    meta.namespace = namespace;
  } else delete meta.namespace;
  if (verb === "create" || name === "") return;
  if (text(meta, "name") === "") meta.name = name;
  else if (meta.name !== name) {
    throw badRequest(`the name of the object (${text(meta, "name")}) does not match the name on the URL (${name})`);
  }
}

function checkNamespace({ store }: WriteContext, { resource, namespace }: ResourceRequest, name: string): void {
  const found = store.get("namespaces", "", namespace);
  const namespaces = { group: "", plural: "namespaces", kind: "Namespace" };
  if (found === undefined) throw notFound(namespaces, namespace);
  if (text(metaOf(found.object), "deletionTimestamp") === "") return;
  throw forbidden(
    resource,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: "NamespaceTerminating",
        message: `namespace ${namespace} is being terminated`,
        field: "metadata.namespace",
      },
    ],
  );
}

function checkPreconditions(
  { resource, name }: ResourceRequest,
  meta: JsonObject,
  live: JsonObject,
  revisionRequired: boolean,
): void {
  const now = metaOf(live);
  const uid = text(meta, "uid");
  if (uid !== "" && uid !== now.uid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${now.uid}`);
  }
  const revision = text(meta, "resourceVersion");
  if (revision !== "" && revision !== "0" && revision !== now.resourceVersion) throw staleWrite(resource, name);
  if (revision === "" && revisionRequired && !resource.unconditionalUpdate) {
    throw invalid({ ...resource, kind: resource.plural }, name, [
      {
        reason: "FieldValueInvalid",
        field: "metadata.resourceVersion",
        message: "Invalid value: 0: must be specified for an update",
      },
    ]);
  }
}

/** Refuses another value in `fields`; one that is taken away is brought back by the server elsewhere. */
function checkImmutable(
  resource: Resource,
  name: string,
  before: JsonObject,
  after: JsonObject,
  fields: readonly string[],
): void {
  const path = before.uid === undefined ? "" : "metadata.";
  const causes = fields
    .filter((field) => after[field] !== undefined && after[field] !== null && !equal(before[field], after[field]))
    .map((field) => ({
      reason: "FieldValueInvalid",
      field: `${path}${field}`,
      message: `Invalid value: ${JSON.stringify(after[field])}: field is immutable`,
    }));
  if (causes.length > 0) throw invalid(resource, name, causes);
}

function checkFinalizers(resource: Resource, name: string, live: JsonObject, next: JsonObject): void {
  if (text(metaOf(live), "deletionTimestamp") === "") return;
  const before = strings(metaOf(live), "finalizers");
  const added = strings(metaOf(next), "finalizers").filter((finalizer) => !before.includes(finalizer));
  if (added.length === 0) return;
  throw invalid(resource, name, [{
    reason: "FieldValueForbidden",
    field: "metadata.finalizers",
    message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${
      added.map((f) => `"${f}"`).join(", ")
    }}`,
  }]);
}

function prune({ resource, verb }: ResourceRequest, object: JsonObject, options: WriteOptions): void {
  const patched = options.fieldValidation === "Strict" && verb === "patch" && options.owned !== true;
  const whole = patched ? canonical(object) : "";
  const dropped = resource.schema.prune(object);
  if (dropped.length === 0 || options.fieldValidation === "Ignore") return;
  const messages = dropped.map((path) => `unknown field "${path}"`);
  if (options.fieldValidation === "Strict") {
    const { kind, version } = resource;
    const strict = `strict decoding error: ${messages.join(", ")}`;
    if (patched) throw invalidPatch(`Invalid value: ${JSON.stringify(whole)}: ${strict}`);
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${strict}`);
  }
  options.warnings.push(...messages);
}

/** Tells writers of finalizers without a domain that others may mean theirs. */
function warnFinalizers(object: JsonObject, { warnings }: WriteOptions): void {
  for (const finalizer of strings(metaOf(object), "finalizers")) {
    if (finalizer.includes("/") || finalizer === FOREGROUND || finalizer === ORPHAN) continue;
    warnings.push(
      `metadata.finalizers: ${
        JSON.stringify(finalizer)
      }: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`,
    );
  }
}

function validate(resource: Resource, object: JsonObject, old: JsonObject | undefined): void {
  const errors: FieldError[] = resource.schema.validate(object, old);
  const anyName = resource.group === "rbac.authorization.k8s.io";
  const causes = [
    ...validateMeta(object, { strictName: ["namespaces", "services"].includes(resource.storage), anyName }),
    ...statusCauses(errors),
  ];
  if (causes.length > 0) throw invalid(resource, text(metaOf(object), "name"), causes);
}

/** Records who set what. */
function own(
  context: WriteContext,
  { resource, subresource }: ResourceRequest,
  old: JsonObject | undefined,
  updated: JsonObject,
  { manager }: WriteOptions,
): void {
  if (old !== undefined && equal(old, updated)) return;
  const fields = trackUpdate({
    old,
    updated,
    manager,
    schema: resource.schema,
    apiVersion: apiVersionOf(resource),
    ...(subresource === "" ? {} : { subresource }),
    resetFields: resetFields(resource, subresource),
    now: new Date(context.clock.now()),
  });
  const meta = ensureChild(updated, "metadata");
  if (fields.length > 0) meta.managedFields = fields;
  else if (items(meta, "managedFields").length === 0) delete meta.managedFields;
}

/** Fields that a write to `subresource` cannot set and so does not own. */
export function resetFields(resource: Resource, subresource: string): string[] {
  if (subresource === "status") return ["spec", "metadata"];
  return resource.status ? ["status"] : [];
}

/** The precondition failures of a delete. */
export function checkDeletePreconditions(resource: Resource, entry: Stored, preconditions: JsonObject): void {
  const meta = metaOf(entry.object);
  const checks = [["uid", "UID", "deleted and then recreated"], [
    "resourceVersion",
    "ResourceVersion",
    "modified",
  ]] as const;
  for (const [key, label, happened] of checks) {
    const wanted = text(preconditions, key);
    if (wanted === "" || wanted === meta[key]) continue;
    throw conflict(
      { ...resource, plural: resource.kind },
      entry.name,
      `the ${label} in the precondition (${wanted}) does not match the ${label} in record (${
        meta[key]
      }). The object might have been ${happened}`,
    );
  }
}
