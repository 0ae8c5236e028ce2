/** Server-side apply, and the ownership of fields (`metadata.managedFields`) under every kind of write. @module */
import type { ObjectSchema } from "../compile.ts";
import { RequestError, type StatusCause } from "../errors.ts";
import { clone, equal } from "../json.ts";
import { checkDepth } from "../limits.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";
import { FieldSet } from "./field_set.ts";
import { type Difference, difference, fieldsOf, withParents } from "./fields.ts";
import {
  decodeManagers,
  encodeManagers,
  type Manager,
  managerId,
  type Managers,
  type Operation,
  printManager,
} from "./managers.ts";
import { merge, remove } from "./merge.ts";
import { printStep } from "./path.ts";
import { misfit, type Typed } from "./shape.ts";

/** What both ways of writing have in common. */
interface WriteOptions {
  readonly schema: ObjectSchema;
  /** `group/version` of the request. */
  readonly apiVersion: string;
  /** Field manager: the `fieldManager` parameter, or the first word of the user agent. */
  readonly manager: string;
  /** `status` or `scale` when the write went there. */
  readonly subresource?: string | undefined;
  /**
   * Top-level fields that this endpoint ignores and therefore never owns: `["status"]` for the main resource of a kind
   * with a status subresource. Default: none, and everything but `status` for the subresource `status`.
   */
  readonly resetFields?: readonly string[] | undefined;
  readonly now: Date;
}

/** Input of {@linkcode serverSideApply}. */
export interface ApplyRequest extends WriteOptions {
  /** The stored object, or `undefined` when apply creates it. */
  readonly live: JsonObject | undefined;
  readonly applied: JsonObject;
  /** Takes fields over from other managers. */
  readonly force: boolean;
}

/** Outcome of {@linkcode serverSideApply}. */
export type ApplyResult =
  | {
    /** The merged object with its new `managedFields`; not yet defaulted, pruned or validated. */
    readonly object: JsonObject;
  }
  | {
    /** Fields that others own and that the request would change: answer 409 `Conflict` with these causes. */
    readonly conflicts: StatusCause[];
    /** The message of the 409. */
    readonly message: string;
  };

/** Input of {@linkcode trackUpdate}. */
export interface UpdateRequest extends WriteOptions {
  /** The stored object; `undefined` on create. */
  readonly old: JsonObject | undefined;
  /** The object about to be stored, defaulted and pruned. */
  readonly updated: JsonObject;
}

const field = (...names: readonly string[]): FieldSet => FieldSet.path(names.map((name) => ({ kind: "field", name })));
const union = (sets: readonly FieldSet[]): FieldSet => sets.reduce((all, set) => all.union(set), FieldSet.empty);

/** What identifies an object, or is the server's own, belongs to nobody. */
const NOBODYS: FieldSet = union([
  ...["apiVersion", "kind", "metadata"].map((name) => field(name)),
  ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"]
    .map((name) => field("metadata", name)),
]);

function resetOf({ resetFields, subresource, schema }: WriteOptions): readonly string[] {
  if (resetFields) return resetFields;
  if (subresource !== "status") return [];
  return Object.keys(schema.schema.properties ?? {}).filter((name) => !["apiVersion", "kind", "status"].includes(name));
}

const omit = (object: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

function withoutManagers(object: JsonObject): JsonObject {
  const { metadata } = object;
  return isObject(metadata) ? { ...object, metadata: omit(metadata, ["managedFields"]) } : object;
}
const managedFieldsOf = (object: JsonObject | undefined): JsonValue | undefined => {
  const metadata = object?.metadata;
  return isObject(metadata) ? metadata.managedFields : undefined;
};
const timestamp = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;

/** Takes from every manager but `self` what has been changed or removed under it. */
function dispossess(managers: Managers, self: string, { added, removed, modified }: Difference): Managers {
  const lost = union([added, removed, modified]);
  return new Map(
    [...managers].map(([id, manager]) =>
      id === self ? [id, manager] : [id, { ...manager, fields: manager.fields.difference(lost) }]
    ),
  );
}

/** Drops from `merged` what this manager applied the last time and does no more, unless somebody else owns it. */
function pruneDropped(
  schema: Typed,
  merged: JsonObject,
  applied: JsonObject,
  last: FieldSet,
  managers: Managers,
): JsonObject {
  if (last.isEmpty) return merged;
  const parents = (set: FieldSet) => withParents(schema, set);
  const managed = parents(union([...managers.values()].map(({ fields }) => fields)));
  const keep = { owned: managed, applied };
  const none = { owned: FieldSet.empty, applied: undefined };
  const all = parents(fieldsOf(schema, merged));
  const fields = (value: JsonValue | undefined) => parents(fieldsOf(schema, value ?? {}));
  const taken = remove(schema, merged, parents(last), none);
  // What went along with it but is owned comes back ...
  const restored = remove(schema, merged, all.difference(fields(taken).union(managed)), keep);
  // ... and so does what this manager never applied and nobody owns.
  const result = remove(schema, merged, all.difference(fields(restored)).intersection(parents(last)), keep);
  return isObject(result) ? result : {};
}

/**
 * Merges `applied` into `live` as `kubectl apply --server-side` means it: what the manager says is set, what it said the
 * last time and does not say now is removed unless another manager owns it, and what others own is not changed without
 * `force`.
 *
 * @throws {RequestError} 400 when `applied` does not fit the schema so far as merging needs it, or sets `managedFields`
 */
export function serverSideApply(request: ApplyRequest): ApplyResult {
  const { live, schema: { schema }, force, now } = request;
  const reset = resetOf(request);
  const applied = omit(request.applied, reset);
  checkApplied(request);
  const stored = withoutManagers(live ?? {});
  const managers = managersBefore(request, stored);
  const self: Manager = {
    ...identity(request, "Apply"),
    time: undefined,
    fields: fieldsOf(schema, applied).difference(NOBODYS),
  };
  const id = managerId(self);
  const before = managers.get(id);
  const claimed = new Map(managers).set(id, { ...self, time: before?.time });

  const merged = merge(schema, stored, applied);
  const object = pruneDropped(
    schema,
    isObject(merged) ? merged : {},
    applied,
    before?.fields ?? FieldSet.empty,
    claimed,
  );
  checkDepth(object, "the applied object");
  const changes = difference(schema, stored, object);
  const touched = changes.modified.union(changes.added);
  const losers = [...claimed.values()]
    .filter((manager) => managerId(manager) !== id)
    .map((manager) => ({ manager, fields: manager.fields.intersection(touched) }))
    .filter(({ fields }) => !fields.isEmpty);
  if (!force && losers.length > 0) return conflict(losers);

  const after = new Map(dispossess(claimed, id, changes));
  if (!equal(stored, object)) after.set(id, { ...self, time: timestamp(now) });
  const metadata = isObject(object.metadata) ? object.metadata : {};
  return { object: { ...object, metadata: { ...metadata, managedFields: encodeManagers(after) } } };
}

const identity = ({ manager, apiVersion, subresource }: WriteOptions, operation: Operation) => ({
  name: manager,
  operation,
  apiVersion,
  subresource,
});

/** The managers of the stored object; an object that has none belongs to whoever wrote it before the first apply. */
function managersBefore(request: ApplyRequest, stored: JsonObject): Managers {
  const managers = decodeManagers(managedFieldsOf(request.live));
  if (managers.size > 0 || request.live === undefined) return managers;
  const { schema, apiVersion, now } = request;
  return decodeManagers(
    trackUpdate({ schema, apiVersion, now, manager: "before-first-apply", old: undefined, updated: stored }),
  );
}

function checkApplied({ applied, schema: { schema } }: ApplyRequest): void {
  const metadata = isObject(applied.metadata) ? applied.metadata : {};
  if (Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
    throw new RequestError(400, "BadRequest", "metadata.managedFields must be nil");
  }
  checkDepth(applied, "the applied object");
  const problem = misfit(schema, applied);
  if (problem === undefined) return;
  const name = `${metadata.namespace ?? ""}/${metadata.name ?? ""}; ${applied.apiVersion}, Kind=${applied.kind}`;
  throw new RequestError(400, "BadRequest", `failed to create typed patch object (${name}): ${problem}`);
}

function conflict(losers: readonly { manager: Manager; fields: FieldSet }[]): ApplyResult {
  const groups = losers
    .map(({ manager, fields }) => ({
      who: printManager(manager),
      paths: [...fields.paths()].map((path) => path.map(printStep).join("")),
    }))
    .sort((a, b) => (a.who < b.who ? -1 : 1));
  const conflicts = groups.flatMap(({ who, paths }) =>
    paths.map((path) => ({ reason: "FieldManagerConflict", message: `conflict with ${who}`, field: path }))
  );
  const [first] = conflicts;
  const message = conflicts.length === 1 && first
    ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
    : `Apply failed with ${conflicts.length} conflicts: ${
      groups.map(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)].join("\n"))
        .join("\n")
    }`;
  return { conflicts, message };
}

/**
 * The `managedFields` after a create, PUT or non-apply PATCH: the writer owns what it added or changed, and nobody owns
 * any more what it removed. Put them in `updated.metadata.managedFields`.
 *
 * A client may send `managedFields` of its own to edit them; `[{}]` drops all, and from then on nothing is tracked
 * until the first apply.
 */
export function trackUpdate(request: UpdateRequest): JsonObject[] {
  const { old, updated, schema: { schema }, now } = request;
  const given = managedFieldsOf(updated);
  const [only, ...more] = Array.isArray(given) ? given : [];
  if (isObject(only) && Object.keys(only).length === 0 && more.length === 0) return [];
  const managers = givenManagers(given) ?? decodeManagers(managedFieldsOf(old));
  if (old !== undefined && managers.size === 0) return [];

  const reset = union(resetOf(request).map((name) => field(name)));
  const full = difference(schema, withoutManagers(old ?? {}), withoutManagers(clone(updated)));
  const changes: Difference = {
    added: full.added.without(reset),
    removed: full.removed.without(reset),
    modified: full.modified.without(reset),
  };
  const owned = changes.added.union(changes.modified).difference(NOBODYS);
  const after = new Map(dispossess(managers, "", changes));
  if (!owned.isEmpty) {
    const self = identity(request, "Update");
    const id = managerId(self);
    const fields = (after.get(id)?.fields ?? FieldSet.empty).union(owned);
    after.set(id, { ...self, time: timestamp(now), fields });
  }
  return encodeManagers(after);
}

/** The managers that the client sent; `undefined` when there are none or they cannot be read: then the stored ones stand. */
function givenManagers(managedFields: JsonValue | undefined): Managers | undefined {
  try {
    const managers = decodeManagers(managedFields);
    return managers.size > 0 ? managers : undefined;
  } catch (error) {
    if (error instanceof RequestError) return undefined;
    throw error;
  }
}
