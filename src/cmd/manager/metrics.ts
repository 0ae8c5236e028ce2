/** The families of the product that say the same as the runtime's, under the names that older dashboards know. @module */
import { type MetricLabels, RUNTIME_METRICS, type RuntimeMetric, type RuntimeMetrics } from "@virtrigaud/runtime";
import {
  buildLabels,
  CLIENT_METRICS,
  createMetrics,
  MANAGER_METRICS,
  type ManagerMetric,
  type Metrics,
  PROCESS_METRICS,
} from "@virtrigaud/telemetry";

/** What a process tells that has a manager in it. @param component which program it is, for `virtrigaud_build_info` */
export function managerMetrics(component: string) {
  const families = { ...PROCESS_METRICS, ...CLIENT_METRICS, ...MANAGER_METRICS, ...RUNTIME_METRICS };
  const metrics = withOlderNames(createMetrics(families, { process: true }));
  metrics.gauge("virtrigaud_build_info", buildLabels(component), 1);
  return metrics;
}

/** What both are written to. */
type Sink = Metrics<ManagerMetric> & RuntimeMetrics;

const OUTCOMES: Readonly<Record<string, string>> = {
  success: "success",
  requeue_after: "requeue",
  conflict: "requeue",
  error: "error",
};

/** `sink`, with every measurement of the runtime that has an older name counted under it as well. */
export function withOlderNames<S extends Sink>(sink: S): S {
  const kind = ({ controller, name }: MetricLabels) => ({ kind: controller ?? name ?? "" });
  return {
    ...sink,
    count(metric: RuntimeMetric & ManagerMetric, labels: MetricLabels, by?: number) {
      sink.count(metric, labels, by);
      if (metric as RuntimeMetric === "controller_runtime_reconcile_total") {
        const outcome = OUTCOMES[labels.result ?? ""] ?? "error";
        sink.count("virtrigaud_manager_reconcile_total", { ...kind(labels), outcome }, by);
      }
    },
    gauge(metric: RuntimeMetric & ManagerMetric, labels: MetricLabels, value: number) {
      sink.gauge(metric, labels, value);
      if (metric as RuntimeMetric === "workqueue_depth") sink.gauge("virtrigaud_queue_depth", kind(labels), value);
    },
    observe(metric: RuntimeMetric & ManagerMetric, labels: MetricLabels, value: number) {
      sink.observe(metric, labels, value);
      if (metric as RuntimeMetric === "controller_runtime_reconcile_time_seconds") {
        sink.observe("virtrigaud_manager_reconcile_duration_seconds", kind(labels), value);
      }
    },
  };
}
