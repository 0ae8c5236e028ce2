/** An API server in memory that keeps the protocol, and breaks it on demand. @module */
import { type CancelTimer, type Clock, systemClock } from "@virtrigaud/resilience";
import type { Connection } from "../connection.ts";
import type { UntypedObject } from "../object.ts";
import { type Address, type Change, FakeStore, mergePatch, Refusal } from "./fake_store.ts";
import { FakeWatch, type WatchFaults } from "./fake_watch.ts";

/** A request as faults and assertions see it. */
export interface SeenRequest {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete" | "other";
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Plural name, such as `secrets`. */
  readonly plural: string;
  readonly subresource: string | undefined;
  readonly headers: Headers;
}

/** What to do instead of answering. */
export type Fault =
  | { readonly type: "status"; readonly code: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection breaks; with `after`, once the request has been carried out. */
  | { readonly type: "drop"; readonly after?: boolean }
  /** Nothing comes, ever. */
  | { readonly type: "hang" }
  /** The answer comes late, on the server's clock. */
  | { readonly type: "delay"; readonly ms: number }
  | { readonly type: "body"; readonly text: string };

interface Rule {
  readonly matches: (request: SeenRequest) => boolean;
  readonly fault: Fault;
  left: number;
}

const PATH = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;

/**
 * Fake API server: any group and kind, lists in pages, watches with history and bookmarks, optimistic locking, status,
 * merge patches and apply (as a merge), finalizers. No schema, no authentication.
 */
export class FakeApiServer {
  readonly store = new FakeStore();
  /** Every request so far. */
  readonly requests: SeenRequest[] = [];
  readonly watchFaults: WatchFaults = { stalled: false, duplicate: false, reorder: false };
  /** Answer a watch from a forgotten version with an ERROR event instead of HTTP 410. */
  goneAsEvent = false;
  /** Whether `sendInitialEvents` is supported. */
  initialEvents = true;
  readonly #clock: Clock;
  readonly #watches = new Map<FakeWatch, CancelTimer>();
  #rules: Rule[] = [];

  constructor(options: { readonly clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.store.onChange = (change) => {
      for (const watch of this.watches) if (watch.collection === change.collection) watch.send(change);
    };
  }

  /** Open watch streams. */
  get watches(): FakeWatch[] {
    return [...this.#watches.keys()].filter((watch) => !watch.closed);
  }

  /** Lets the next `times` (default 1) matching requests fail. */
  fail(matches: Rule["matches"], fault: Fault, times = 1): void {
    this.#rules.push({ matches, fault, left: times });
  }

  /** Takes back all faults. */
  heal(): void {
    this.#rules = [];
    Object.assign(this.watchFaults, { stalled: false, duplicate: false, reorder: false });
    for (const watch of this.watches) watch.flush();
  }

  /** Sends a bookmark of the present version to all watches. */
  bookmark(): void {
    for (const watch of this.watches) watch.bookmark(this.store.version);
  }

  /** Requests by verb, such as how many writes there were. */
  count(...verbs: SeenRequest["verb"][]): number {
    return this.requests.filter((request) => verbs.includes(request.verb)).length;
  }

  /** Connection of a client in the same process: no socket, so that everything can run on a fake clock. */
  connection(): Connection {
    return {
      baseUrl: "http://fake.invalid",
      fetch: (path, init) => this.handle(new Request(`http://fake.invalid${path}`, init)),
      invalidate() {},
      close() {},
    };
  }

  /** Serves on a free port of this machine. */
  serve(): { readonly url: string; close(): Promise<void> } {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => this.handle(request));
    return {
      url: `http://127.0.0.1:${server.addr.port}`,
      close: async () => {
        for (const watch of this.watches) watch.end();
        await server.shutdown();
      },
    };
  }

  /** Ends all watches; call at the end of a test. */
  close(): void {
    for (const [watch, cancel] of this.#watches) {
      cancel();
      watch.end();
    }
    this.#watches.clear();
  }

  /** Answers one request. */
  async handle(request: Request): Promise<Response> {
    const seen = see(request);
    this.requests.push(seen);
    const body = request.body === null ? undefined : await request.text();
    const rule = this.#rules.find((candidate) => candidate.left > 0 && candidate.matches(seen));
    if (rule !== undefined) {
      rule.left--;
      const { fault } = rule;
      switch (fault.type) {
        case "status":
          return refuse(fault.code, fault.reason ?? "", "on demand of the test", fault.retryAfterSeconds);
        case "drop":
          if (fault.after) await this.#answer(seen, body, request.signal);
          throw new TypeError("connection reset by peer");
        case "hang":
          return await new Promise((_, reject) => onAbort(request.signal, () => reject(request.signal.reason)));
        case "delay":
          await this.#clock.sleep(fault.ms, { signal: request.signal });
          break;
        case "body":
          return new Response(fault.text);
      }
    }
    return this.#answer(seen, body, request.signal);
  }

  #answer(seen: SeenRequest, body: string | undefined, signal: AbortSignal): Response {
    try {
      const address = addressOf(seen.path);
      if (address === undefined) return Response.json({ status: "ok" });
      if (seen.verb === "watch") return this.#watch(seen, address, signal);
      return Response.json(this.#do(seen, address, body === undefined ? undefined : JSON.parse(body)));
    } catch (error) {
      if (error instanceof Refusal) return refuse(error.code, error.reason, error.message);
      throw error;
    }
  }

  #do(seen: SeenRequest, address: Address, body: UntypedObject): unknown {
    const { store } = this;
    const part = seen.subresource === "status" ? "status" : undefined;
    switch (seen.verb) {
      case "get":
        return store.get(address);
      case "list":
        return this.#list(seen, address);
      case "create":
        return store.create({ ...address, name: body.metadata.name }, body);
      case "update":
        return store.update(address, body, part);
      case "patch":
        return store.update(address, mergePatch(withoutVersion(store.get(address)), body) as UntypedObject, part);
      case "apply": {
        const present = store.find(address);
        if (present === undefined) return store.create(address, body);
        return store.update(address, mergePatch(withoutVersion(present), body) as UntypedObject, part);
      }
      case "delete":
        return store.delete(address, (body?.preconditions as Record<string, string>) ?? {});
      default:
        throw new Refusal(405, "MethodNotAllowed", `${seen.method} ${seen.path}`);
    }
  }

  #list({ query }: SeenRequest, { collection, namespace }: Address): unknown {
    const matches = selector(query);
    const all = this.store.list(collection, namespace).filter(matches);
    const token = query.get("continue");
    const [offset = 0, version = this.store.version] = token === null ? [] : token.split("-").map(Number);
    // A page must be of the version of the first; this fake keeps no old versions, so that a change expires the token.
    if (token !== null && version !== this.store.version) throw new Refusal(410, "Expired", "continue token expired");
    const limit = Number(query.get("limit") ?? 0) || all.length;
    const more = offset + limit < all.length ? `${offset + limit}-${version}` : undefined;
    const items = all.slice(offset, offset + limit).map(({ apiVersion: _a, kind: _k, ...item }) => item);
    return { kind: "List", metadata: { resourceVersion: `${version}`, continue: more }, items };
  }

  #watch({ query }: SeenRequest, { collection, namespace }: Address, signal: AbortSignal): Response {
    const bySelector = selector(query);
    const matches = (object: UntypedObject) =>
      (namespace === "" || object.metadata.namespace === namespace) && bySelector(object);
    const initial = query.get("sendInitialEvents") === "true";
    if (initial && !this.initialEvents) throw new Refusal(422, "Invalid", "sendInitialEvents is forbidden");
    const from = query.get("resourceVersion") ?? "";
    let missed: Change[] = [];
    let gone: Refusal | undefined;
    try {
      if (!initial && from !== "") missed = this.store.since(Number(from), collection);
    } catch (error) {
      if (!(error instanceof Refusal) || !this.goneAsEvent) throw error;
      gone = error;
    }
    const watch = new FakeWatch(collection, matches, this.watchFaults, () => this.#forget(watch));
    const seconds = Number(query.get("timeoutSeconds") ?? 0);
    this.#watches.set(
      watch,
      seconds === 0 ? () => {} : this.#clock.setTimeout(() => {
        watch.end();
        this.#forget(watch);
      }, seconds * 1000),
    );
    onAbort(signal, () => {
      watch.cut(signal.reason);
      this.#forget(watch);
    });
    if (gone !== undefined) watch.error(gone.code, gone.reason);
    if (initial || from === "") {
      for (const object of this.store.list(collection, namespace)) {
        watch.send({ type: "ADDED", collection, version: Number(object.metadata.resourceVersion), object });
      }
    }
    if (initial) watch.bookmark(this.store.version, { "k8s.io/initial-events-end": "true" });
    for (const change of missed) watch.send(change);
    return new Response(watch.body, { headers: { "content-type": "application/json;stream=watch" } });
  }

  #forget(watch: FakeWatch): void {
    this.#watches.get(watch)?.();
    this.#watches.delete(watch);
  }
}

function see(request: Request): SeenRequest {
  const { pathname, searchParams } = new URL(request.url);
  const [, , , plural = "", name, subresource] = PATH.exec(pathname) ?? [];
  const verb = ((): SeenRequest["verb"] => {
    switch (request.method) {
      case "GET":
        if (plural === "") return "other";
        return searchParams.has("watch") ? "watch" : name === undefined ? "list" : "get";
      case "POST":
        return "create";
      case "PUT":
        return "update";
      case "PATCH":
        return request.headers.get("content-type")?.includes("apply") ? "apply" : "patch";
      case "DELETE":
        return "delete";
      default:
        return "other";
    }
  })();
  const { method, headers } = request;
  return { verb, method, path: pathname, query: searchParams, plural, subresource, headers };
}

function addressOf(path: string): Address | undefined {
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const [, root = "", namespace = "", plural = "", name = ""] = match.map((part) => decodeURIComponent(part ?? ""));
  return { collection: `${root}/${plural}`, namespace, name };
}

function refuse(code: number, reason: string, message: string, retryAfterSeconds?: number): Response {
  const headers: Record<string, string> = retryAfterSeconds === undefined
    ? {}
    : { "retry-after": `${retryAfterSeconds}` };
  return Response.json({ kind: "Status", status: "Failure", code, reason, message }, { status: code, headers });
}

/** Equality selectors of labels, and `metadata.name` and `metadata.namespace` as fields. */
function selector(query: URLSearchParams): (object: UntypedObject) => boolean {
  const pairs = (name: string) =>
    (query.get(name) ?? "").split(",").filter((part) => part !== "").map((part) => part.split(/==?/));
  const [labels, fields] = [pairs("labelSelector"), pairs("fieldSelector")];
  return ({ metadata }) =>
    labels.every(([name = "", value]) => metadata.labels?.[name] === value) &&
    fields.every(([path, value]) =>
      (path === "metadata.name" && metadata.name === value) ||
      (path === "metadata.namespace" && metadata.namespace === value)
    );
}

/** A patch says which version it is for; what it does not say must not come from the object. */
function withoutVersion(object: UntypedObject): UntypedObject {
  const { resourceVersion: _version, uid: _uid, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function onAbort(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) callback();
  else signal.addEventListener("abort", callback, { once: true });
}
