/** Install, use, upgrade, roll back and uninstall the chart on a real API server, under its own service account. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { helmRig } from "../rigs/helm/mod.ts";
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { type ChartCluster, startCluster } from "./support/cluster.ts";
import { PROVIDER_CHART, ROOT } from "./support/helm.ts";
import { until } from "./support/until.ts";

const ignore = await skipWithout("charts on a cluster", "installing the chart", helmRig, kubernetesRig);

async function ready(cluster: ChartCluster, namespace: string, vm: string, seen?: () => string): Promise<void> {
  const path = "jsonpath={.status.conditions[?(@.type=='Ready')].status} {.status.powerState}";
  await until(async () => await cluster.rig.kubectl("get", "vm", vm, "-n", namespace, "-o", path) === "True On", {
    what: `VirtualMachine ${namespace}/${vm} Ready`,
    timeoutMs: 90_000,
    ...(seen === undefined ? {} : { seen }),
  });
}

Deno.test({
  name: "the chart installs, a VM becomes Ready, and upgrade, fail-over, rollback and uninstall leave it as it is",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    const { rig } = cluster;
    const step = async (name: string, fn: () => Promise<void>) => assert(await t.step(name, fn));
    // Helm would install the definitions itself; the hook has to be able to do all of it.
    await step("install", () => cluster.release("install", { args: ["--skip-crds"] }));
    await using first = await cluster.manager();
    await using second = await cluster.manager();
    const logs = () => `${first.log()}\n${second.log()}`;

    await step("a VM on the mock becomes Ready", async () => {
      await rig.kubectl("create", "namespace", "team");
      await rig.kubectl("apply", "-n", "team", "-f", `${ROOT}/examples/mock/vm.yaml`);
      await ready(cluster, "team", "hello", logs);
    });
    const id = () => rig.kubectl("get", "vm", "hello", "-n", "team", "-o", "jsonpath={.status.id}");
    const before = await id();
    assert(before !== "");

    await step("the stand-by takes over when the leader is killed", async () => {
      const holder = () =>
        rig.kubectl("get", "lease", "-n", "virtrigaud-system", "-o", "jsonpath={.items[0].spec.holderIdentity}");
      const leader = first.log().includes('"leading"') ? first : second;
      const old = await holder();
      await leader.stop("KILL");
      await until(async () => ![old, ""].includes(await holder()), { what: "a new leader", seen: logs });
      await rig.kubectl("patch", "vm", "hello", "-n", "team", "--type=merge", "-p", '{"spec":{"powerState":"Off"}}');
      await until(
        async () =>
          await rig.kubectl("get", "vm", "hello", "-n", "team", "-o", "jsonpath={.status.powerState}") === "Off",
        { what: "the VM Off", seen: logs },
      );
    });

    await step(
      "a release of the provider chart becomes a Provider that works, and its policy selects its pods",
      async () => {
        await cluster.helm(
          "install",
          "second",
          PROVIDER_CHART,
          "--namespace=team",
          "--set=networkPolicy.enabled=true",
          "--set=credentials.data.username=somebody",
        );
        await rig.kubectl("wait", "provider/second", "-n", "team", "--for=condition=Ready", "--timeout=60s");
        const selected = await rig.kubectl(
          "get",
          "networkpolicy",
          "second-provider",
          "-n",
          "team",
          "-o",
          "jsonpath={.spec.podSelector.matchLabels}",
        );
        const selector = Object.entries(JSON.parse(selected)).map(([key, value]) => `${key}=${value}`).join(",");
        const matching = (await rig.kubectl("get", "deploy", "-n", "team", "-l", selector, "-o", "name")).trim().split(
          "\n",
        );
        assertEquals(matching.length, 1);
        assert(matching[0]?.includes("second"), matching[0]);
        await cluster.helm("uninstall", "second", "--namespace=team", "--wait");
        assertEquals(await rig.kubectl("get", "provider", "second", "-n", "team", "--ignore-not-found"), "");
      },
    );

    await step("upgrade and rollback", async () => {
      const values = { manager: { replicaCount: 3 }, config: { log: { level: "debug" } } };
      await cluster.release("upgrade", { values });
      const replicas = () =>
        rig.kubectl(
          "get",
          "deploy",
          "virtrigaud-manager",
          "-n",
          "virtrigaud-system",
          "-o",
          "jsonpath={.spec.replicas}",
        );
      assertEquals(await replicas(), "3");
      await cluster.helm("rollback", "virtrigaud", "1", "--namespace=virtrigaud-system", "--no-hooks");
      assertEquals(await replicas(), "2");
      assertEquals(await id(), before);
    });

    await step("uninstall leaves the VM and the definitions, and nothing of its own", async () => {
      await first.stop();
      await second.stop();
      await cluster.helm("uninstall", "virtrigaud", "--namespace=virtrigaud-system");
      assertEquals(await id(), before);
      const kinds =
        "clusterroles,clusterrolebindings,roles,rolebindings,deployments,services,pdb,jobs,serviceaccounts," +
        "validatingadmissionpolicies,validatingadmissionpolicybindings";
      const left = (await rig.kubectl("get", kinds, "-A", "-o", "name")).split("\n");
      // What belongs to Providers goes with them, by a garbage collector that the rig does not have.
      assertEquals(left.filter((name) => /virtrigaud/.test(name) && !/virtrigaud-provider-team-/.test(name)), []);
      assertEquals((await rig.kubectl("get", "crd", "-o", "name")).trim().split("\n").length, 10);
    });
  },
});
