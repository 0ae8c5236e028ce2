/** Which kinds there are and where the API server serves them. @module */
import type { KubeObject, ObjectName } from "./object.ts";

/** A kind as the API server serves it. A kind's full definition fits wherever this is asked for. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Name in URLs: plural, lower case. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the TypeScript type of the objects, so that calls infer it. */
  readonly objectType?: T;
}

/** `group/version`, or `version` in the core group. */
export function apiVersionOf(type: Pick<ResourceType, "group" | "version">): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** Names a kind with the TypeScript type of its objects. */
export function resourceType<T extends KubeObject>(
  type: Pick<ResourceType, "group" | "version" | "kind" | "plural" | "namespaced">,
): ResourceType<T> {
  return type;
}

/** Path of a collection; across all namespaces when none is given. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  if (namespace === undefined || namespace === "") return `${root}/${type.plural}`;
  if (!type.namespaced) throw new TypeError(`${type.kind} is cluster-wide: leave out the namespace "${namespace}"`);
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/** Path of one object, or of a subresource such as `status`. */
export function objectPath(type: ResourceType, name: ObjectName, subresource?: string): string {
  if (name.name === "") throw new TypeError(`a ${type.kind} without metadata.name has no address`);
  if (type.namespaced && !name.namespace) {
    throw new TypeError(`${type.kind} "${name.name}" needs a namespace`);
  }
  const path = `${collectionPath(type, name.namespace)}/${encodeURIComponent(name.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
