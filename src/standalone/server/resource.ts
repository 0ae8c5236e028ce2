/** What the server serves, as data: a kind is one {@linkcode Resource}. @module */
import type { Json, JsonObject } from "../storage/mod.ts";
import type { ObjectSchema, StructuralSchema } from "../schema/mod.ts";

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, more only with `-o wide`. Default 0. */
  readonly priority?: number;
  /** Where the cell comes from: a JSONPath of the CustomResourceDefinition dialect, or a function for computed cells. */
  readonly jsonPath?: string;
  readonly cell?: (object: JsonObject, now: number) => Json;
}

/** Paths of the scale subresource. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** What a resource may be asked for; authorization and faults go by it. */
export type Verb =
  | "create"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "update"
  | "watch";

export const ALL_VERBS: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

/** One served kind. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  /** The schema as clients see it in OpenAPI. */
  readonly openapi: StructuralSchema;
  /** The same schema, compiled. */
  readonly schema: ObjectSchema;
  readonly columns: readonly Column[];
  readonly status: boolean;
  readonly scale?: ScalePaths;
  /** Custom resources take no strategic merge patch, as on a cluster. */
  readonly custom: boolean;
  /** A PUT without a resourceVersion replaces whatever is there; otherwise it is refused. */
  readonly unconditionalUpdate: boolean;
  /** Top-level fields that cannot be changed once they are set. */
  readonly immutable: readonly string[];
  /** `metadata.generation` counts changes of the desired state. */
  readonly generation: boolean;
  /** Fields beyond metadata.name and metadata.namespace that field selectors may use, as dotted paths. */
  readonly selectableFields: readonly string[];
  /** Name under which objects are stored; two resources with one name are two views of the same objects. */
  readonly storage: string;
  /** Translation between what is stored and what this resource shows, where the two differ. */
  readonly view?: {
    readonly show: (stored: JsonObject) => JsonObject;
    readonly store: (shown: JsonObject) => JsonObject;
  };
  /** What a create or update of this kind sets by itself, in place (Secret's `stringData`, Namespace's finalizer). */
  readonly prepare?: (object: JsonObject, old: JsonObject | undefined) => void;
}

/** `group/version`, or just the version in the core group. */
export function apiVersionOf({ group, version }: Pick<Resource, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** All served kinds. */
export class Registry {
  readonly #byPath = new Map<string, Resource>();
  readonly #byStorage = new Map<string, Resource>();

  constructor(readonly resources: readonly Resource[]) {
    for (const resource of resources) {
      const path = `${apiVersionOf(resource)}/${resource.plural}`;
      if (this.#byPath.has(path)) throw new Error(`registering kinds: ${path} is there twice; give each kind once`);
      this.#byPath.set(path, resource);
      if (!this.#byStorage.has(resource.storage)) this.#byStorage.set(resource.storage, resource);
    }
  }

  /** The resource at `apiVersion` (`v1`, `apps/v1`) named `plural`. */
  find(apiVersion: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${apiVersion}/${plural}`);
  }

  /** The resource that owns a storage name. */
  stored(storage: string): Resource | undefined {
    return this.#byStorage.get(storage);
  }

  /** Resources by `apiVersion`, in registration order. */
  groupVersions(): Map<string, Resource[]> {
    return Map.groupBy(this.resources, apiVersionOf);
  }
}
