import { assertEquals, assertLessOrEqual } from "@virtrigaud/deps";
import { runBench } from "./bench.ts";
import { SHORT } from "./figures.ts";

/** What whoever compares releases relies on. */
const KEYS = [
  ...["ready_1000_s", "ready_1000_kube_s", "ready_p50_s", "ready_p99_s", "manager_cpu_ms_per_vm"],
  ...["writes_per_vm", "rpcs_per_vm", "idle_writes_per_vm_min", "idle_rpcs_per_vm_min", "idle_cpu_ms_per_vm_min"],
  ...["spec_to_rpc_p50_ms", "spec_to_rpc_p99_ms", "event_to_status_p99_ms", "delete_1000_s"],
  ...["rss_mb_0", "rss_mb_1000", "rss_mb_10000", "restart_10000_s", "restart_10000_failover_s"],
  "sick_provider_delay_ratio",
];
/** The same however long tasks take. */
const TASKLESS = ["rss_mb_10000", "restart_10000_s", "restart_10000_failover_s"];

Deno.test("the bench measures every figure that it names, with short tasks and with long ones", async () => {
  const lines: string[] = [];
  const figures = await runBench({ size: SHORT, say: (line) => lines.push(line) });
  const slow = KEYS.filter((key) => !TASKLESS.includes(key)).map((key) => `${key}_slow`);
  assertEquals(Object.keys(figures).sort(), [...KEYS, ...slow].sort());
  for (const [name, value] of Object.entries(figures)) {
    const skipped = /_kube_s/.test(name) && lines.some((line) => /_kube_s cannot be measured/.test(line));
    if (skipped) console.log(`SKIPPED bench: ${name} because there is no kube-apiserver on this machine`);
    else assertEquals([name, Number.isFinite(value) && Number(value) >= 0], [name, true]);
  }
  // These do not depend on how busy the machine is.
  assertLessOrEqual(Number(figures["rpcs_per_vm"]), 3);
  assertEquals(figures["idle_writes_per_vm_min"], 0);
});
