/** Objects of one kind by key, with indexes kept up as they change. @module */
import type { KubeObject, ObjectKey } from "@virtrigaud/kube";
import type { IndexFunction, StoreView } from "./view.ts";

interface Index<T extends KubeObject> {
  readonly valuesOf: IndexFunction<T>;
  readonly keys: Map<string, Set<ObjectKey>>;
}

/** The store behind an informer. Only the informer writes to it. */
export class Store<T extends KubeObject> implements StoreView<T> {
  #objects = new Map<ObjectKey, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(key);
  }

  keys(): IterableIterator<ObjectKey> {
    return this.#objects.keys();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index "${name}": add it with addIndex; there are: ${this.#names()}`);
    const found: T[] = [];
    for (const key of index.keys.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    const present = this.#indexes.get(name);
    if (present?.valuesOf === valuesOf) return;
    if (present !== undefined) throw new Error(`index "${name}" is there already, with another function`);
    const index: Index<T> = { valuesOf, keys: new Map() };
    for (const [key, object] of this.#objects) enter(index, key, object);
    this.#indexes.set(name, index);
  }

  set(key: ObjectKey, object: T): void {
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) leave(index, key, old);
      enter(index, key, object);
    }
  }

  delete(key: ObjectKey): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) leave(index, key, old);
  }

  /** Swaps everything at once: no reader sees a mixture. Gives back what was there. */
  swap(objects: Map<ObjectKey, T>): Map<ObjectKey, T> {
    const old = this.#objects;
    this.#objects = objects;
    for (const index of this.#indexes.values()) {
      index.keys.clear();
      for (const [key, object] of objects) enter(index, key, object);
    }
    return old;
  }

  #names(): string {
    return [...this.#indexes.keys()].join(", ") || "none";
  }
}

function enter<T extends KubeObject>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.valuesOf(object)) {
    const keys = index.keys.get(value);
    if (keys === undefined) index.keys.set(value, new Set([key]));
    else keys.add(key);
  }
}

function leave<T extends KubeObject>(index: Index<T>, key: ObjectKey, object: T): void {
  for (const value of index.valuesOf(object)) {
    const keys = index.keys.get(value);
    if (keys?.delete(key) && keys.size === 0) index.keys.delete(value);
  }
}
