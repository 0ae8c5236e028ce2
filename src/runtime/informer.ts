/** The shared view of one kind: a store in step with the API server, and who is told about its changes. @module */
import { apiVersionOf, compareResourceVersions, keyOf, type KubeClient } from "@virtrigaud/kube";
import type { KubeObject, ObjectKey, ResourceType, Selection, WatchEvent } from "@virtrigaud/kube";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { Expectations } from "./expectations.ts";
import { messageOf, noMetrics, type RuntimeLog, type RuntimeMetrics, silentLog } from "./observe.ts";
import { Reflector, type ReflectorSink } from "./reflector.ts";
import { Store } from "./store.ts";
import type { IndexFunction, InformerEvent, InformerHandler, InformerView } from "./view.ts";

/** What is kept, and how it is got. */
export interface InformerOptions<T extends KubeObject = KubeObject> extends Selection {
  /** Changes an object before it is stored, for instance to drop what nobody reads. May change its argument. */
  readonly transform?: (object: T) => T;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** See `ReflectorOptions.initialEvents`; falls back to a list where the server cannot. Default false. */
  readonly initialEvents?: boolean;
  /** Objects per page of a list. Default 500. */
  readonly pageSize?: number;
  /** Streams last this long and up to as much again, in seconds. Default 300. */
  readonly watchSeconds?: number;
  /** A stream that is silent for this long counts as dead. Default 120000 ms: twice the interval of bookmarks. */
  readonly idleTimeoutMs?: number;
}

/** What an informer works with. */
export interface InformerEnvironment {
  readonly client: Pick<KubeClient, "list" | "watch">;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: RuntimeLog;
  readonly metrics?: RuntimeMetrics;
}

/** Deletions remembered per informer, so that a late event cannot bring back what is gone. */
const TOMBSTONES = 1024;

/**
 * Keeps a {@linkcode Store} equal to what the API server has, through cut, slow and broken streams.
 *
 * Guarantees to handlers: per object, changes come in order of its versions, none twice; an object that was told as
 * added is told as deleted before it is told as added again, even if deletion and re-creation were not seen.
 */
export class Informer<T extends KubeObject = KubeObject> implements InformerView<T> {
  readonly type: ResourceType;
  readonly #store = new Store<T>();
  readonly #expectations = new Expectations();
  readonly #tombstones = new Map<ObjectKey, string>();
  readonly #apiVersion: string;
  readonly #transform: ((object: T) => T) | undefined;
  readonly #log: RuntimeLog;
  readonly #metrics: RuntimeMetrics;
  readonly #reflector: Reflector<T>;
  readonly #whenSynced = Promise.withResolvers<void>();
  #handlers: readonly InformerHandler<T>[] = [];
  #beforeList: ReadonlyMap<ObjectKey, string> = new Map();
  #synced = false;

  constructor(environment: InformerEnvironment, type: ResourceType<T>, options: InformerOptions<T> = {}) {
    this.type = type;
    this.#apiVersion = apiVersionOf(type);
    this.#transform = options.transform;
    this.#log = environment.log ?? silentLog;
    this.#metrics = environment.metrics ?? noMetrics;
    for (const [name, index] of Object.entries(options.indexes ?? {})) this.#store.addIndex(name, index);
    const { namespace, labelSelector, fieldSelector } = options;
    this.#reflector = new Reflector<T>({
      client: environment.client,
      type,
      selection: { namespace, labelSelector, fieldSelector },
      initialEvents: options.initialEvents ?? false,
      pageSize: options.pageSize ?? 500,
      watchSeconds: options.watchSeconds ?? 300,
      idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
      clock: environment.clock ?? systemClock,
      random: environment.random ?? Math.random,
      log: this.#log,
      metrics: this.#metrics,
    }, this.#sink());
  }

  /** Follows the API server until `signal` aborts. Call once. */
  run(signal: AbortSignal): Promise<void> {
    return this.#reflector.run(signal);
  }

  get synced(): boolean {
    return this.#synced;
  }

  whenSynced(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return abortable(this.#whenSynced.promise, options.signal);
  }

  get size(): number {
    return this.#store.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#store.get(key);
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#store.keys();
  }

  values(): IterableIterator<T> {
    return this.#store.values();
  }

  byIndex(index: string, value: string): T[] {
    return this.#store.byIndex(index, value);
  }

  addIndex(name: string, index: IndexFunction<T>): void {
    this.#store.addIndex(name, index);
  }

  expect(key: ObjectKey, resourceVersion: string | undefined): void {
    this.#expectations.expect(key, resourceVersion);
  }

  isOwn(key: ObjectKey): boolean {
    const version = this.#store.get(key)?.metadata.resourceVersion;
    return version !== undefined && this.#expectations.isOwn(key, version);
  }

  fresh(key: ObjectKey): boolean {
    return this.#expectations.fresh(key);
  }

  whenFresh(key: ObjectKey, callback: () => void): void {
    this.#expectations.whenFresh(key, callback);
  }

  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers = [...this.#handlers, handler];
    for (const object of this.#store.values()) {
      this.#tell([handler], { type: "Added", object, initial: true })?.catch(() => {});
    }
    return () => {
      this.#handlers = this.#handlers.filter((candidate) => candidate !== handler);
    };
  }

  #sink(): ReflectorSink<T> {
    return {
      listing: () => {
        this.#beforeList = this.#expectations.snapshot();
      },
      replace: (items, version) => this.#replace(items, version),
      change: (event) => this.#change(event),
      progress: (version) => this.#expectations.advance(version),
    };
  }

  #prepare(object: T): T {
    // Copied without the field, not deleted: `delete` would turn the object into a slow and large dictionary.
    const { managedFields: _dropped, ...metadata } = object.metadata as T["metadata"] & { managedFields?: unknown };
    object.metadata = metadata as T["metadata"];
    object.apiVersion = this.#apiVersion;
    object.kind = this.type.kind;
    return this.#transform === undefined ? object : this.#transform(object);
  }

  #change(event: Exclude<WatchEvent<T>, { type: "BOOKMARK" }>): void | Promise<void> {
    const object = this.#prepare(event.object);
    const key = keyOf(object);
    const version = object.metadata.resourceVersion;
    const old = this.#store.get(key);
    let changes: InformerEvent<T>[];
    if (event.type === "DELETED") {
      if (isOlder(version, old?.metadata.resourceVersion)) return;
      this.#bury(key, version);
      // The last state when it is of the object that was told as added; of another one that nobody saw, nothing is told.
      const last = old?.metadata.uid === object.metadata.uid ? object : old;
      changes = last === undefined || old === undefined ? [] : [{ type: "Deleted", object: last, initial: false }];
      this.#store.delete(key);
    } else {
      const known = old?.metadata.resourceVersion ?? this.#tombstones.get(key);
      if (known === version || isOlder(version, known)) return;
      this.#store.set(key, object);
      changes = difference(old, object, false);
    }
    this.#expectations.late(key, version);
    const held = this.#tellAll(changes);
    // After the handlers: keys that wait for this version are woken by their own change, and not a second time.
    this.#expectations.advance(version);
    return held;
  }

  async #replace(items: T[], version: string | undefined): Promise<void> {
    const fresh = new Map<ObjectKey, T>();
    for (const item of items) {
      const key = keyOf(item);
      const known = this.#store.get(key);
      const same = known !== undefined && known.metadata.resourceVersion === item.metadata.resourceVersion;
      // What has not changed stays the object that handlers were told of.
      fresh.set(key, same ? known : this.#prepare(item));
    }
    const old = this.#store.swap(fresh);
    this.#tombstones.clear();
    this.#expectations.restart(version, this.#beforeList);
    if (!this.#synced) {
      this.#synced = true;
      this.#whenSynced.resolve();
    }
    const changes: InformerEvent<T>[] = [];
    for (const [key, object] of old) {
      if (!fresh.has(key)) changes.push({ type: "Deleted", object, initial: true });
    }
    for (const [key, object] of fresh) {
      const before = old.get(key);
      if (before === object) continue;
      for (const change of difference(before, object, true)) changes.push(change);
    }
    await this.#tellAll(changes);
  }

  #bury(key: ObjectKey, version: string | undefined): void {
    if (version === undefined) return;
    this.#tombstones.delete(key);
    this.#tombstones.set(key, version);
    if (this.#tombstones.size <= TOMBSTONES) return;
    for (const oldest of this.#tombstones.keys()) {
      this.#tombstones.delete(oldest);
      break;
    }
  }

  /** Tells all handlers of now, in order; a promise when one of them holds the stream back. */
  #tellAll(changes: readonly InformerEvent<T>[]): void | Promise<void> {
    this.#metrics.gauge("informer_objects", { kind: this.type.kind }, this.#store.size);
    const handlers = this.#handlers;
    for (const [index, change] of changes.entries()) {
      const held = this.#tell(handlers, change);
      if (held === undefined) continue;
      return (async () => {
        await held;
        for (const next of changes.slice(index + 1)) await this.#tell(handlers, next);
      })();
    }
  }

  #tell(handlers: readonly InformerHandler<T>[], event: InformerEvent<T>): Promise<void> | undefined {
    let held: Promise<void>[] | undefined;
    for (const handler of handlers) {
      try {
        const result = handler(event);
        if (result !== undefined) (held ??= []).push(result.catch((error) => this.#report(error, event)));
      } catch (error) {
        this.#report(error, event);
      }
    }
    return held === undefined ? undefined : Promise.all(held).then(() => {});
  }

  #report(error: unknown, event: InformerEvent<T>): void {
    const { kind } = this.type;
    this.#metrics.count("informer_handler_errors_total", { kind });
    this.#log.error(`a handler of ${kind} failed`, {
      kind,
      key: keyOf(event.object),
      change: event.type,
      error: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
  }
}

/** What handlers are told when `old` gives way to `object`: another object of the same name is a deletion first. */
function difference<T extends KubeObject>(old: T | undefined, object: T, initial: boolean): InformerEvent<T>[] {
  if (old === undefined) return [{ type: "Added", object, initial }];
  if (old.metadata.uid === object.metadata.uid) return [{ type: "Updated", object, old, initial }];
  return [{ type: "Deleted", object: old, initial }, { type: "Added", object, initial }];
}

function isOlder(version: string | undefined, than: string | undefined): boolean {
  return version !== undefined && than !== undefined && compareResourceVersions(version, than) < 0;
}

/** `promise`, or the reason of `signal` as soon as it aborts. */
function abortable<R>(promise: Promise<R>, signal: AbortSignal | undefined): Promise<R> {
  if (signal === undefined) return promise;
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
