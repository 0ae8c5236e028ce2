/**
 * Families of the product. Names and labels are those that dashboards for earlier implementations use. Two fixes: label
 * `provider` is `namespace/name`, since names alone collide, and buckets reach beyond the longest operation.
 *
 * @module
 */
import { prometheus } from "@virtrigaud/deps/metrics.ts";
import type { MetricDescription } from "./metrics.ts";

type Table = Readonly<Record<string, MetricDescription>>;

/** Common to every process. `go_version` keeps its name for the sake of dashboards; it holds the Deno version. */
export const PROCESS_METRICS = {
  virtrigaud_build_info: {
    type: "gauge",
    help: "Always 1; the labels say what runs.",
    labels: ["version", "git_sha", "build_date", "go_version", "component"],
  },
} as const satisfies Table;

/** Calls to providers, from the client's side. */
export const CLIENT_METRICS = {
  virtrigaud_provider_rpc_requests_total: {
    type: "counter",
    help: "Calls to providers by outcome; repetitions of one call are not counted apart.",
    labels: ["provider_type", "method", "code"],
  },
  virtrigaud_provider_rpc_latency_seconds: {
    type: "histogram",
    help: "Time of a call to a provider with its repetitions.",
    labels: ["provider_type", "method"],
  },
  virtrigaud_provider_rpc_retries_total: {
    type: "counter",
    help: "Repetitions of calls to providers.",
    labels: ["provider_type", "provider", "method"],
  },
  virtrigaud_circuit_breaker_state: {
    type: "gauge",
    help: "0 closed, 1 half-open, 2 open.",
    labels: ["provider_type", "provider"],
  },
  virtrigaud_circuit_breaker_failures_total: {
    type: "counter",
    help: "Calls that failed on the way to the hypervisor.",
    labels: ["provider_type", "provider"],
  },
} as const satisfies Table;

/** What the manager does. */
export const MANAGER_METRICS = {
  virtrigaud_manager_reconcile_total: {
    type: "counter",
    help: "Reconciles by outcome: success, error, requeue.",
    labels: ["kind", "outcome"],
  },
  virtrigaud_manager_reconcile_duration_seconds: { type: "histogram", help: "Time of a reconcile.", labels: ["kind"] },
  virtrigaud_queue_depth: { type: "gauge", help: "Objects that wait for a worker.", labels: ["kind"] },
  virtrigaud_vm_operations_total: {
    type: "counter",
    help: "Operations on VMs by outcome: success, error.",
    labels: ["operation", "provider_type", "provider", "outcome"],
  },
  virtrigaud_provider_tasks_inflight: {
    type: "gauge",
    help: "Tasks at the hypervisor that the manager waits for.",
    labels: ["provider_type", "provider"],
  },
  virtrigaud_errors_total: { type: "counter", help: "Errors by reason.", labels: ["reason", "component"] },
  virtrigaud_ip_discovery_duration_seconds: {
    type: "histogram",
    help: "Time from power-on to the first address.",
    labels: ["provider_type"],
    buckets: prometheus.exponentialBuckets(0.1, 2, 16),
  },
} as const satisfies Table;

/** Calls as a provider serves them. */
export const PROVIDER_METRICS = {
  provider_grpc_requests_total: { type: "counter", help: "Calls served by outcome.", labels: ["method", "code"] },
  provider_grpc_request_duration_seconds: { type: "histogram", help: "Time of a call served.", labels: ["method"] },
  provider_hypervisor_connection_status: {
    type: "gauge",
    help: "1 if the last check of the hypervisor succeeded, 0 if it did not.",
    labels: [],
  },
} as const satisfies Table;

/** Name of a family of the client. */
export type ClientMetric = keyof typeof CLIENT_METRICS;
/** Name of a family of the manager. */
export type ManagerMetric = keyof typeof MANAGER_METRICS;
/** Name of a family of a provider. */
export type ProviderMetric = keyof typeof PROVIDER_METRICS;
