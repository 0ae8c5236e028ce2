/**
 * A release on a real API server, under its own service accounts: what its hook does to the definitions, what its pods
 * are allowed, and what upgrade, rollback and uninstall leave as it is. The same with a hundred VMs and a leader that dies
 * stands in tests/e2e/kubernetes_chart_test.ts.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, parseYaml } from "@virtrigaud/deps";
import { GROUP } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import { helmRig } from "../rigs/helm/mod.ts";
import { type Kubernetes, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { type ChartCluster, type Pod, startCluster } from "./support/cluster.ts";
import { at, type Manifest, manifests, one, PROVIDER_CHART, render, ROOT } from "./support/helm.ts";
import { forbidden, rightsOf, rightsUsed, type Rule } from "./support/rights.ts";

const ignore = await skipWithout("charts on a cluster", "installing the chart", helmRig, kubernetesRig);

const SYSTEM = "virtrigaud-system";
const TEAM = "team";
const VMCLASSES = `vmclasses.${GROUP}`;

Deno.test({
  name: "a release: definitions, pods, the provider chart, upgrade, rollback and uninstall",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    const { rig } = cluster;
    const managers: Pod[] = [];
    await using _ended = {
      [Symbol.asyncDispose]: async () => void await Promise.all(managers.map((pod) => pod.stop())),
    };
    const logs = () => managers.map((pod) => pod.log().slice(-3000)).join("\n");
    const step = async (name: string, fn: () => Promise<void>) =>
      assert(await t.step({ name, fn, sanitizeOps: false, sanitizeResources: false }), logs());
    const get = async (...args: string[]) => JSON.parse(await rig.kubectl("get", ...args, "-o", "json")) as unknown;
    const vm = () => get("vm", "hello", "-n", TEAM);
    const powered = (state: string) =>
      until(`the VM to be ${state} and Ready`, async () => {
        const { status } = await vm() as {
          status?: { powerState?: string; conditions?: { type: string; status: string }[] };
        };
        return status?.powerState === state &&
          status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
      }, { seen: logs });
    /** What the Deployment says now, in place of what ran before. */
    const roll = async () => {
      const old = managers.splice(0);
      managers.push(await cluster.manager());
      for (const pod of old) await pod.stop();
    };

    await step("install: the hook makes the definitions, with every right that it has and no other", async () => {
      // Helm would install the definitions itself; the hook has to be able to do all of it.
      await cluster.release("install", { args: ["--skip-crds"] });
      const account = `system:serviceaccount:${SYSTEM}:virtrigaud-crds`;
      const events = (await rig.audit()).filter(({ user }) => user.username === account);
      assertEquals(forbidden(events), []);
      const used = rightsUsed(events);
      const given = rightsOf(at(one(await render(), "ClusterRole", "virtrigaud-crds"), "rules") as Rule[]);
      assertEquals(given.filter((right) => !used.has(right)), []);
      // What it needed goes with the hook.
      assertEquals(await rig.kubectl("get", "clusterrole", "virtrigaud-crds", "--ignore-not-found"), "");
    });

    await step("a VM on the mock becomes Ready", async () => {
      await roll();
      await rig.kubectl("create", "namespace", TEAM);
      await rig.kubectl("apply", "-n", TEAM, "-f", `${ROOT}/examples/mock/vm.yaml`);
      await powered("On");
    });
    const id = at(await vm(), "status.id");
    const provider = `${TEAM}/virtrigaud-provider-${TEAM}-mock`;
    const providerPort = cluster.providerPort(provider);
    assert(typeof id === "string" && providerPort !== undefined);

    await step("the restricted Pod Security Standard, enforced, admits every pod", () => admitsEveryPod(rig));
    await step("a release of the provider chart becomes a Provider that works", () => usesProviderChart(cluster));

    await step(
      "upgrade brings a definition of an older release up to date, and keeps what others wrote there",
      async () => {
        const older = [
          { op: "remove", path: "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/extraConfig" },
          { op: "add", path: "/metadata/labels", value: { owner: "platform" } },
        ];
        await rig.kubectl("patch", "crd", VMCLASSES, "--type=json", "-p", JSON.stringify(older));
        const values = { manager: { replicaCount: 3 }, config: { log: { format: "text" } } };
        await cluster.release("upgrade", { values });
        const crd = await get("crd", VMCLASSES);
        assertEquals(at(crd, "metadata.labels"), { owner: "platform" });
        const path = "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties";
        const shipped = await Deno.readTextFile(`${ROOT}/charts/virtrigaud/crds/${GROUP}_vmclasses.yaml`);
        assertEquals(at(crd, path), at(parseYaml(shipped), path));
      },
    );

    const saysJson = () => managers[0]?.log().startsWith("{");
    const replicas = async () => at(await get("deploy", "virtrigaud-manager", "-n", SYSTEM), "spec.replicas");

    await step("the manager of the upgrade and that of the rollback go on with the VM as it is", async () => {
      await roll();
      assertEquals(await replicas(), 3);
      await rig.kubectl("patch", "vm", "hello", "-n", TEAM, "--type=merge", "-p", '{"spec":{"powerState":"Off"}}');
      await powered("Off");
      assertEquals(saysJson(), false);
      await cluster.helm("rollback", "virtrigaud", "1", `--namespace=${SYSTEM}`);
      assertEquals(await replicas(), 2);
      await roll();
      await rig.kubectl("patch", "vm", "hello", "-n", TEAM, "--type=merge", "-p", '{"spec":{"powerState":"On"}}');
      await powered("On");
      assertEquals(saysJson(), true);
      assertEquals(at(await vm(), "status.id"), id);
      assertEquals(cluster.providerPort(provider), providerPort, "the provider's process was replaced");
    });

    await step("uninstall leaves the VM and the definitions, and nothing of its own", async () => {
      await Promise.all(managers.map((pod) => pod.stop()));
      await cluster.helm("uninstall", "virtrigaud", `--namespace=${SYSTEM}`);
      assertEquals(at(await vm(), "status.id"), id);
      const kinds =
        "clusterroles,clusterrolebindings,roles,rolebindings,deployments,services,pdb,jobs,serviceaccounts," +
        "validatingadmissionpolicies,validatingadmissionpolicybindings";
      const left = (await rig.kubectl("get", kinds, "-A", "-o", "name")).split("\n");
      // What belongs to Providers goes with them, by a garbage collector that does not run here.
      assertEquals(left.filter((name) => /virtrigaud/.test(name) && !/virtrigaud-provider-team-/.test(name)), []);
      assertEquals((await rig.kubectl("get", "crd", "-o", "name")).trim().split("\n").length, 10);
    });
  },
});

/** Pods of the manager, of a provider, and of the hook, as an API server takes them that enforces the standard. */
async function admitsEveryPod(rig: Kubernetes): Promise<void> {
  const enforced = [
    "pod-security.kubernetes.io/enforce=restricted",
    "pod-security.kubernetes.io/enforce-version=latest",
  ];
  await rig.kubectl("label", "namespace", SYSTEM, TEAM, ...enforced);
  const { items } = JSON.parse(await rig.kubectl("get", "deployments", "-A", "-o", "json")) as { items: Manifest[] };
  const serviceAccountName = "virtrigaud-manager";
  const owners = [...items, one(await render(), "Job")];
  assertEquals(owners.length, 3);
  const podOf = (owner: Manifest, securityContext?: unknown): unknown => {
    const spec = at(owner, "spec.template.spec") as Record<string, unknown>;
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pod", namespace: owner.metadata.namespace },
      spec: {
        ...spec,
        // That of the hook is there only while it runs.
        ...(owner.kind === "Job" ? { serviceAccountName } : {}),
        ...(securityContext === undefined ? {} : { securityContext }),
      },
    };
  };
  const admit = async (pod: unknown): Promise<void> => {
    const file = await Deno.makeTempFile({ suffix: ".json" });
    try {
      await Deno.writeTextFile(file, JSON.stringify(pod));
      await rig.kubectl("create", "--dry-run=server", "-f", file);
    } finally {
      await Deno.remove(file);
    }
  };
  for (const owner of owners) await admit(podOf(owner));
  // So that the silence above means something.
  const rooted = podOf(one(owners, "Job"), { runAsUser: 0 });
  await assertRejects(() => admit(rooted), Error, 'violates PodSecurity "restricted:latest"');
}

async function usesProviderChart({ rig, helm }: ChartCluster): Promise<void> {
  const set = ["--set=networkPolicy.enabled=true", "--set=credentials.data.username=somebody"];
  await helm("install", "second", PROVIDER_CHART, `--namespace=${TEAM}`, ...set);
  await rig.kubectl("wait", "provider/second", "-n", TEAM, "--for=condition=Ready", "--timeout=60s");
  const [policy] = manifests(await rig.kubectl("get", "networkpolicy", "second-provider", "-n", TEAM, "-o", "yaml"));
  const labels = Object.entries(at(policy, "spec.podSelector.matchLabels") as Record<string, string>);
  const selector = labels.map(([key, value]) => `${key}=${value}`).join(",");
  const selected = (await rig.kubectl("get", "deploy", "-n", TEAM, "-l", selector, "-o", "name")).trim().split("\n");
  assertEquals(selected, [`deployment.apps/virtrigaud-provider-${TEAM}-second`]);
  await helm("uninstall", "second", `--namespace=${TEAM}`, "--wait");
  assertEquals(await rig.kubectl("get", "provider", "second", "-n", TEAM, "--ignore-not-found"), "");
}
