/** Every alert fires when it should and is silent when it should be, on series with our own names and buckets. @module */
import { assertEquals, parseYaml } from "@virtrigaud/deps";
import { DURATION_BUCKETS } from "@virtrigaud/telemetry";
import { leaseName } from "../../src/cmd/manager/assemble.ts";
import { helmRig, promtoolRig } from "../rigs/helm/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { CHART, one, render } from "./support/helm.ts";
import { expectSeries, type InputSeries, promtool } from "./support/promtool.ts";

const ignore = await skipWithout("charts", "alerts", promtoolRig);
const RULES = `${CHART}/files/alerts.yaml`;

type Input = Readonly<Record<string, string>>;
interface Case {
  readonly fires: Input;
  readonly silent: Input;
  /** Default: after 40 minutes. */
  readonly at?: string;
}

const LEADER = 'leader_election_master_status{name="8da97394.virtrigaud.io",pod="a"}';
const OTHER = 'leader_election_master_status{name="8da97394.virtrigaud.io",pod="b"}';
const reconciles = (result: string) => `controller_runtime_reconcile_total{controller="vm",result="${result}"}`;
const ERRORS = 'controller_runtime_reconcile_errors_total{controller="vm"}';
/** A histogram of our buckets, of which every observation is at most `seconds`. */
const histogram = (name: string, labels: string, seconds: number): Input =>
  Object.fromEntries([...DURATION_BUCKETS, Infinity].map((bound) => [
    `${name}_bucket{${labels},le="${bound === Infinity ? "+Inf" : bound}"}`,
    bound >= seconds ? "0+6x40" : "0x40",
  ]));
const requests = (code: string) => `rest_client_requests_total{code="${code}",method="GET",host="api"}`;
const calls = (code: string) =>
  `virtrigaud_provider_rpc_requests_total{provider_type="libvirt",method="Describe",code="${code}"}`;
const BREAKER = 'virtrigaud_circuit_breaker_state{provider_type="libvirt",provider="team/kvm"}';
const REACHED = 'provider_hypervisor_connection_status{namespace="team",pod="p"}';

const CASES: Readonly<Record<string, Case>> = {
  VirtrigaudNoLeader: { fires: { [LEADER]: "1x5 0x40" }, silent: { [LEADER]: "1x40", [OTHER]: "0x40" } },
  VirtrigaudManyLeaders: {
    fires: { [LEADER]: "1x40", [OTHER]: "1x40" },
    // A hand-over is seen by two scrapes for a moment.
    silent: { [LEADER]: "1x20 0x20", [OTHER]: "0x19 1x20" },
    at: "21m",
  },
  VirtrigaudReconcileErrors: {
    fires: { [ERRORS]: "0+3x40", [reconciles("error")]: "0+3x40", [reconciles("success")]: "0+7x40" },
    silent: { [ERRORS]: "0+1x40", [reconciles("error")]: "0+1x40", [reconciles("success")]: "0+9x40" },
  },
  VirtrigaudReconcileSlow: {
    fires: histogram("controller_runtime_reconcile_time_seconds", 'controller="vm"', 100),
    silent: histogram("controller_runtime_reconcile_time_seconds", 'controller="vm"', 10),
  },
  VirtrigaudQueueBackedUp: {
    fires: { 'workqueue_depth{name="vm"}': "150x40" },
    silent: { 'workqueue_depth{name="vm"}': "150x30 0x1 150x9" },
  },
  VirtrigaudApiServerErrors: {
    fires: { [requests("200")]: "0+8x40", [requests("503")]: "0+1x40", [requests("0")]: "0+1x40" },
    silent: { [requests("200")]: "0+99x40", [requests("409")]: "0+50x40", [requests("500")]: "0+1x40" },
  },
  VirtrigaudForbidden: {
    fires: { [requests("403")]: "0+1x40" },
    silent: { [requests("403")]: "5x40", [requests("404")]: "0+5x40" },
  },
  VirtrigaudCircuitBreakerOpen: { fires: { [BREAKER]: "0x5 2x40" }, silent: { [BREAKER]: "2x3 1x1 0x2 2x3 0x40" } },
  VirtrigaudProviderErrors: {
    fires: { [calls("Unavailable")]: "0+1x40", [calls("OK")]: "0+4x40" },
    silent: { [calls("NotFound")]: "0+9x40", [calls("InvalidArgument")]: "0+9x40", [calls("OK")]: "0+4x40" },
  },
  VirtrigaudProviderSlow: {
    fires: histogram("virtrigaud_provider_rpc_latency_seconds", 'provider_type="libvirt",method="Create"', 60),
    silent: histogram("virtrigaud_provider_rpc_latency_seconds", 'provider_type="libvirt",method="Create"', 5),
  },
  VirtrigaudHypervisorUnreachable: { fires: { [REACHED]: "0x40" }, silent: { [REACHED]: "0x4 1x1 0x4 1x40" } },
};

const seriesOf = (input: Input): InputSeries[] => Object.entries(input).map(([series, values]) => ({ series, values }));

Deno.test({
  name: "the rules are well-formed, and each alert has its cases",
  ignore,
  async fn() {
    await promtool("check", "rules", RULES);
    const { groups } = parseYaml(await Deno.readTextFile(RULES)) as { groups: { rules: { alert: string }[] }[] };
    assertEquals(
      groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).toSorted(),
      Object.keys(CASES).toSorted(),
    );
  },
});

Deno.test({
  name: "who leads is asked of each release by itself: by its namespace, and by the Lease of its selector",
  ignore: ignore || await skipWithout("charts", "alerts of a release", helmRig),
  async fn() {
    const [namespace, watchSelector] = ["blue", "example.com/shard=blue"];
    const values = { rbac: { watchSelector }, observability: { prometheus: { prometheusRule: { enabled: true } } } };
    const rule = one(await render(values, { namespace }), "PrometheusRule");
    const leads = (at: string, lease: string, pod: string) =>
      `leader_election_master_status{name="${lease}",namespace="${at}",pod="${pod}"}`;
    const own = leaseName(watchSelector);
    const others = [leads("green", own, "x"), leads("blue", leaseName(undefined), "y")];
    const cases: readonly [alert: string, something: boolean, series: readonly string[]][] = [
      ["VirtrigaudNoLeader", true, others],
      ["VirtrigaudNoLeader", false, [leads("blue", own, "a"), ...others]],
      ["VirtrigaudManyLeaders", false, [leads("blue", own, "a"), ...others]],
      ["VirtrigaudManyLeaders", true, [leads("blue", own, "a"), leads("blue", own, "b")]],
    ];
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify(rule.spec));
      await expectSeries(
        file,
        cases.map(([alert, something, series], index) => ({
          name: `${alert} ${index}`,
          input: series.map((each) => ({ series: each, values: "1x40" })),
          expr: `ALERTS{alertname="${alert}",alertstate="firing"}`,
          at: "20m",
          something,
        })),
      );
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: "each alert fires when it should, and only then",
  ignore,
  async fn(t) {
    for (const [alert, { fires, silent, at = "40m" }] of Object.entries(CASES)) {
      const expr = `ALERTS{alertname="${alert}",alertstate="firing"}`;
      await t.step(alert, () =>
        expectSeries(RULES, [
          { name: "fires", input: seriesOf(fires), expr, at, something: true },
          { name: "silent", input: seriesOf(silent), expr, at, something: false },
        ]));
    }
  },
});
