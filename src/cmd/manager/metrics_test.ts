import { assertStringIncludes } from "@virtrigaud/deps";
import { RUNTIME_METRICS } from "@virtrigaud/runtime";
import { createMetrics, MANAGER_METRICS } from "@virtrigaud/telemetry";
import { withOlderNames } from "./metrics.ts";

Deno.test("what the runtime measures is found under the older names too", async () => {
  const registry = createMetrics({ ...RUNTIME_METRICS, ...MANAGER_METRICS });
  const metrics = withOlderNames(registry);
  metrics.count("controller_runtime_reconcile_total", { controller: "virtualmachine", result: "requeue_after" });
  metrics.gauge("workqueue_depth", { name: "provider" }, 7);
  metrics.observe("controller_runtime_reconcile_time_seconds", { controller: "virtualmachine" }, 0.5);
  const text = await metrics.text();
  for (
    const line of [
      'controller_runtime_reconcile_total{controller="virtualmachine",result="requeue_after"} 1',
      'virtrigaud_manager_reconcile_total{kind="virtualmachine",outcome="requeue"} 1',
      'virtrigaud_queue_depth{kind="provider"} 7',
      'virtrigaud_manager_reconcile_duration_seconds_count{kind="virtualmachine"} 1',
    ]
  ) assertStringIncludes(text, line);
});
