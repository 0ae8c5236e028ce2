/** watch: a stream of changes as lines of JSON. @module */
import { setImmediate } from "node:timers";
import type { Change, JsonObject, Store, Stored } from "../storage/mod.ts";
import type { Clock } from "@virtrigaud/resilience";
import { type ApiError, badRequest, expired, invalid } from "./errors.ts";
import { clone, ensureChild } from "./json.ts";
import type { Representation } from "./media.ts";
import { metaOf } from "./meta.ts";
import { includeObject, type ReadContext, revisionParam, shown, shownJson } from "./read.ts";
import { flag, type ResourceRequest } from "./request.ts";
import { apiVersionOf, type Resource } from "./resource.ts";
import { requestSelector, type Selector } from "./selectors.ts";
import { partialMetadata, table } from "./table.ts";

/** A kind of line in a watch stream. */
export type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** Decides what becomes of the lines of one watch; the place where test faults act. */
export interface WatchTap {
  /** Gets each line before it is sent and returns what is sent in its place; `end` closes the stream after that. */
  (type: EventType, line: Uint8Array): { readonly lines: readonly Uint8Array[]; readonly end?: "clean" | "abrupt" };
}

/** Bytes a client may lag behind before its watch is ended, unless told otherwise. It resumes or lists again. */
const MAX_LAG_BYTES = 16 * 1024 * 1024;
/** Interval of bookmarks, as on a cluster. */
const BOOKMARK_MS = 60_000;
/** A watch without `timeoutSeconds` ends between 30 and 60 minutes, so that reconnects spread out. */
const DEFAULT_TIMEOUT_S = 1_800;

const encoder = new TextEncoder();

/** All open watches of a server. */
export class Watches {
  readonly #open = new Set<Watch>();
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #read: ReadContext;
  readonly #maxLagBytes: number;
  readonly #unsubscribe: () => void;
  #stopBookmarks: () => void;
  /** Lines of plain objects, shared by all watches that see the change which is being delivered. */
  readonly #lines = new Map<Stored, Map<string, Uint8Array>>();

  constructor(read: ReadContext, options: { /** Default 16 MiB. */ readonly maxLagBytes?: number } = {}) {
    this.#read = read;
    this.#maxLagBytes = options.maxLagBytes ?? MAX_LAG_BYTES;
    this.#store = read.store;
    this.#clock = read.clock;
    this.#unsubscribe = this.#store.subscribe((change) => {
      for (const watch of this.#open) watch.deliver(change);
      this.#lines.clear();
    });
    const bookmark = (): void => {
      for (const watch of this.#open) watch.bookmark();
      this.#stopBookmarks = this.#clock.setTimeout(bookmark, BOOKMARK_MS);
    };
    this.#stopBookmarks = this.#clock.setTimeout(bookmark, BOOKMARK_MS);
  }

  /** Number of open streams. */
  get size(): number {
    return this.#open.size;
  }

  /** Opens a watch and returns its stream of lines. */
  open(request: ResourceRequest, as: Representation, tap?: WatchTap): ReadableStream<Uint8Array> {
    const { resource, params } = request;
    const selector = requestSelector(params, resource);
    const timeout = timeoutSeconds(params);
    const start = this.#start(request);
    const first = start.kind === "expired" ? [] : start.initial;
    const watch = new Watch({
      request,
      selector,
      tap,
      allowBookmarks: flag(params, "allowWatchBookmarks"),
      encode: (type, entry, columns) => this.#encode(resource, as, params, type, entry, columns),
      revision: () => this.#store.revision,
      maxLagBytes: this.#maxLagBytes,
      closed: () => {
        cancel();
        this.#open.delete(watch);
      },
    });
    const cancel = this.#clock.setTimeout(() => watch.end(), timeout * 1000);
    if (start.kind === "expired") {
      watch.fail(start.error);
      return watch.stream;
    }
    this.#open.add(watch);
    watch.begin(first, start.changes, start.bookmark);
    this.#lines.clear();
    return watch.stream;
  }

  /** Sends every watcher of the server a bookmark now; for tests and before a graceful end. */
  bookmarkAll(): void {
    for (const watch of this.#open) watch.bookmark();
  }

  /** Ends the watches that `chosen` picks (default all), cleanly or by breaking the connection. */
  cut(chosen: (request: ResourceRequest) => boolean = () => true, how: "clean" | "abrupt" = "clean"): number {
    const cut = [...this.#open].filter((watch) => chosen(watch.request));
    for (const watch of cut) watch.end(how);
    return cut.length;
  }

  /** Ends all watches and stops following the store. */
  close(): void {
    this.#unsubscribe();
    this.#stopBookmarks();
    this.cut();
  }

  #start({ resource, params }: ResourceRequest): Start {
    const asked = revisionParam(params);
    const match = params.get("resourceVersionMatch") ?? "";
    const send = params.get("sendInitialEvents");
    if (send !== null && match !== "NotOlderThan") {
      throw invalidOptions(
        resource,
        "resourceVersionMatch",
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
      );
    }
    if (send === null && match !== "") {
      throw invalidOptions(
        resource,
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      );
    }
    const initial = send === null ? asked === 0 : flag(params, "sendInitialEvents");
    const now = this.#store.revision;
    if (asked > now) {
      // Only another database can have given this revision out; waiting for it to come would hide changes.
      return { kind: "expired", error: expired(`too large resource version: ${asked} (${now})`) };
    }
    if (initial) {
      const entries = this.#store.listAt(resource.storage, now) ?? [];
      return { kind: "from", initial: entries, changes: [], bookmark: send !== null };
    }
    if (asked === 0) return { kind: "from", initial: [], changes: [], bookmark: false };
    const changes = this.#store.changesSince(resource.storage, asked);
    if (changes === undefined) {
      return { kind: "expired", error: expired(`too old resource version: ${asked} (${this.#store.compacted})`) };
    }
    return { kind: "from", initial: [], changes, bookmark: false };
  }

  #encode(
    resource: Resource,
    as: Representation,
    params: URLSearchParams,
    type: EventType,
    entry: Stored,
    columns: boolean,
  ): Uint8Array {
    if (as === "object") {
      const key = `${type} ${apiVersionOf(resource)}`;
      let lines = this.#lines.get(entry);
      if (lines === undefined) this.#lines.set(entry, lines = new Map());
      let line = lines.get(key);
      if (line === undefined) {
        line = encoder.encode(`{"type":"${type}","object":${shownJson(resource, entry)}}\n`);
        lines.set(key, line);
      }
      return line;
    }
    const object = shown(resource, entry);
    if (as !== "table") return encodeEvent(type, partialMetadata(object));
    const printer = this.#read.printer(resource);
    const row = printer.row(object, includeObject(params), this.#clock.now());
    return encodeEvent(
      type,
      table(columns ? printer.definitions : [], [row], { resourceVersion: String(entry.revision) }),
    );
  }
}

type Start =
  | { readonly kind: "expired"; readonly error: ApiError }
  | {
    readonly kind: "from";
    readonly initial: readonly Stored[];
    readonly changes: readonly Change[];
    /** The client is told when it has the initial state. */
    readonly bookmark: boolean;
  };

interface WatchOptions {
  readonly request: ResourceRequest;
  readonly selector: Selector | undefined;
  readonly tap: WatchTap | undefined;
  readonly allowBookmarks: boolean;
  readonly encode: (type: EventType, entry: Stored, columns: boolean) => Uint8Array;
  readonly revision: () => number;
  readonly maxLagBytes: number;
  readonly closed: () => void;
}

/** One stream. Guarantees: every selected change once and in order, or the stream ends; it never skips. */
class Watch {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: WatchOptions;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #sent = 0;
  /** Bytes of the initial state, which a client may take its time for. */
  #allowance: number;
  #queued = 0;
  /** Called when everything queued was taken. */
  #drained: ((controller: ReadableStreamDefaultController<Uint8Array>) => Promise<void>) | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#allowance = options.maxLagBytes;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => this.#drained?.(controller),
      cancel: () => this.#finish(),
    }, { highWaterMark: 0, size: (chunk) => chunk.byteLength });
  }

  get request(): ResourceRequest {
    return this.#options.request;
  }

  begin(initial: readonly Stored[], changes: readonly Change[], bookmark: boolean): void {
    for (const entry of initial) {
      if (this.#inScope(entry) && this.#selects(entry)) this.#send("ADDED", entry);
    }
    for (const change of changes) this.deliver(change);
    if (bookmark && this.#options.allowBookmarks) this.bookmark({ "k8s.io/initial-events-end": "true" });
    this.#allowance += this.#queued;
  }

  deliver({ type, entry, previous }: Change): void {
    if (!this.#inScope(entry)) return;
    const was = previous !== undefined && this.#selects(previous);
    const is = type !== "DELETED" && this.#selects(entry);
    if (is) this.#send(was ? "MODIFIED" : "ADDED", entry);
    // Who stops matching is shown as it was when it last did, as on a cluster.
    else if (was && type === "DELETED") this.#send("DELETED", entry);
    else if (was && previous !== undefined) this.#send("DELETED", asOf(previous, entry.revision));
    // Lagging is judged on live changes only, and after them, so that what was sent is always a prefix of the truth.
    if (this.#lag() > this.#allowance) this.end();
  }

  bookmark(annotations?: JsonObject): void {
    if (!this.#options.allowBookmarks || this.#controller === undefined) return;
    const { resource } = this.request;
    const metadata: JsonObject = { resourceVersion: String(this.#options.revision()), creationTimestamp: null };
    if (annotations !== undefined) metadata.annotations = annotations;
    this.#emit(
      "BOOKMARK",
      encodeEvent("BOOKMARK", { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata }),
    );
  }

  fail(error: ApiError): void {
    this.#emit("ERROR", encodeEvent("ERROR", error.toStatus()));
    this.end();
  }

  end(how: "clean" | "abrupt" = "clean"): void {
    const controller = this.#controller;
    this.#finish();
    if (controller === undefined) return;
    if (how === "clean") controller.close();
    // An error drops what is queued; it waits until the client has got what was sent before it.
    else if (controller.desiredSize === 0) void breakOff(controller);
    else this.#drained = breakOff;
  }

  #finish(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#options.closed();
  }

  #lag(): number {
    return -(this.#controller?.desiredSize ?? 0);
  }

  #inScope(entry: Stored): boolean {
    const { resource, namespace, name } = this.request;
    return entry.resource === resource.storage && (namespace === "" || namespace === entry.namespace) &&
      (name === "" || name === entry.name);
  }

  #selects(entry: Stored): boolean {
    const { selector, request } = this.#options;
    return selector === undefined || selector(shown(request.resource, entry));
  }

  #send(type: EventType, entry: Stored): void {
    this.#emit(type, this.#options.encode(type, entry, this.#sent === 0));
  }

  #emit(type: EventType, line: Uint8Array): void {
    if (this.#controller === undefined) return;
    this.#sent++;
    const tapped = this.#options.tap?.(type, line) ?? { lines: [line] };
    for (const bytes of tapped.lines) {
      this.#controller.enqueue(bytes);
      this.#queued += bytes.byteLength;
    }
    if (tapped.end !== undefined) this.end(tapped.end);
  }
}

/**
 * Errors the stream of a connection that is to break, a turn later: what was taken from the stream in this turn is not
 * on the wire yet.
 */
export function breakOff(controller: { error(reason: unknown): void }): Promise<void> {
  return new Promise((resolve) =>
    setImmediate(() => {
      controller.error(new Error("connection broken off on purpose"));
      resolve();
    })
  );
}

/** `entry` with another revision. */
function asOf(entry: Stored, revision: number): Stored {
  const metadata = { ...metaOf(entry.object), resourceVersion: String(revision) };
  const object: JsonObject = { ...entry.object, metadata };
  return { ...entry, revision, object, json: JSON.stringify(object) };
}

function encodeEvent(type: EventType, object: JsonObject): Uint8Array {
  return encoder.encode(`${JSON.stringify({ type, object })}\n`);
}

function timeoutSeconds(params: URLSearchParams): number {
  const value = params.get("timeoutSeconds");
  if (value === null || value === "" || value === "0") return DEFAULT_TIMEOUT_S * (1 + Math.random());
  const seconds = Number(value);
  if (!Number.isInteger(seconds) || seconds < 0) {
    throw badRequest(`timeoutSeconds: invalid value "${value}"; expected a whole number of seconds`);
  }
  return Math.min(seconds, 86_400);
}

function invalidOptions(resource: Resource, field: string, message: string): ApiError {
  return invalid({ ...resource, kind: "ListOptions", group: "meta.k8s.io" }, "", [
    { reason: "FieldValueForbidden", field, message: `Forbidden: ${message}` },
  ]);
}

/** A line with another state in it, for faults that replay the past. */
export function staleLine(line: Uint8Array, revision: string): Uint8Array {
  const event = clone(JSON.parse(new TextDecoder().decode(line)) as JsonObject);
  ensureChild(ensureChild(event, "object"), "metadata").resourceVersion = revision;
  return encoder.encode(`${JSON.stringify(event)}\n`);
}
