/** What controllers see of an informer: the store, its changes, and whether it has caught up. @module */
import type { KubeObject, ObjectKey, ResourceType } from "@virtrigaud/kube";

/**
 * Objects of one kind as last seen. Objects are shared between all readers: treat them as frozen and copy before
 * changing anything.
 */
export interface StoreView<T extends KubeObject = KubeObject> {
  readonly size: number;
  get(key: ObjectKey): T | undefined;
  keys(): IterableIterator<ObjectKey>;
  values(): IterableIterator<T>;
  /** Objects for which the index function gave `value`. @throws when there is no such index */
  byIndex(index: string, value: string): T[];
}

/**
 * A change of the store. `initial` is true for what a (re)list found: state that is there, not somebody's action just
 * now. A relist that finds an object gone tells its deletion with the last object seen.
 */
export type InformerEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "Added"; readonly object: T; readonly initial: boolean }
  | { readonly type: "Updated"; readonly object: T; readonly old: T; readonly initial: boolean }
  | { readonly type: "Deleted"; readonly object: T; readonly initial: boolean };

/**
 * Told about every change, after the store has taken it in. A promise holds the stream back until it settles. What it
 * throws is logged and counted, and neither stops the stream nor keeps other handlers from being told.
 */
export type InformerHandler<T extends KubeObject = KubeObject> = (event: InformerEvent<T>) => void | Promise<void>;

/** Values of an object under an index. */
export type IndexFunction<T extends KubeObject = KubeObject> = (object: T) => Iterable<string>;

/** Store, changes and progress of one kind. */
export interface InformerView<T extends KubeObject = KubeObject> extends StoreView<T> {
  readonly type: ResourceType;
  /** The store has held the complete state once. */
  readonly synced: boolean;
  /** Resolves when `synced` turns true. */
  whenSynced(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Adds an index; may be called at any time. @throws when the name is taken by another function */
  addIndex(name: string, index: IndexFunction<T>): void;
  /** Adds a handler and tells it what is in the store already. Returns how to take it away. */
  addHandler(handler: InformerHandler<T>): () => void;
  /**
   * Reads-your-writes: reconciles of `key` wait until this store has seen `resourceVersion`, the version that a write
   * of that reconcile was answered with. `key` is the key of the reconcile, whatever object was written.
   */
  expect(key: ObjectKey, resourceVersion: string | undefined): void;
  /**
   * Whether the version of `key` in this store is one that `expect` was told of, or older: everybody who writes an object
   * names the version that is overwritten. `false` for what was written long ago.
   */
  isOwn(key: ObjectKey): boolean;
  /** Whether all that was expected for `key` has been seen. */
  fresh(key: ObjectKey): boolean;
  /** Calls `callback` once when `key` is fresh; at once when it is already. */
  whenFresh(key: ObjectKey, callback: () => void): void;
}
