/** Dashboards and alerts against what a running manager and a running provider really expose. @module */
import { assertEquals, parseYaml } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { DASHBOARDS } from "../../scripts/generate/dashboards.ts";
import { helmRig, promtoolRig } from "../rigs/helm/mod.ts";
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { startCluster } from "./support/cluster.ts";
import { CHART, type Manifest, manifests, ROOT, type Values } from "./support/helm.ts";
import { expectSeries, type InputSeries } from "./support/promtool.ts";
import { familiesOf, type Family } from "./support/scrape.ts";

const ignore = await skipWithout("charts on a cluster", "dashboards", helmRig, promtoolRig, kubernetesRig);

const EXAMPLE = `${ROOT}/examples/mock/vm.yaml`;
const HEALTHY = "mock://localhost?templates=debian-12";
/** Families whose first series comes late, or with failures. */
const AFTER_FAILURES = [
  "virtrigaud_circuit_breaker_failures_total",
  "virtrigaud_provider_rpc_retries_total",
  "virtrigaud_ip_discovery_duration_seconds",
  "virtrigaud_errors_total",
] as const;
/** Comes when the API server ends a watch, after minutes. */
const NOT_PROVOKED = "informer_watch_ends_total";

/** What Prometheus adds to each series. */
const TARGET = 'namespace="team",pod="p",job="j",instance="i"';

/** Series of a family as they were scraped, going on for half an hour: counters up, gauges as they are. */
function continued({ type, samples }: Family): InputSeries[] {
  return samples.map(({ name, labels, value }) => ({
    series: `${name}{${[labels, TARGET].filter((each) => each !== "").join(",")}}`,
    values: type === "gauge" ? `${value}x30` : `${value}+1x30`,
  }));
}

/** Names of metrics in an expression: words that are followed by a selector, a range, or are an argument. */
function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/\{[^}]*\}/g, "").replaceAll(/\b(by|without)\s*\([^)]*\)/g, "").replaceAll(
    /\[[^\]]*\]/g,
    "",
  );
  return [...bare.matchAll(/\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b(?!\s*\()/g)].map(([name]) => name);
}

/** Labels that an expression selects or groups by, but for those of the target and of histograms. */
function labelsIn(expr: string): string[] {
  const selected = [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = ""]) =>
    [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label)
  );
  const grouped = [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, inner = ""]) => inner.split(/\s*,\s*/));
  const given = new Set(["le", ...[...TARGET.matchAll(/(\w+)=/g)].map(([, label = ""]) => label)]);
  return [...new Set([...selected, ...grouped])].filter((label) => !given.has(label));
}

/** Labels of an expression that no series of its families has; a sum by such a label has a result, and means nothing. */
function strangers(expr: string, families: readonly Family[]): string[] {
  const samples = families.flatMap(({ samples }) => samples);
  // What did not happen yet has no series to look at.
  if (samples.length === 0) return [];
  return labelsIn(expr).filter((label) => !samples.some(({ labels }) => new RegExp(`(^|,)${label}="`).test(labels)));
}

/** Provider and VM of the example again, where every create fails. */
function sick(object: Manifest): Manifest[] {
  const again = (name: string, spec: Values): Manifest => ({
    ...object,
    metadata: { name, namespace: "team" },
    spec: { ...object.spec as Values, ...spec },
  });
  switch (object.kind) {
    case "Provider":
      return [again("sick", { endpoint: `${HEALTHY}&failureMode=create&errorClass=Unavailable` })];
    case "VirtualMachine":
      return [again("ill", { providerRef: { name: "sick" } })];
    default:
      return [];
  }
}

Deno.test({
  name: "every query of every dashboard has a result on a live scrape, and every alert asks for what is there",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    const { rig } = cluster;
    await cluster.release("install");
    await using manager = await cluster.manager();
    await rig.kubectl("create", "namespace", "team");
    await rig.kubectl("apply", "-n", "team", "-f", EXAMPLE);
    await rig.kubectl("wait", "vm/hello", "-n", "team", "--for=condition=Ready", "--timeout=60s");
    const scrape = async (port: number) => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const provider = await until(
      "the provider's process",
      () => cluster.providerPort("team/virtrigaud-provider-team-mock"),
    );
    // A hypervisor that fails, so that failures have series as well.
    const items = manifests(await Deno.readTextFile(EXAMPLE)).flatMap(sick);
    await rig.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const seen = new Set<string>();
    const families = await until(`series of ${AFTER_FAILURES.join(", ")}`, async () => {
      const found = familiesOf(`${await scrape(manager.metricsPort)}\n${await scrape(provider)}`);
      for (const [name, { samples }] of found) if (samples.length > 0) seen.add(name);
      return AFTER_FAILURES.every((name) => seen.has(name)) && found;
    }, { seen: () => [...seen].join(" ") });
    const familyOf = (metric: string) =>
      families.get(metric) ?? families.get(metric.replace(/_(bucket|sum|count)$/, ""));

    for (const { title, panels } of DASHBOARDS) {
      await t.step(title, async () => {
        const queries = panels.flatMap((panel) => panel.queries.map(([query]) => ({ panel: panel.title, query })));
        const asked = queries.map(({ panel, query }) => {
          const found = metricsIn(query).map((metric) => ({ metric, family: familyOf(metric) }));
          assertEquals(found.filter(({ family }) => family === undefined).map(({ metric }) => metric), [], panel);
          assertEquals(strangers(query, found.flatMap(({ family }) => family ?? [])), [], query);
          const input = found.flatMap(({ family }) => family === undefined ? [] : continued(family));
          return { name: panel, input, query };
        });
        // What did not happen has no series; the names above are checked all the same.
        const live = asked.filter(({ input }) => input.length > 0);
        const silent = asked.filter(({ input }) => input.length === 0);
        assertEquals(silent.filter(({ query }) => !query.includes(NOT_PROVOKED)).map(({ query }) => query), []);
        await expectSeries(
          undefined,
          live.map(({ name, input, query }) => ({
            name,
            input,
            expr: query.replaceAll("$__rate_interval", "5m"),
            at: "20m",
            something: true,
          })),
        );
      });
    }

    await t.step("alerts", async () => {
      const { groups } = parseYaml(await Deno.readTextFile(`${CHART}/files/alerts.yaml`)) as {
        groups: { rules: { alert: string; expr: string }[] }[];
      };
      for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
        const metrics = metricsIn(expr);
        assertEquals(metrics.filter((metric) => familyOf(metric) === undefined), [], alert);
        assertEquals(metrics.length > 0, true, alert);
        assertEquals(strangers(expr, metrics.flatMap((metric) => familyOf(metric) ?? [])), [], alert);
      }
    });

    await t.step("the build is said", () => {
      const builds = families.get("virtrigaud_build_info")?.samples.map(({ labels }) => labels) ?? [];
      assertEquals(builds.filter((labels) => /component="(manager|provider-mock)"/.test(labels)).length, 2);
    });
  },
});
