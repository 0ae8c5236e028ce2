/** What the store keeps and what it reports. @module */

import type { JsonObject } from "../schema/mod.ts";

export type { JsonObject, JsonValue as Json } from "../schema/mod.ts";

/** One object at one revision. Never changed once stored: readers, watchers and history share it. */
export interface Stored {
  /** Storage name of the resource, `<plural>.<group>` (`pods`, `virtualmachines.infra.virtrigaud.io`). */
  readonly resource: string;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly name: string;
  /** Revision of the write that made this state; also in `object.metadata.resourceVersion`. */
  readonly revision: number;
  readonly object: JsonObject;
  /** `object` as text, kept because lists and watches send it far more often than it changes. */
  readonly json: string;
}

/** One acknowledged write. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The state after the write; for `DELETED` the last state, carrying the revision of the deletion. */
  readonly entry: Stored;
  /** The state before the write; absent for `ADDED`. */
  readonly previous?: Stored;
}

/** Why a database was refused, or a write not acknowledged. */
export type StorageErrorReason = "Locked" | "Corrupt" | "ReadOnly" | "Full" | "Failed" | "Closed";

/** The database cannot be opened, or a write could not be made durable. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  constructor(readonly reason: StorageErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
