/** What keeps the set of objects whole: owner references, emptied namespaces, forgotten events. @module */
import type { Change, JsonObject, Stored } from "../storage/mod.ts";
import { child, clone, ensureChild, items, objectOf, strings, text } from "./json.ts";
import { type Propagation, removeEntry } from "./delete.ts";
import { FOREGROUND, metaOf, ORPHAN } from "./meta.ts";
import type { Registry } from "./resource.ts";
import { isDeleted, type WriteContext } from "./write.ts";

/** How long an Event is kept after it was last seen. */
const EVENT_TTL_MS = 3_600_000;
const EVENT_SWEEP_MS = 60_000;

/**
 * Follows the store and acts on what it sees, in the turn after the change was made durable.
 *
 * Guarantees: a dependent is removed only when every owner it names is gone; an object deleted in the foreground stays
 * until its blocking dependents are gone; a namespace stays until it is empty.
 */
export class Collector {
  readonly #context: WriteContext;
  readonly #registry: Registry;
  /** Where the object with a UID is. */
  readonly #byUid = new Map<string, Stored>();
  /** Objects that name a UID as owner, by storage key. */
  readonly #dependents = new Map<string, Map<string, Stored>>();
  readonly #dirty = new Map<string, Stored>();
  readonly #unsubscribe: () => void;
  #cancelSweep: () => void;
  #scheduled = false;
  #closed = false;

  constructor(context: WriteContext, registry: Registry) {
    this.#context = context;
    this.#registry = registry;
    for (const resource of context.store.resources()) {
      for (const entry of context.store.list(resource)) this.#learn({ type: "ADDED", entry });
    }
    this.#unsubscribe = context.store.subscribe((change) => this.#learn(change));
    const sweep = (): void => {
      this.#expireEvents();
      this.#cancelSweep = context.clock.setTimeout(sweep, EVENT_SWEEP_MS);
    };
    this.#cancelSweep = context.clock.setTimeout(sweep, EVENT_SWEEP_MS);
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#cancelSweep();
  }

  #learn({ type, entry, previous }: Change): void {
    const uid = text(metaOf(entry.object), "uid");
    const key = keyOf(entry);
    for (const owner of previous === undefined ? [] : owners(previous.object)) this.#dependents.get(owner)?.delete(key);
    if (type === "DELETED") {
      this.#byUid.delete(uid);
      for (const dependent of this.#dependents.get(uid)?.values() ?? []) this.#mark(dependent);
      for (const owner of owners(entry.object)) this.#markUid(owner);
      const namespace = this.#context.store.get("namespaces", "", entry.namespace);
      if (namespace !== undefined) this.#mark(namespace);
    } else {
      this.#byUid.set(uid, entry);
      for (const owner of owners(entry.object)) {
        let dependents = this.#dependents.get(owner);
        if (dependents === undefined) this.#dependents.set(owner, dependents = new Map());
        dependents.set(key, entry);
        this.#markUid(owner);
      }
      this.#mark(entry);
    }
  }

  #markUid(uid: string): void {
    const entry = this.#byUid.get(uid);
    if (entry !== undefined) this.#mark(entry);
  }

  #mark(entry: Stored): void {
    const meta = metaOf(entry.object);
    const relevant = meta.deletionTimestamp !== undefined || items(meta, "ownerReferences").length > 0;
    if (!relevant) return;
    this.#dirty.set(keyOf(entry), entry);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#work());
  }

  #work(): void {
    this.#scheduled = false;
    if (this.#closed || this.#context.store.failure !== undefined) return;
    const dirty = [...this.#dirty.values()];
    this.#dirty.clear();
    for (const { resource, namespace, name } of dirty) {
      // Only the newest state counts; the marked one may be history by now.
      const entry = this.#context.store.get(resource, namespace, name);
      if (entry !== undefined) this.#settle(entry);
    }
  }

  #settle(entry: Stored): void {
    const meta = metaOf(entry.object);
    const deleting = text(meta, "deletionTimestamp") !== "";
    if (!deleting) return this.#checkOwners(entry);
    const finalizers = strings(meta, "finalizers");
    const dependents = this.#dependentsOf(text(meta, "uid"));
    if (finalizers.includes(ORPHAN)) {
      for (const dependent of dependents) this.#disown(dependent, (uid) => uid !== meta.uid);
      this.#dropFinalizer(entry, ORPHAN);
    } else if (finalizers.includes(FOREGROUND)) {
      const blocking = dependents.filter((dependent) => blocks(dependent, text(meta, "uid")));
      for (const dependent of dependents) {
        if (metaOf(dependent.object).deletionTimestamp === undefined) this.#remove(dependent, "Foreground");
      }
      if (blocking.every((dependent) => this.#current(dependent) === undefined)) this.#dropFinalizer(entry, FOREGROUND);
    } else if (entry.resource === "namespaces") this.#emptyNamespace(entry);
  }

  #checkOwners(entry: Stored): void {
    const references = items(metaOf(entry.object), "ownerReferences").map((item) => objectOf(item) ?? {});
    const known = references.filter((reference) => this.#served(reference));
    // An owner of a kind that is not served cannot be looked up, so it cannot be called absent.
    if (references.length === 0 || known.length < references.length) return;
    const present = references.filter((reference) => this.#byUid.has(text(reference, "uid")));
    if (present.length === references.length) return;
    if (present.length > 0) return this.#disown(entry, (uid) => this.#byUid.has(uid));
    this.#remove(entry, "Background");
  }

  #served(reference: JsonObject): boolean {
    return this.#registry.resources.some((r) =>
      r.kind === reference.kind &&
      text(reference, "apiVersion").split("/")[0] === (r.group === "" ? r.version : r.group)
    );
  }

  #emptyNamespace(entry: Stored): void {
    const inside = this.#context.store.resources().flatMap((resource) =>
      this.#context.store.list(resource).filter((item) => item.namespace === entry.name)
    );
    for (const item of inside) this.#remove(item, "Background");
    if (inside.some((item) => this.#current(item) !== undefined)) return;
    const object = clone(entry.object);
    delete ensureChild(object, "spec").finalizers;
    this.#put(entry, object);
  }

  #dependentsOf(uid: string): Stored[] {
    return [...this.#dependents.get(uid)?.values() ?? []].flatMap((dependent) => this.#current(dependent) ?? []);
  }

  #current({ resource, namespace, name }: Stored): Stored | undefined {
    return this.#context.store.get(resource, namespace, name);
  }

  #remove(entry: Stored, policy: Propagation): void {
    const resource = this.#registry.stored(entry.resource);
    const current = this.#current(entry);
    if (resource === undefined || current === undefined) return;
    const waits = policy === "Foreground" && this.#dependentsOf(text(metaOf(current.object), "uid")).length === 0;
    removeEntry(this.#context, resource, current, waits ? "Background" : policy);
  }

  #disown(entry: Stored, keep: (uid: string) => boolean): void {
    const current = this.#current(entry);
    if (current === undefined) return;
    const object = clone(current.object);
    const meta = ensureChild(object, "metadata");
    const left = items(meta, "ownerReferences").filter((item) => keep(text(objectOf(item) ?? {}, "uid")));
    if (left.length > 0) meta.ownerReferences = left;
    else delete meta.ownerReferences;
    this.#put(current, object);
  }

  #dropFinalizer(entry: Stored, finalizer: string): void {
    const object = clone(entry.object);
    const meta = ensureChild(object, "metadata");
    const left = strings(meta, "finalizers").filter((name) => name !== finalizer);
    if (left.length > 0) meta.finalizers = left;
    else delete meta.finalizers;
    this.#put(entry, object);
  }

  #put(entry: Stored, object: JsonObject): void {
    const { store } = this.#context;
    if (isDeleted(object)) store.delete(entry, object);
    else store.put(entry.resource, entry.namespace, entry.name, object);
  }

  #expireEvents(): void {
    if (this.#context.store.failure !== undefined) return;
    const oldest = this.#context.clock.now() - EVENT_TTL_MS;
    for (const entry of this.#context.store.list("events")) {
      if (lastSeen(entry.object) < oldest) this.#remove(entry, "Background");
    }
  }
}

function keyOf({ resource, namespace, name }: Stored): string {
  return `${resource}/${namespace}/${name}`;
}

function owners(object: JsonObject): string[] {
  return items(metaOf(object), "ownerReferences").map((item) => text(objectOf(item) ?? {}, "uid"));
}

function blocks(dependent: Stored, uid: string): boolean {
  return items(metaOf(dependent.object), "ownerReferences").some((item) => {
    const reference = objectOf(item) ?? {};
    return reference.uid === uid && reference.blockOwnerDeletion === true;
  });
}

function lastSeen(event: JsonObject): number {
  const times = [
    text(metaOf(event), "creationTimestamp"),
    text(event, "lastTimestamp"),
    text(event, "eventTime"),
    text(child(event, "series"), "lastObservedTime"),
  ];
  return Math.max(...times.map((time) => Date.parse(time)).filter((time) => !Number.isNaN(time)));
}
