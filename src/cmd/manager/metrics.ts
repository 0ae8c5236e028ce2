/** The families of the product that say the same as the runtime's, under the names that older dashboards know. @module */
import type { MetricLabels, RuntimeMetric, RuntimeMetrics } from "@virtrigaud/runtime";
import type { ManagerMetric, Metrics } from "@virtrigaud/telemetry";

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
