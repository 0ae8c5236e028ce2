/** Dashboards and alerts against what a running manager and a running provider really expose. @module */
import { assertEquals, parseYaml } from "@virtrigaud/deps";
import { DASHBOARDS } from "../../scripts/generate/dashboards.ts";
import { helmRig, promtoolRig } from "../rigs/helm/mod.ts";
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { startCluster } from "./support/cluster.ts";
import { CHART, ROOT } from "./support/helm.ts";
import { expectSeries, type InputSeries } from "./support/promtool.ts";
import { familiesOf, type Family } from "./support/scrape.ts";
import { until } from "./support/until.ts";

const ignore = await skipWithout("charts on a cluster", "dashboards", helmRig, promtoolRig, kubernetesRig);

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

Deno.test({
  name: "every query of every dashboard has a result on a live scrape, and every alert asks for what is there",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    const { rig } = cluster;
    await cluster.release("install");
    await using manager = await cluster.manager();
    await rig.kubectl("create", "namespace", "team");
    await rig.kubectl("apply", "-n", "team", "-f", `${ROOT}/examples/mock/vm.yaml`);
    await rig.kubectl("wait", "vm/hello", "-n", "team", "--for=condition=Ready", "--timeout=60s");
    const scrape = async (port: number) => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const provider = await until(() => cluster.providerPort("team/virtrigaud-provider-team-mock"), {
      what: "the provider process",
    });
    const families = familiesOf(`${await scrape(manager.metricsPort)}\n${await scrape(provider)}`);
    const familyOf = (metric: string) =>
      families.get(metric) ?? families.get(metric.replace(/_(bucket|sum|count)$/, ""));

    for (const { title, panels } of DASHBOARDS) {
      await t.step(title, async () => {
        const queries = panels.flatMap((panel) => panel.queries.map(([query]) => ({ panel: panel.title, query })));
        const asked = queries.map(({ panel, query }) => {
          const found = metricsIn(query).map((metric) => ({ metric, family: familyOf(metric) }));
          assertEquals(found.filter(({ family }) => family === undefined).map(({ metric }) => metric), [], panel);
          const input = found.flatMap(({ family }) => family === undefined ? [] : continued(family));
          return { name: panel, input, query };
        });
        // What did not happen yet, such as a failure, has no series; the names above are checked all the same.
        const live = asked.filter(({ input }) => input.length > 0);
        await expectSeries(
          undefined,
          live.map(({ name, input, query }) => ({
            name,
            input,
            expr: query.replaceAll("$__rate_interval", "5m"),
            at: "20m",
            something: !/outcome="error"/.test(query),
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
      }
    });

    await t.step("the build is said", () => {
      const builds = families.get("virtrigaud_build_info")?.samples.map(({ labels }) => labels) ?? [];
      assertEquals(builds.filter((labels) => /component="(manager|provider-mock)"/.test(labels)).length, 2);
    });
  },
});
