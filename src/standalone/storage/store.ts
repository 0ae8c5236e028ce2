/** The objects of the control plane: in memory for reading, in the revision log for keeping. @module */
import { setImmediate } from "node:timers";
import { type Compaction, type Revision, RevisionLog, type RevisionLogOptions } from "./revision_log.ts";
import { type Change, type JsonObject, StorageError, type Stored } from "./types.ts";

/** Options of {@linkcode Store.open}. */
export interface StoreOptions extends RevisionLogOptions {
  /** Changes kept for watches that resume and for lists at an older revision. Default 10,000. */
  readonly history?: number;
  /** Characters of JSON that these changes may have together; the oldest go first. Default 64 Mi. */
  readonly historySize?: number;
}

/** Called once per committed change, in order, synchronously after the commit. */
export type ChangeListener = (change: Change) => void;

interface Collection {
  readonly entries: Map<string, Stored>;
  /** Entries in key order; dropped by a write and rebuilt by the next list. */
  sorted: readonly Stored[] | undefined;
}

/**
 * Guarantees: revisions grow by one per write over all resources; what {@linkcode Store.settled} acknowledged survives
 * a crash; the `committed` views never show a write that is not durable yet; listeners see every change once, in order.
 *
 * Writes are staged in memory and made durable together at the end of the event-loop turn (group commit), so that the
 * cost of one disk flush is shared by all requests of that turn.
 */
export class Store {
  readonly #log: RevisionLog;
  readonly #capacity: number;
  readonly #sizeLimit: number;
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Set<ChangeListener>();
  /** Changes after {@linkcode compacted}, oldest first; the last `#staged` of them are not durable yet. */
  #history: Change[] = [];
  /** Characters of JSON in the history. */
  #size = 0;
  #staged = 0;
  #next = 1;
  #compacted: number;
  #flush: PromiseWithResolvers<void> | undefined;
  #broken: StorageError | undefined;

  private constructor(log: RevisionLog, options: StoreOptions) {
    this.#log = log;
    this.#capacity = options.history ?? 10_000;
    this.#sizeLimit = options.historySize ?? 64 * 1024 * 1024;
    this.#compacted = log.compacted();
    this.#next = this.#compacted + 1;
    for (const row of log.rows()) this.#load(row);
  }

  /** Opens the database at `path`, or an empty one in memory for `:memory:`. Errors: see {@linkcode RevisionLog.open}. */
  static open(path: string, options: StoreOptions = {}): Store {
    const log = RevisionLog.open(path, options);
    try {
      return new Store(log, options);
    } catch (error) {
      log.close();
      throw error;
    }
  }

  /** The newest durable revision. */
  get revision(): number {
    return this.#next - 1 - this.#staged;
  }

  /** History starts after this revision; what is older can no longer be watched or listed. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Set once the disk has failed in a way that leaves its content unknown; nothing is served from then on. */
  get failure(): StorageError | undefined {
    return this.#broken;
  }

  /** The newest state, including writes of this turn: the base for the next write. */
  get(resource: string, namespace: string, name: string): Stored | undefined {
    return this.#collections.get(resource)?.entries.get(`${namespace}/${name}`);
  }

  /** The newest durable state: what a reader may see. */
  committed(resource: string, namespace: string, name: string): Stored | undefined {
    for (let i = this.#history.length - this.#staged; i < this.#history.length; i++) {
      const change = this.#history[i];
      const at = change?.entry;
      if (at?.resource === resource && at.namespace === namespace && at.name === name) return change?.previous;
    }
    return this.get(resource, namespace, name);
  }

  /** Newest states of a resource in key order (`namespace/name`), including writes of this turn. */
  list(resource: string): readonly Stored[] {
    const collection = this.#collections.get(resource);
    if (collection === undefined) return [];
    return collection.sorted ??= [...collection.entries.entries()]
      .sort(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => entry);
  }

  /** States of a resource as of `revision`, in key order; `undefined` when history no longer reaches back that far. */
  listAt(resource: string, revision: number): readonly Stored[] | undefined {
    if (revision < this.#compacted) return undefined;
    const undone = new Map<string, Stored | undefined>();
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const change = this.#history[i];
      if (change === undefined || change.entry.revision <= revision) break;
      if (change.entry.resource === resource) undone.set(keyOf(change.entry), change.previous);
    }
    const now = this.list(resource);
    if (undone.size === 0) return now;
    const kept = now.filter((entry) => !undone.has(keyOf(entry)));
    for (const entry of undone.values()) if (entry !== undefined) kept.push(entry);
    return kept.sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1);
  }

  /** Durable changes of a resource after `revision`; `undefined` when some of them are forgotten. */
  changesSince(resource: string, revision: number): Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    const end = this.#history.length - this.#staged;
    const changes: Change[] = [];
    for (let i = this.#firstAfter(revision); i < end; i++) {
      const change = this.#history[i];
      if (change?.entry.resource === resource) changes.push(change);
    }
    return changes;
  }

  /** Names of all resources that have ever held an object. */
  resources(): string[] {
    return [...this.#collections.keys()];
  }

  /**
   * Stages `object` as the next state of its key and stamps its revision into `metadata.resourceVersion`. The store
   * owns `object` from here on. Await {@linkcode settled} before acknowledging.
   */
  put(resource: string, namespace: string, name: string, object: JsonObject): Stored {
    const previous = this.get(resource, namespace, name);
    return this.#stage(previous === undefined ? "ADDED" : "MODIFIED", { resource, namespace, name, object }, previous);
  }

  /** Stages the removal of an object; `object` is its last state as watchers shall see it. */
  delete(previous: Stored, object: JsonObject): Stored {
    const { resource, namespace, name } = previous;
    return this.#stage("DELETED", { resource, namespace, name, object }, previous);
  }

  /** Resolves when everything staged so far is durable; rejects when the disk refused it, and it is undone then. */
  settled(): Promise<void> {
    return this.#flush?.promise ?? Promise.resolve();
  }

  /** Calls `listener` for every change from now on. Returns the function that ends it. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes staged writes durable and releases the database. */
  async close(): Promise<void> {
    await this.settled().catch(() => {});
    this.#listeners.clear();
    this.#broken ??= new StorageError("Closed", "the store is closed");
    this.#log.close();
  }

  #stage(type: Change["type"], at: Omit<Stored, "revision" | "json">, previous: Stored | undefined): Stored {
    if (this.#broken !== undefined) throw this.#broken;
    const revision = this.#next++;
    const metadata = at.object.metadata;
    if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)) {
      metadata.resourceVersion = String(revision);
    }
    const entry: Stored = { ...at, revision, json: JSON.stringify(at.object) };
    this.#apply(type === "DELETED" ? undefined : entry, entry);
    this.#remember(previous === undefined ? { type, entry } : { type, entry, previous });
    this.#staged++;
    if (this.#flush === undefined) {
      this.#flush = Promise.withResolvers();
      // Whoever staged awaits `settled`; this only keeps an abandoned rejection from ending the process.
      this.#flush.promise.catch(() => {});
      setImmediate(() => this.#commit());
    }
    return entry;
  }

  #apply(state: Stored | undefined, at: Pick<Stored, "resource" | "namespace" | "name">): void {
    let collection = this.#collections.get(at.resource);
    if (collection === undefined) {
      collection = { entries: new Map(), sorted: undefined };
      this.#collections.set(at.resource, collection);
    }
    if (state === undefined) collection.entries.delete(keyOf(at));
    else collection.entries.set(keyOf(at), state);
    collection.sorted = undefined;
  }

  #commit(): void {
    const flush = this.#flush;
    const batch = this.#history.slice(this.#history.length - this.#staged);
    const compaction = this.#planCompaction();
    this.#flush = undefined;
    try {
      this.#log.append(batch.map(toRevision), compaction);
    } catch (error) {
      this.#undo(batch);
      if (error instanceof StorageError && error.reason !== "Full" && error.reason !== "ReadOnly") this.#broken = error;
      flush?.reject(error);
      return;
    }
    this.#staged = 0;
    if (compaction !== undefined) {
      for (const { entry } of this.#history.splice(0, this.#firstAfter(compaction.through))) {
        this.#size -= entry.json.length;
      }
      this.#compacted = compaction.through;
    }
    flush?.resolve();
    for (const change of batch) for (const listener of [...this.#listeners]) listener(change);
  }

  #undo(batch: readonly Change[]): void {
    for (const change of batch.toReversed()) this.#apply(change.previous, change.entry);
    this.#history.length -= batch.length;
    for (const { entry } of batch) this.#size -= entry.json.length;
    this.#next -= batch.length;
    this.#staged = 0;
  }

  /** Forgets in steps of an eighth, so that the cost of shifting the history is spread over many writes. */
  #planCompaction(): Compaction | undefined {
    const step = 9 / 8;
    if (this.#history.length < this.#capacity * step + 1 && this.#size < this.#sizeLimit * step) return undefined;
    const durable = this.#history.length - this.#staged;
    let count = 0;
    for (let size = this.#size; count < durable; count++) {
      if (this.#history.length - count <= this.#capacity && size <= this.#sizeLimit) break;
      size -= this.#history[count]?.entry.json.length ?? 0;
    }
    const dropped = this.#history.slice(0, count);
    const last = dropped.at(-1);
    if (last === undefined) return undefined;
    const obsolete = dropped.flatMap(({ type, entry, previous }) => [
      ...(previous === undefined ? [] : [previous.revision]),
      ...(type === "DELETED" ? [entry.revision] : []),
    ]);
    return { through: last.entry.revision, obsolete };
  }

  #load(row: Revision): void {
    const { resource, namespace, name, revision, json } = row;
    const entry: Stored = { resource, namespace, name, revision, json, object: JSON.parse(json) };
    const previous = this.get(resource, namespace, name);
    this.#apply(row.deleted ? undefined : entry, entry);
    this.#next = revision + 1;
    if (revision <= this.#compacted) return;
    const type = row.deleted ? "DELETED" : previous === undefined ? "ADDED" : "MODIFIED";
    this.#remember(previous === undefined ? { type, entry } : { type, entry, previous });
  }

  #remember(change: Change): void {
    this.#history.push(change);
    this.#size += change.entry.json.length;
  }

  /** Index of the first change after `revision`. */
  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle]?.entry.revision ?? Infinity) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function keyOf(at: Pick<Stored, "namespace" | "name">): string {
  return `${at.namespace}/${at.name}`;
}

function toRevision({ type, entry }: Change): Revision {
  const { revision, resource, namespace, name, json } = entry;
  return { revision, resource, namespace, name, json, deleted: type === "DELETED" };
}
