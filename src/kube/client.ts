/** Typed access to the Kubernetes API. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { RequestBudget } from "./budget.ts";
import { type Connection, httpConnection } from "./connection.ts";
import { fixedCredentials } from "./credentials.ts";
import { isGone, KubeError } from "./error.ts";
import { type HttpRequest, KubeHttp } from "./http.ts";
import { type KubeList, type KubeObject, type ObjectName } from "./object.ts";
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeClientOptions,
  ListOptions,
  Selection,
  WatchOptions,
  WriteOptions,
} from "./options.ts";
import { mediaTypeOf, type Patch } from "./patch.ts";
import { apiVersionOf, collectionPath, objectPath, type ResourceType } from "./resource.ts";
import { type WatchEvent, watchEvents } from "./watch.ts";

const DEFAULTS = {
  timeoutMs: 30_000,
  maxResponseBytes: 256 << 20,
  pageSize: 500,
  idleTimeoutMs: 120_000,
  userAgent: "virtrigaud-kube",
} as const;

type Query = Record<string, string | number | boolean | undefined>;
type HasName = { readonly metadata: ObjectName };

/**
 * Client of one API server. Every failure is a `KubeError`, except that an aborted `signal` rejects with its reason.
 *
 * `SECRETS` and its like, or a kind's definition, name the kind; the type of the objects follows from it.
 */
export class KubeClient {
  readonly #connection: Connection;
  readonly #http: KubeHttp;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor(options: KubeClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? DEFAULTS.timeoutMs;
    this.#connection = options.connection ?? connect(options);
    const clock = this.#clock;
    this.#http = new KubeHttp({
      connection: this.#connection,
      lanes: {
        default: new RequestBudget({
          clock,
          qps: options.qps,
          burst: options.burst,
          maxInFlight: options.maxInFlight,
        }),
        lease: new RequestBudget({ clock, maxInFlight: 4 }),
        event: new RequestBudget({ clock, qps: 10, burst: 50, maxInFlight: 2 }),
      },
      userAgent: options.userAgent ?? DEFAULTS.userAgent,
      maxResponseBytes: options.maxResponseBytes ?? DEFAULTS.maxResponseBytes,
      clock,
      random: options.random ?? Math.random,
      onRequest: options.onRequest,
    });
  }

  /** Root of the API server. */
  get baseUrl(): string {
    return this.#connection.baseUrl;
  }

  /** Reads one object. @throws `isNotFound` */
  async get<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, options: CallOptions = {}): Promise<T> {
    return await this.#send<T>("GET", `get ${say(type, name)}`, objectPath(type, name), options);
  }

  /** Like `get`, with `undefined` instead of an error when the object is not there. */
  async find<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    try {
      return await this.get(type, name, options);
    } catch (error) {
      if (error instanceof KubeError && error.code === 404) return undefined;
      throw error;
    }
  }

  /** Reads all objects of a selection, page by page, as of one resource version. */
  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const items: T[] = [];
    try {
      for await (const page of this.pages(type, options)) {
        for (const item of page.items) items.push(item);
        if (!page.metadata.continue) return { ...page, items };
      }
      return { metadata: {}, items };
    } catch (error) {
      // The page token grew old while paging: one answer with everything cannot.
      if (!isGone(error) || options.limit === 0 || items.length === 0) throw error;
      return await this.list(type, { ...options, limit: 0 });
    }
  }

  /** Pages of a selection. @throws `isGone` when a page token has expired; start again. */
  async *pages<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions = {},
  ): AsyncGenerator<KubeList<T>, void, undefined> {
    const limit = options.limit ?? DEFAULTS.pageSize;
    let token: string | undefined;
    do {
      const path = collectionPath(type, options.namespace) + query({
        ...selectionQuery(options),
        limit: limit === 0 ? undefined : limit,
        continue: token,
        resourceVersion: token === undefined ? options.resourceVersion : undefined,
        resourceVersionMatch: token === undefined ? options.resourceVersionMatch : undefined,
      });
      const page = await this.#send<KubeList<T>>("GET", `list ${sayAll(type, options)}`, path, options);
      // Items of a list leave out what the list says once.
      const [apiVersion, kind] = [apiVersionOf(type), type.kind];
      for (const item of page.items ??= []) Object.assign(item, { apiVersion, kind });
      yield page;
      token = page.metadata.continue || undefined;
    } while (token !== undefined);
  }

  /** Creates an object. Not repeated when its fate is unknown. @throws `isAlreadyExists`, `isInvalid` */
  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace) + query(writeQuery(options));
    return await this.#send<T>("POST", `create ${say(type, object.metadata)}`, path, options, {
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
    });
  }

  /** Replaces an object (PUT), only if its `resourceVersion` is still the one given. @throws `isConflict` */
  async replace<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return await this.#put(type, object, undefined, options);
  }

  /**
   * Replaces the status of an object (PUT), only if its `resourceVersion` is still the one given. The cheapest write
   * there is, and a stale view shows itself. @throws `isConflict`
   */
  async replaceStatus<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return await this.#put(type, object, "status", options);
  }

  /** Patches an object, or with `subresource` that part of it. */
  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: Patch,
    options: WriteOptions & { readonly subresource?: "status" | "scale" } = {},
  ): Promise<T> {
    const path = objectPath(type, name, options.subresource) + query(writeQuery(options));
    return await this.#send<T>("PATCH", `patch ${say(type, name, options.subresource)}`, path, options, {
      body: JSON.stringify(patch.body),
      contentType: mediaTypeOf(patch.type),
    });
  }

  /** Patches the status of an object. */
  async patchStatus<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    return await this.patch(type, name, patch, { ...options, subresource: "status" });
  }

  /** Server-side apply: creates the object or makes the fields given here its own. @throws `isConflict` */
  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: HasName & Partial<T>,
    options: ApplyOptions,
  ): Promise<T> {
    const path = objectPath(type, object.metadata, options.subresource) +
      query({ ...writeQuery(options), force: options.force || undefined });
    return await this.#send<T>("PATCH", `apply ${say(type, object.metadata, options.subresource)}`, path, options, {
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
      contentType: mediaTypeOf("apply"),
      idempotent: true,
    });
  }

  /** Asks to delete an object; with finalizers or in the foreground it goes later. @throws `isNotFound` */
  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options: DeleteOptions = {},
  ): Promise<void> {
    const { preconditions, propagationPolicy, gracePeriodSeconds, dryRun } = options;
    await this.#send<KubeObject>("DELETE", `delete ${say(type, name)}`, objectPath(type, name), options, {
      body: JSON.stringify({
        apiVersion: "v1",
        kind: "DeleteOptions",
        preconditions,
        propagationPolicy,
        gracePeriodSeconds,
        dryRun: dryRun ? ["All"] : undefined,
      }),
    });
  }

  /** A request to a path of the caller's own, such as `/readyz` or `/version`; the answer is JSON. */
  async raw(method: HttpRequest["method"], path: string, body?: unknown, options: CallOptions = {}): Promise<unknown> {
    return await this.#send<unknown>(method, `${method} ${path}`, path, options, {
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /**
   * Opens a watch and yields its events until the server ends it. One stream, no resuming: that is what an informer is
   * for. @throws as {@linkcode watchEvents} says
   */
  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const doing = `watch ${sayAll(type, options)}`;
    const path = collectionPath(type, options.namespace) + query({
      ...selectionQuery(options),
      watch: true,
      resourceVersion: options.resourceVersion,
      resourceVersionMatch: options.sendInitialEvents ? "NotOlderThan" : undefined,
      sendInitialEvents: options.sendInitialEvents || undefined,
      allowWatchBookmarks: options.bookmarks ?? true,
      timeoutSeconds: options.timeoutSeconds,
    });
    const stream = await this.#http.open({
      method: "GET",
      doing,
      path,
      idempotent: true,
      lane: "default",
      timeoutMs: this.#timeoutMs,
      signal: options.signal,
    });
    try {
      yield* watchEvents<T>(stream.body, {
        doing,
        clock: this.#clock,
        signal: options.signal,
        idleTimeoutMs: options.idleTimeoutMs ?? DEFAULTS.idleTimeoutMs,
      });
    } finally {
      stream.dispose();
    }
  }

  /** Lets go of pooled connections. Calls after it fail. */
  close(): void {
    this.#connection.close();
  }

  async #put<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    subresource: "status" | undefined,
    options: WriteOptions,
  ): Promise<T> {
    if (object.metadata.resourceVersion === undefined) {
      // Without it the server would overwrite whatever is there.
      throw new TypeError(`replace ${say(type, object.metadata, subresource)}: metadata.resourceVersion is missing`);
    }
    const path = objectPath(type, object.metadata, subresource) + query(writeQuery(options));
    return await this.#send<T>("PUT", `replace ${say(type, object.metadata, subresource)}`, path, options, {
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
    });
  }

  async #send<R>(
    method: HttpRequest["method"],
    doing: string,
    path: string,
    options: CallOptions,
    content: Partial<Pick<HttpRequest, "body" | "contentType" | "idempotent">> = {},
  ): Promise<R> {
    // PUT is guarded by a version and DELETE names one object: a second one answers 409 or 404 and does no harm.
    const idempotent = method === "GET" || method === "PUT" || method === "DELETE";
    return await this.#http.json({
      method,
      doing,
      path,
      idempotent,
      ...content,
      lane: options.lane ?? "default",
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      signal: options.signal,
    }) as R;
  }
}

function connect(options: KubeClientOptions): Connection {
  if (options.baseUrl === undefined) throw new TypeError("KubeClient: give baseUrl or connection");
  const { token, caPem, certPem, keyPem } = options;
  return httpConnection({
    baseUrl: options.baseUrl,
    credentials: options.credentials ?? fixedCredentials({ token, caPem, certPem, keyPem }),
    http2: options.http2,
  });
}

function say(type: ResourceType, { namespace, name }: ObjectName, subresource?: string): string {
  const part = subresource === undefined ? "" : `${subresource} of `;
  return `${part}${type.kind} ${namespace ? `${namespace}/` : ""}${name}`;
}

function sayAll(type: ResourceType, selection: Selection): string {
  return selection.namespace ? `${type.plural} in ${selection.namespace}` : type.plural;
}

function selectionQuery({ labelSelector, fieldSelector }: Selection): Query {
  return { labelSelector, fieldSelector };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): Query {
  return { fieldManager, dryRun: dryRun ? "All" : undefined };
}

function query(parts: Query): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(parts)) if (value !== undefined) text.set(name, String(value));
  return text.size === 0 ? "" : `?${text}`;
}
