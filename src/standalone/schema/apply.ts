/** Server-side apply and the ownership of fields (`metadata.managedFields`). @module */
import type { ObjectSchema } from "./compile.ts";
import type { JsonObject } from "./types.ts";
import type { StatusCause } from "./errors.ts";

/** What both ways of writing have in common. */
interface WriteOptions {
  readonly schema: ObjectSchema;
  /** `group/version` of the request. */
  readonly apiVersion: string;
  /** Field manager: the `fieldManager` parameter, or the first word of the user agent. */
  readonly manager: string;
  /** `status` or `scale` when the write went there. */
  readonly subresource?: string | undefined;
  /**
   * Fields that this endpoint ignores and therefore never owns, as dotted paths: `["status"]` for the main resource of a
   * kind with a status subresource, `["spec", "metadata"]` for its status. Default none.
   */
  readonly resetFields?: readonly string[] | undefined;
  readonly now: Date;
}

/** Input of {@linkcode serverSideApply}. */
export interface ApplyRequest extends WriteOptions {
  /** The stored object, or `undefined` when apply creates it. */
  readonly live: JsonObject | undefined;
  readonly applied: JsonObject;
  /** Takes fields over from other managers. */
  readonly force: boolean;
}

/** Outcome of {@linkcode serverSideApply}. */
export type ApplyResult =
  | {
    /** The merged object with its new `managedFields`; not yet defaulted, pruned or validated. */
    readonly object: JsonObject;
  }
  | {
    /** Fields that others own and that the request would change: answer 409 `Conflict` with these causes. */
    readonly conflicts: StatusCause[];
    readonly message: string;
  };

/** Merges `applied` into `live` as `kubectl apply --server-side` means it. */
export declare function serverSideApply(request: ApplyRequest): ApplyResult;

/** Input of {@linkcode trackUpdate}. */
export interface UpdateRequest extends WriteOptions {
  /** The stored object; `undefined` on create. */
  readonly old: JsonObject | undefined;
  /** The object about to be stored, defaulted and pruned. */
  readonly updated: JsonObject;
}

/** The `managedFields` after a create, PUT or non-apply PATCH. Put them in `updated.metadata.managedFields`. */
export declare function trackUpdate(request: UpdateRequest): JsonObject[];
