/** How the runtime tells what it does: a logger and metrics, both injected, both silent by default. @module */
import type { RequestObservation } from "@virtrigaud/kube";

/** Structured logger. Fields are plain values; secrets are the implementation's business to hide. */
export interface RuntimeLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** One metric as a registry needs to know it. */
export interface MetricDescription {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/**
 * Everything that the runtime measures, under the names that controller-runtime gave it, so that existing dashboards
 * work; durations are seconds.
 */
export const RUNTIME_METRICS = {
  workqueue_depth: { type: "gauge", help: "Keys that wait for a worker.", labels: ["name"] },
  workqueue_adds_total: { type: "counter", help: "Keys added.", labels: ["name"] },
  workqueue_retries_total: { type: "counter", help: "Keys added again after a failure.", labels: ["name"] },
  workqueue_queue_duration_seconds: {
    type: "histogram",
    help: "Time a key waited for a worker.",
    labels: ["name"],
  },
  workqueue_work_duration_seconds: {
    type: "histogram",
    help: "Time a worker spent on a key.",
    labels: ["name"],
  },
  controller_runtime_reconcile_total: {
    type: "counter",
    help: "Reconciles by result: success, requeue_after, conflict, error.",
    labels: ["controller", "result"],
  },
  controller_runtime_reconcile_errors_total: {
    type: "counter",
    help: "Reconciles that threw.",
    labels: ["controller"],
  },
  controller_runtime_reconcile_time_seconds: {
    type: "histogram",
    help: "Time a reconcile took.",
    labels: ["controller"],
  },
  controller_runtime_active_workers: {
    type: "gauge",
    help: "Workers that are reconciling.",
    labels: ["controller"],
  },
  controller_runtime_max_concurrent_reconciles: {
    type: "gauge",
    help: "Workers there are.",
    labels: ["controller"],
  },
  rest_client_requests_total: {
    type: "counter",
    help: "Requests to the API server by method and status; code 0 means no answer.",
    labels: ["code", "method", "host"],
  },
  rest_client_request_duration_seconds: {
    type: "histogram",
    help: "Time of a request to the API server.",
    labels: ["verb", "host"],
  },
  leader_election_master_status: {
    type: "gauge",
    help: "1 while this process leads.",
    labels: ["name"],
  },
  informer_objects: { type: "gauge", help: "Objects in the store.", labels: ["kind"] },
  informer_relists_total: {
    type: "counter",
    help: "Full lists, by what made them necessary.",
    labels: ["kind", "cause"],
  },
  informer_watch_ends_total: {
    type: "counter",
    help: "Watch streams that ended, by how.",
    labels: ["kind", "cause"],
  },
  informer_handler_errors_total: { type: "counter", help: "Handlers that threw.", labels: ["kind"] },
  events_dropped_total: { type: "counter", help: "Events not written, by why.", labels: ["cause"] },
} as const satisfies Record<string, MetricDescription>;

/** Name of a metric of the runtime. */
export type RuntimeMetric = keyof typeof RUNTIME_METRICS;
/** Label values by label name. */
export type MetricLabels = Readonly<Record<string, string>>;

/** Where measurements go. Called in hot paths: implementations return fast and never throw. */
export interface RuntimeMetrics {
  /** Adds to a counter. */
  count(metric: RuntimeMetric, labels: MetricLabels, by?: number): void;
  /** Sets a gauge. */
  gauge(metric: RuntimeMetric, labels: MetricLabels, value: number): void;
  /** Puts a value into a histogram. */
  observe(metric: RuntimeMetric, labels: MetricLabels, value: number): void;
}

/** What a `KubeClient` tells its observer, as metrics: give it as `onRequest`. */
export function observeRequests(metrics: RuntimeMetrics): (observation: RequestObservation) => void {
  return ({ method, code, host, seconds }) => {
    metrics.count("rest_client_requests_total", { code: String(code), method, host });
    metrics.observe("rest_client_request_duration_seconds", { verb: method, host }, seconds);
  };
}

const nothing = () => {};
/** Logs nothing. */
export const silentLog: RuntimeLog = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing });
/** Measures nothing. */
export const noMetrics: RuntimeMetrics = Object.freeze({ count: nothing, gauge: nothing, observe: nothing });

/** Text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
