/** Objects of the fake API server and the history of their changes. @module */
import type { UntypedObject } from "../object.ts";

/** A change as a watch tells it. `collection` is the path without namespace: `/api/v1/secrets`. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly collection: string;
  readonly version: number;
  readonly object: UntypedObject;
}

/** Where an object lives. */
export interface Address {
  readonly collection: string;
  readonly namespace: string;
  readonly name: string;
}

/** Answer of the fake API server that is not a success. */
export class Refusal extends Error {
  constructor(readonly code: number, readonly reason: string, message: string) {
    super(message);
  }
}

/** Resource versions start here, so that tests cross from three digits to four. */
const FIRST_VERSION = 990;

/** Object store with one counter of versions, history for watches, optimistic locking, generation and finalizers. */
export class FakeStore {
  #version = FIRST_VERSION;
  #uid = 0;
  /** Changes up to this version are forgotten; a watch from before answers 410. */
  #compacted = 0;
  readonly #objects = new Map<string, UntypedObject>();
  readonly history: Change[] = [];
  /** Told about each change. */
  onChange: (change: Change) => void = () => {};

  get version(): number {
    return this.#version;
  }

  /** Objects of a collection, of one namespace or all, in order of their keys. */
  list(collection: string, namespace = ""): UntypedObject[] {
    const prefix = namespace === "" ? `${collection}|` : `${collection}|${namespace}|`;
    return [...this.#objects.keys()].filter((id) => id.startsWith(prefix)).sort()
      .flatMap((id) => this.#objects.get(id) ?? []);
  }

  find(address: Address): UntypedObject | undefined {
    return this.#objects.get(idOf(address));
  }

  get(address: Address): UntypedObject {
    const object = this.find(address);
    if (object === undefined) throw new Refusal(404, "NotFound", `${address.name} not found`);
    return object;
  }

  create(address: Address, body: UntypedObject): UntypedObject {
    if (this.find(address) !== undefined) throw new Refusal(409, "AlreadyExists", `${address.name} already exists`);
    const { name, namespace } = address;
    const metadata = {
      ...body.metadata,
      name,
      ...(namespace === "" ? {} : { namespace }),
      uid: `uid-${++this.#uid}`,
      generation: 1,
      managedFields: [{ manager: "fake" }],
    };
    return this.#write("ADDED", address, { ...body, metadata });
  }

  /** Replaces an object, or with `part` its status only. */
  update(address: Address, body: UntypedObject, part?: "status"): UntypedObject {
    const old = this.get(address);
    const { resourceVersion, uid } = body.metadata;
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw new Refusal(409, "Conflict", "the object has been modified");
    }
    if (uid !== undefined && uid !== old.metadata.uid) throw new Refusal(409, "Conflict", "the UID differs");
    const { uid: sameUid, generation = 1, deletionTimestamp, namespace, name } = old.metadata;
    const next: UntypedObject = part === "status" ? { ...old, status: body.status } : {
      ...body,
      status: old.status,
      metadata: { ...old.metadata, ...body.metadata, uid: sameUid, deletionTimestamp, namespace, name },
    };
    const specChanged = JSON.stringify(next.spec) !== JSON.stringify(old.spec);
    next.metadata = { ...next.metadata, generation: specChanged ? generation + 1 : generation };
    if (withoutVersion(next) === withoutVersion(old)) return old;
    if (deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0) return this.#remove(address);
    return this.#write("MODIFIED", address, next);
  }

  delete(address: Address, preconditions: { uid?: string; resourceVersion?: string } = {}): UntypedObject {
    const old = this.get(address);
    const { uid, resourceVersion, finalizers, deletionTimestamp } = old.metadata;
    if ((preconditions.uid ?? uid) !== uid || (preconditions.resourceVersion ?? resourceVersion) !== resourceVersion) {
      throw new Refusal(409, "Conflict", "a precondition failed");
    }
    if ((finalizers ?? []).length === 0) return this.#remove(address);
    if (deletionTimestamp !== undefined) return old;
    const metadata = { ...old.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
    return this.#write("MODIFIED", address, { ...old, metadata });
  }

  /** Changes after `version`. @throws Refusal 410 when they are forgotten */
  since(version: number, collection: string): Change[] {
    if (version < this.#compacted) throw new Refusal(410, "Expired", `too old resource version: ${version}`);
    return this.history.filter((change) => change.collection === collection && change.version > version);
  }

  /** Forgets the history so far. */
  compact(): void {
    this.#compacted = this.#version;
    this.history.length = 0;
  }

  #write(type: "ADDED" | "MODIFIED", address: Address, object: UntypedObject): UntypedObject {
    const stored = this.#stamp(object);
    this.#objects.set(idOf(address), stored);
    this.#log({ type, collection: address.collection, version: this.#version, object: stored });
    return stored;
  }

  #remove(address: Address): UntypedObject {
    const gone = this.#stamp(this.get(address));
    this.#objects.delete(idOf(address));
    this.#log({ type: "DELETED", collection: address.collection, version: this.#version, object: gone });
    return gone;
  }

  #stamp(object: UntypedObject): UntypedObject {
    const resourceVersion = String(++this.#version);
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  }

  #log(change: Change): void {
    this.history.push(change);
    this.onChange(change);
  }
}

function idOf({ collection, namespace, name }: Address): string {
  return `${collection}|${namespace}|${name}`;
}

function withoutVersion(object: UntypedObject): string {
  return JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: undefined } });
}

/** JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === "object" && target !== null && !Array.isArray(target) ? target : {};
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}
