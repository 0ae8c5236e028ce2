import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { CLIENT_METRICS, MANAGER_METRICS, PROCESS_METRICS, PROVIDER_METRICS } from "./families.ts";
import { serveHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";

Deno.test("all families of the product fit into one registry and are exposed", async () => {
  const metrics = createMetrics({ ...PROCESS_METRICS, ...CLIENT_METRICS, ...MANAGER_METRICS, ...PROVIDER_METRICS });
  metrics.count("virtrigaud_errors_total", { reason: "deps", component: "vm" }, 3);
  metrics.gauge("virtrigaud_queue_depth", { kind: "VirtualMachine" }, 7);
  metrics.observe("virtrigaud_ip_discovery_duration_seconds", { provider_type: "mock" }, 1800);
  const text = await metrics.text();
  assertStringIncludes(text, 'virtrigaud_errors_total{reason="deps",component="vm"} 3');
  assertStringIncludes(text, 'virtrigaud_queue_depth{kind="VirtualMachine"} 7');
  assertStringIncludes(text, 'virtrigaud_ip_discovery_duration_seconds_bucket{le="3276.8",provider_type="mock"} 1');
});

Deno.test("measuring never throws: a missing label is empty, a wrong kind or a negative count is nothing", async () => {
  const metrics = createMetrics(MANAGER_METRICS);
  metrics.count("virtrigaud_errors_total", { reason: "x", surplus: "y" });
  metrics.count("virtrigaud_errors_total", { reason: "x" }, -1);
  metrics.observe("virtrigaud_queue_depth", { kind: "VirtualMachine" }, 1);
  const text = await metrics.text();
  assertStringIncludes(text, 'virtrigaud_errors_total{reason="x",component=""} 1');
  assertEquals(text.includes("virtrigaud_queue_depth{"), false);
});

Deno.test("two registries share nothing, and what is gone is forgotten", async () => {
  const [one, two] = [createMetrics(MANAGER_METRICS), createMetrics(MANAGER_METRICS)];
  for (const provider of ["default/a", "default/b"]) {
    one.gauge("virtrigaud_provider_tasks_inflight", { provider_type: "mock", provider }, 1);
  }
  await one.forget({ provider: "default/a" });
  const text = await one.text();
  assertEquals([text.includes("default/a"), text.includes("default/b")], [false, true]);
  assertEquals((await two.text()).includes("default/"), false);
});

Deno.test("endpoints: probes, health as JSON, metrics, and nothing else", async () => {
  let ready: true | string = "caches are filling";
  const metrics = createMetrics(MANAGER_METRICS);
  const server = serveHealth({
    port: 0,
    host: "127.0.0.1",
    ready: () => ready,
    metrics,
    checks: {
      cache: () => ({ status: "healthy" }),
      api: () => ({ status: "unhealthy", message: "login with password=hunter2 failed" }),
    },
  });
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return [response.status, (await response.text()).trim()] as const;
  };
  assertEquals(await get("/healthz"), [200, "ok"]);
  assertEquals(await get("/readyz"), [503, "caches are filling"]);
  ready = true;
  assertEquals(await get("/readyz"), [200, "ok"]);
  const [status, body] = await get("/health");
  const { checks, summary, status: overall } = JSON.parse(body);
  assertEquals([status, overall, summary], [503, "unhealthy", { total: 2, healthy: 1, unhealthy: 1, unknown: 0 }]);
  assertEquals(checks.api.message, "login with password=[redacted] failed");
  assertEquals((await get("/metrics"))[0], 200);
  assertEquals((await get("/constructor"))[0], 404);
  assertEquals((await get("/healthz", { method: "POST" }))[0], 405);
  await server.shutdown();
});
