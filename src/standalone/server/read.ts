/** get and list. @module */
import type { Json, JsonObject, Store, Stored } from "../storage/mod.ts";
import type { Clock } from "@virtrigaud/resilience";
import { badRequest, expired, futureRevision, invalid, notFound } from "./errors.ts";
import { child, clone } from "./json.ts";
import type { Representation } from "./media.ts";
import type { ResourceRequest } from "./request.ts";
import { apiVersionOf, type Resource } from "./resource.ts";
import { requestSelector } from "./selectors.ts";
import { type IncludeObject, partialMetadata, table, type TablePrinter } from "./table.ts";

/** What reading needs. */
export interface ReadContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly printer: (resource: Resource) => TablePrinter;
}

/** The object as `resource` shows it. */
export function shown(resource: Resource, entry: Stored): JsonObject {
  return resource.view === undefined ? entry.object : resource.view.show(entry.object);
}

/** {@linkcode shown} as text. */
export function shownJson(resource: Resource, entry: Stored): string {
  return resource.view === undefined ? entry.json : JSON.stringify(resource.view.show(entry.object));
}

/** The `includeObject` parameter; rows carry metadata unless asked otherwise. */
export function includeObject(params: URLSearchParams): IncludeObject {
  const value = params.get("includeObject") ?? "";
  if (value === "" || value === "Metadata") return "Metadata";
  if (value === "None" || value === "Object") return value;
  throw badRequest(`includeObject: unknown value "${value}"; expected None, Metadata or Object`);
}

/** One object in the asked representation, as text. */
export function renderObject(
  context: ReadContext,
  request: ResourceRequest,
  object: JsonObject,
  as: Representation,
): string {
  switch (as) {
    case "object":
      return JSON.stringify(object);
    case "partial":
    case "partialList":
      return JSON.stringify(partialMetadata(object));
    case "table": {
      const printer = context.printer(request.resource);
      const row = printer.row(object, includeObject(request.params), context.clock.now());
      const { resourceVersion = "" } = child(object, "metadata");
      return JSON.stringify(table(printer.definitions, [row], { resourceVersion }));
    }
  }
}

/** Answers a get. */
export function getObject(context: ReadContext, request: ResourceRequest): Stored {
  const { resource, namespace, name } = request;
  const asked = revisionParam(request.params);
  if (asked > context.store.revision) throw futureRevision(asked, context.store.revision);
  const entry = context.store.committed(resource.storage, namespace, name);
  if (entry === undefined) throw notFound(resource, name);
  return entry;
}

/** Answers a list, as text. */
export function listObjects(context: ReadContext, request: ResourceRequest, as: Representation): string {
  return renderList(context, request, select(context, request), as);
}

/** A page of objects in the asked representation, as text. */
export function renderList(context: ReadContext, request: ResourceRequest, page: Page, as: Representation): string {
  const { resource, params } = request;
  const metadata: JsonObject = { resourceVersion: String(page.revision) };
  if (page.next !== undefined) metadata.continue = page.next;
  if (page.remaining !== undefined) metadata.remainingItemCount = page.remaining;
  switch (as) {
    case "object": {
      const head = JSON.stringify({ kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata });
      return `${head.slice(0, -1)},"items":[${page.entries.map((entry) => shownJson(resource, entry)).join(",")}]}`;
    }
    case "partial":
    case "partialList":
      return JSON.stringify({
        kind: "PartialObjectMetadataList",
        apiVersion: "meta.k8s.io/v1",
        metadata,
        items: page.entries.map((entry): Json => partialMetadata(shown(resource, entry))),
      });
    case "table": {
      const printer = context.printer(resource);
      const include = includeObject(params);
      const now = context.clock.now();
      const rows = page.entries.map((entry): Json => printer.row(shown(resource, entry), include, now));
      return JSON.stringify(table(printer.definitions, rows, metadata));
    }
  }
}

/** Some of the objects of a list. */
export interface Page {
  readonly entries: readonly Stored[];
  readonly revision: number;
  readonly next?: string;
  readonly remaining?: number;
}

/** Entries of the request's namespace that its selectors choose, at the revision it asks for, one page of them. */
function select(context: ReadContext, request: ResourceRequest): Page {
  const { resource, namespace, name, params } = request;
  const { store } = context;
  const token = params.get("continue") ?? "";
  const from = token === "" ? undefined : readToken(token);
  const revision = from?.revision ?? listRevision(params, store, request);
  const all = store.listAt(resource.storage, revision);
  if (all === undefined) {
    throw expired(
      from === undefined
        ? `The resourceVersion for the provided list is too old: ${revision}, history starts at ${store.compacted}`
        : "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
    );
  }
  const selector = requestSelector(params, resource);
  const entries = all.filter((entry) =>
    (namespace === "" || entry.namespace === namespace) &&
    (name === "" || entry.name === name) &&
    (from === undefined || keyOf(entry) > from.after) &&
    (selector === undefined || selector(shown(resource, entry)))
  );
  const limit = Number(params.get("limit") ?? 0);
  if (!Number.isInteger(limit)) {
    throw badRequest(`limit: invalid value "${params.get("limit")}"; expected a whole number of objects`);
  }
  const last = limit > 0 && entries.length > limit ? entries[limit - 1] : undefined;
  if (last === undefined) return { entries, revision };
  return {
    entries: entries.slice(0, limit),
    revision,
    next: writeToken({ revision, after: keyOf(last) }),
    // As on a cluster, the count is only given when no selector makes it expensive there.
    ...(selector === undefined ? { remaining: entries.length - limit } : {}),
  };
}

function listRevision(params: URLSearchParams, store: Store, request: ResourceRequest): number {
  const asked = revisionParam(params);
  const match = params.get("resourceVersionMatch") ?? "";
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw badRequest(`resourceVersionMatch: unknown value "${match}"; expected Exact or NotOlderThan`);
  }
  if (match !== "" && (params.get("resourceVersion") ?? "") === "") {
    throw forbidden(
      request,
      "resourceVersionMatch",
      "resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
  }
  if (match === "Exact" && asked === 0) {
    throw forbidden(
      request,
      "resourceVersionMatch",
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
  if (asked > store.revision) throw futureRevision(asked, store.revision);
  // Without a match, a limit makes the given revision exact: that is how a client pages through one state.
  const exact = match === "Exact" || (match === "" && asked > 0 && Number(params.get("limit") ?? 0) > 0);
  return exact ? asked : store.revision;
}

function forbidden(request: ResourceRequest, field: string, message: string): Error {
  return invalid({ ...request.resource, kind: "ListOptions", group: "meta.k8s.io" }, "", [
    { reason: "FieldValueForbidden", field, message: `Forbidden: ${message}` },
  ]);
}

/** The `resourceVersion` parameter; 0 when it is absent. */
export function revisionParam(params: URLSearchParams): number {
  const value = params.get("resourceVersion") ?? "";
  if (value === "") return 0;
  const revision = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(revision)) {
    throw badRequest(
      `resourceVersion: Invalid value: "${value}": expected a whole number that this server has given out`,
    );
  }
  return revision;
}

function keyOf(entry: Stored): string {
  return `${entry.namespace}/${entry.name}`;
}

interface Token {
  readonly revision: number;
  /** Key of the last object of the page before. */
  readonly after: string;
}

function writeToken({ revision, after }: Token): string {
  return btoa(JSON.stringify({ v: "1", rv: revision, after: encodeURIComponent(after) }));
}

function readToken(token: string): Token {
  try {
    const { rv, after } = JSON.parse(atob(token));
    if (Number.isSafeInteger(rv) && typeof after === "string") {
      return { revision: rv, after: decodeURIComponent(after) };
    }
  } catch {
    // Whatever is wrong with it, the answer below is the same.
  }
  throw badRequest("continue key is not valid: it was not given out by this server; start a new list without it");
}

/** A copy of what a client may change. */
export function editable(resource: Resource, entry: Stored): JsonObject {
  return clone(shown(resource, entry));
}
