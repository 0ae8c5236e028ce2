import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { leaseName } from "./assemble.ts";
import { readManager } from "./config.ts";

const read = (args: string[], env: Record<string, string> = {}) => readManager(args, (name) => env[name]);
const settings = (args: string[], env: Record<string, string> = {}) => {
  const request = read(args, { KUBECONFIG: "kubeconfig", ...env });
  if (request.type !== "Run") throw new TypeError(`expected settings, got ${request.type}`);
  return request.settings;
};

Deno.test("defaults are those of the documentation", () => {
  const { leaderElection, metricsPort, healthPort, host, namespace, policy, workers } = settings([]);
  assertEquals({ leaderElection, metricsPort, healthPort, host, namespace, workers }, {
    leaderElection: false,
    metricsPort: 8080,
    healthPort: 8081,
    host: "0.0.0.0",
    namespace: "virtrigaud-system",
    workers: undefined,
  });
  assertEquals(policy.timeouts, { describe: 30_000, mutating: 240_000, validate: 10_000, taskStatus: 10_000 });
  assertEquals(policy.breaker, { failureThreshold: 10, resetMs: 60_000, halfOpenMaxCalls: 3 });
  assertEquals(policy.rateLimit, { qps: 10, burst: 20 });
});

Deno.test("the API server comes from the flag, then KUBECONFIG, then the pod; without any of them it is asked for", () => {
  assertEquals(settings(["--kubeconfig=a"]).kube, { kubeconfig: "a" });
  assertEquals(settings([]).kube, { kubeconfig: "kubeconfig" });
  assertEquals(settings([], { KUBECONFIG: "", KUBERNETES_SERVICE_HOST: "10.0.0.1" }).kube, { inCluster: {} });
  assertThrows(() => read([]), TypeError, "--kubeconfig");
});

Deno.test("addresses are read with and without host; a bad one is refused with what is allowed", () => {
  assertEquals(settings(["--health-probe-bind-address=127.0.0.1:9000"]).host, "127.0.0.1");
  assertEquals(settings(["--metrics-bind-address=0"]).metricsPort, 0);
  for (const bad of ["8080x", ":99999", "host:"]) {
    assertThrows(
      () => read([`--metrics-bind-address=${bad}`], { KUBECONFIG: "k" }),
      RangeError,
      "--metrics-bind-address",
    );
  }
});

Deno.test("every bad variable is named with what is allowed, all at once", () => {
  const error = assertThrows(() =>
    settings([], { RETRY_MAX_ATTEMPTS: "0", CB_RESET_SECONDS: "soon", LOG_LEVEL: "loud" })
  );
  for (const name of ["RETRY_MAX_ATTEMPTS", "CB_RESET_SECONDS", "LOG_LEVEL"]) {
    assertEquals(error.message.includes(name), true, `${name} is not named in: ${error.message}`);
  }
});

Deno.test("tracing that the runtime was not started for is refused with the variables to set", () => {
  const error = assertThrows(() => settings([], { VIRTRIGAUD_TRACING_ENABLED: "true" }), TypeError, "OTEL_DENO=true");
  assertEquals(error.message.includes("OTEL_SERVICE_NAME=virtrigaud-manager"), true);
});

Deno.test("what a manager confines itself to comes from the flag, then the environment", () => {
  const { watchNamespace, watchSelector } = settings(["--watch-namespace=a", "--watch-selector=shard=1"], {
    VIRTRIGAUD_WATCH_SELECTOR: "shard=2",
  });
  assertEquals([watchNamespace, watchSelector], ["a", "shard=1"]);
  assertEquals(settings([], { VIRTRIGAUD_WATCH_SELECTOR: "shard=2" }).watchSelector, "shard=2");
  assertEquals(settings([]).watchSelector, undefined);
});

Deno.test("a certificate authority of somebody else is named by flag or variable", () => {
  assertEquals(settings(["--ca-secret=a"], { VIRTRIGAUD_CA_SECRET: "b" }).caSecret, "a");
  assertEquals(settings([], { VIRTRIGAUD_CA_SECRET: "b" }).caSecret, "b");
  assertEquals(settings([]).caSecret, undefined);
});

Deno.test("managers with different selectors have different Leases, those with the same share one", () => {
  assertEquals(new Set([leaseName(undefined), leaseName("shard=1"), leaseName("shard=2")]).size, 3);
  assertEquals(leaseName("shard=1"), leaseName("shard=1"));
});

Deno.test("other replicas are told an address at which this one can be seen, or none", () => {
  const at = (args: string[], env: Record<string, string> = {}) => settings(args, env).peerAddress;
  assertEquals(at([]), undefined);
  assertEquals(at([], { POD_IP: "10.0.0.1" }), "10.0.0.1:8081");
  assertEquals(at([], { POD_IP: "fd00::1" }), "[fd00::1]:8081");
  assertEquals(at(["--health-probe-bind-address=127.0.0.1:9000"], { POD_IP: "10.0.0.1" }), "127.0.0.1:9000");
  assertEquals(at(["--health-probe-bind-address=0"], { POD_IP: "10.0.0.1" }), undefined);
});
