/** Options of the client and of its calls. @module */
import type { Clock } from "@virtrigaud/resilience";
import type { BudgetOptions } from "./budget.ts";
import type { Connection } from "./connection.ts";
import type { CredentialSource } from "./credentials.ts";

/**
 * Lanes with a budget each, so that one kind of traffic cannot hold up another: `lease` keeps leadership while the
 * rest is throttled, `event` may never cost a reconcile its turn.
 */
export type Lane = "default" | "lease" | "event";

/** One request that has ended, for metrics. `code` is 0 when no answer came. */
export interface RequestObservation {
  readonly method: string;
  readonly code: number;
  readonly host: string;
  readonly seconds: number;
}

/** Options of a `KubeClient`. Either `connection`, or `baseUrl` with credentials. */
export interface KubeClientOptions {
  /** A way to the server of the caller's own, for instance one that ends in the same process. Closed by the client. */
  readonly connection?: Connection;
  /** Root of the API server, such as `https://10.0.0.1:6443`. */
  readonly baseUrl?: string;
  readonly token?: string;
  readonly caPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Credentials that change over time; instead of the four above. */
  readonly credentials?: CredentialSource;
  /** See `HttpConnectionOptions.http2`. Default false. */
  readonly http2?: boolean;
  /** Default `virtrigaud-kube`. The audit log counts requests by it. */
  readonly userAgent?: string;
  /** Limits of the default lane. */
  readonly qps?: BudgetOptions["qps"];
  readonly burst?: BudgetOptions["burst"];
  readonly maxInFlight?: BudgetOptions["maxInFlight"];
  /** Time a call may take, waiting and repeating included. Default 30000 ms. */
  readonly timeoutMs?: number;
  /** Longest answer taken, in bytes. Default 256 MiB. */
  readonly maxResponseBytes?: number;
  readonly clock?: Clock;
  /** Source of chance for backoff. Default `Math.random`. */
  readonly random?: () => number;
  /** Told about every request that has ended, repeats included. */
  readonly onRequest?: (observation: RequestObservation) => void;
}

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Default: `timeoutMs` of the client. */
  readonly timeoutMs?: number;
  /** Default `default`. */
  readonly lane?: Lane;
}

/** Options of calls that change something. */
export interface WriteOptions extends CallOptions {
  /** Name under which field ownership is recorded. Default: from the user agent, by the server. */
  readonly fieldManager?: string;
  /** Validate and answer as usual, but persist nothing. */
  readonly dryRun?: boolean;
}

/** Options of `apply`. */
export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers. Default false: a conflict is an error. */
  readonly force?: boolean;
  readonly subresource?: "status" | "scale";
}

/** Options of `delete`. */
export interface DeleteOptions extends CallOptions {
  /** Delete only this incarnation or version: 409 otherwise. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  readonly gracePeriodSeconds?: number;
  readonly dryRun?: boolean;
}

/** Which objects a list or a watch covers. */
export interface Selection {
  /** Default: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Options of `list` and `pages`. */
export interface ListOptions extends Selection, CallOptions {
  /** Objects per page. Default 500. 0 asks for all in one answer. */
  readonly limit?: number;
  /** Default: the most recent. */
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan";
}

/** Options of `watch`. */
export interface WatchOptions extends Selection {
  readonly signal?: AbortSignal;
  /** Start after this version. Left out, the server decides. */
  readonly resourceVersion?: string;
  /** Ask for the present state as `ADDED` events, ended by a bookmark with `k8s.io/initial-events-end`. */
  readonly sendInitialEvents?: boolean;
  /** Ask for `BOOKMARK` events. Default true. */
  readonly bookmarks?: boolean;
  /** The server ends the stream after this time, in seconds. Default: the server decides. */
  readonly timeoutSeconds?: number;
  /** The stream counts as dead when nothing comes for this long. Default 120000 ms: twice the interval of bookmarks. */
  readonly idleTimeoutMs?: number;
}
