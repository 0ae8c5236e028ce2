/** What a controller's author writes: a reconcile function, and from where it is woken. @module */
import type { KubeObject, ObjectKey } from "@virtrigaud/kube";
import type { RuntimeLog } from "./observe.ts";
import type { InformerView } from "./view.ts";

/** Order of keys that wait: a user's change first, what is merely looked at again last. */
export type Priority = "high" | "normal" | "low";

/** What a reconcile ends with. A failure is thrown. */
export type Result =
  /** Nothing to do until something changes. */
  | { readonly type: "Done" }
  /** Look again after `ms`, or earlier if something changes. */
  | { readonly type: "RequeueAfter"; readonly ms: number };

/** {@linkcode Result} `Done`. */
export const done: Result = Object.freeze({ type: "Done" });

/** {@linkcode Result} that looks again after `ms`. */
export function requeueAfter(ms: number): Result {
  return { type: "RequeueAfter", ms };
}

/** What a reconcile is given besides its key. */
export interface ReconcileContext {
  /** Aborts when the process is told to stop and its grace is over, or the reconcile takes longer than allowed. */
  readonly signal: AbortSignal;
  /** Logs with controller and key. */
  readonly log: RuntimeLog;
  readonly priority: Priority;
  /** Failures of this key in a row before this call. */
  readonly failures: number;
}

/**
 * Brings the world closer to what the object `key` asks for; the object may be gone. Never called twice at a time for
 * one key. What it throws is logged and tried again with backoff; a conflict means that the view was stale, is no
 * failure and is tried again with a fresh view.
 */
export type Reconcile = (key: ObjectKey, context: ReconcileContext) => Promise<Result>;

/** A further informer whose changes wake reconciles. */
export interface WatchSource<T extends KubeObject = KubeObject> {
  readonly informer: InformerView<T>;
  /** Keys to reconcile because of a change; `old` is the object before an update. */
  map(object: T, old?: T): Iterable<ObjectKey>;
}

/** A {@linkcode WatchSource} with the type of the object inferred. */
export function watching<T extends KubeObject>(
  informer: InformerView<T>,
  map: (object: T, old?: T) => Iterable<ObjectKey>,
): WatchSource<T> {
  return { informer, map };
}

/**
 * Mapping for owned objects: wakes the owner of kind `owner` that `ownerReferences` names as controller, in the same
 * namespace.
 */
export function controllerOwner(
  owner: { readonly group: string; readonly kind: string; readonly namespaced: boolean },
) {
  return (object: KubeObject): ObjectKey[] => {
    const reference = object.metadata.ownerReferences?.find((candidate) =>
      candidate.controller === true && candidate.kind === owner.kind &&
      (candidate.apiVersion.includes("/") ? candidate.apiVersion.split("/")[0] : "") === owner.group
    );
    if (reference === undefined) return [];
    return [owner.namespaced ? `${object.metadata.namespace ?? ""}/${reference.name}` : reference.name];
  };
}

/** Options of a `Controller`. */
export interface ControllerOptions<T extends KubeObject = KubeObject> {
  /** Name in logs and metrics. */
  readonly name: string;
  /** Informer of the kind that is reconciled; its keys are the keys of the queue. */
  readonly informer: InformerView<T>;
  /** Further informers that wake reconciles. */
  readonly watches?: readonly WatchSource[];
  readonly reconcile: Reconcile;
  /** Workers. Default 10. */
  readonly concurrency?: number;
  /**
   * Group of a key, between which workers are shared fairly: one group whose reconciles hang cannot take all workers.
   * Asked whenever a key is added. Default: one group.
   */
  readonly groupOf?: (key: ObjectKey) => string;
  /**
   * Leave out changes that need no reconcile when this process has made them, such as those of the status. Somebody
   * else's are looked at a second later. Default: none is left out.
   */
  readonly ignore?: (object: T, old?: T) => boolean;
  /** How long what a list found and nobody has changed may wait, milliseconds, if nothing else wakes it. Default 0. */
  readonly initialDelayMs?: (object: T) => number;
  /** Delay after failures. Default 200 ms to 5 min, doubled each time. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** A reconcile's signal aborts after this time. Default 300000 ms. */
  readonly reconcileTimeoutMs?: number;
}
