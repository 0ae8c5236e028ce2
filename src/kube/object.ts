/** What every Kubernetes object has, as far as a generic client needs to know it. @module */

/** Points from an object to the one that owns it. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** `metadata` of an object. Structural: any type with these fields fits. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

/** The least that an object is. Kinds with a type of their own are assignable to it. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** An object of a kind without a type of its own. */
export interface UntypedObject extends KubeObject {
  [field: string]: unknown;
}

/** Metadata of a list: the version to watch from, and how to get the next page. */
export interface ListMeta {
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

/** A page of objects, or all of them. */
export interface KubeList<T extends KubeObject = KubeObject> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

/** Names an object of a known kind. `namespace` is left out for cluster-wide kinds. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** `namespace/name`, or `name` for a cluster-wide object: what stores and queues are keyed by. */
export type ObjectKey = string;

/** Key of an object or of its name. */
export function keyOf(target: { readonly metadata: ObjectName } | ObjectName): ObjectKey {
  const { namespace, name } = "metadata" in target ? target.metadata : target;
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** The opposite of {@linkcode keyOf}. */
export function nameOf(key: ObjectKey): ObjectName {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * Orders two resource versions: negative when `a` is older, 0 when equal, positive when newer.
 *
 * Versions of one kind are decimal numbers that grow, which Kubernetes promises since 1.35 and kept before (KEP-5504).
 * They exceed the integers of a double, so that they are compared as digits.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
