/**
 * A user's year with the chart on a real Kubernetes: install, a VM, an upgrade and its rollback, a Provider by its own
 * chart, a leader that dies in the middle of a hundred creates, uninstall with everything still there, install again,
 * and the end of it all. Nobody's VM is made twice, none is deleted by surprise, nothing is stuck.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import { type ChartCluster, type Pod, startCluster } from "../charts/support/cluster.ts";
import { PROVIDER_CHART } from "../charts/support/helm.ts";
import { chosenRelease } from "../rigs/config.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { controllersRig, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { Canary } from "./support/canary.ts";
import { Kubectl } from "./support/kubectl.ts";
import { catalog, isReady, machine, providerObjects, ready } from "./support/manifests.ts";
import { MockHypervisor } from "./support/mock_hypervisor.ts";

const SYSTEM = "virtrigaud-system";
const TEAM = "team";
const CROWD = 100;
/** Long enough that many creates are on their way at any moment. */
const TASK_MS = 300;

const ignore = await skipWithout("e2e kubernetes", "the chart in use", helmRig, kubernetesRig, controllersRig);

Deno.test({
  name: "the chart from install to uninstall: upgrade, rollback, a leader killed in the middle of a hundred creates",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    await using year = new Year(cluster);
    const step = async (name: string, run: () => Promise<void>) => {
      const passed = await t.step({ name, fn: run, sanitizeOps: false, sanitizeResources: false });
      if (!passed) throw new Error(`${name} failed; the managers said:\n${year.logTails()}`);
    };
    await step("install with Helm, a Provider and a VM with kubectl, Ready", () => year.begin());
    await step("pods of manager and provider are admitted where Pod Security is restricted", () => year.admitPods());
    await step("upgrade touches no VM", () => year.upgrade());
    await step("nor does the way back", () => year.rollBack());
    await step("a release of the provider chart is a Provider, and its policy selects its pods", () => year.second());
    await step("a hundred creates, the leader killed in the middle: a hundred VMs", () => year.failOver());
    await step("uninstall leaves every VM and nothing of its own", () => year.uninstall());
    await step("installed again, it takes every VM as it is, and deletes what is asked for", () => year.beginAgain());
    await step("the end: nothing is stuck", () => year.end());
  },
});

class Year implements AsyncDisposable {
  readonly #cluster: ChartCluster;
  readonly #kubectl: Kubectl;
  readonly #hypervisor: MockHypervisor;
  #managers: Pod[] = [];

  constructor(cluster: ChartCluster) {
    this.#cluster = cluster;
    this.#kubectl = new Kubectl(cluster.rig.kubeconfigPath, cluster.folder, TEAM);
    this.#hypervisor = new MockHypervisor(join(cluster.folder, "hypervisor.json"));
  }

  async begin(): Promise<void> {
    // Helm would install the definitions itself; the hook has to be able to do all of it.
    await this.#cluster.release("install", { args: ["--skip-crds"] });
    await this.#cluster.rig.startControllers();
    await this.#roll();
    await this.#kubectl.ok(["create", "namespace", TEAM]);
    const restricted = "pod-security.kubernetes.io/enforce=restricted";
    await this.#kubectl.ok(["label", "namespace", TEAM, SYSTEM, restricted]);
    const world = { canary: new Canary() };
    await this.#kubectl.apply(...providerObjects(world, this.#hypervisor, { taskMs: TASK_MS }));
    await this.#kubectl.apply(...catalog(world.canary.word), machine("first"));
    await this.#kubectl.ok(["wait", "provider/mock", "--for=condition=Ready", "--timeout=90s"]);
    await this.#kubectl.ok(["wait", "vm/first", "--for=condition=Ready", "--timeout=90s"]);
  }

  async admitPods(): Promise<void> {
    const deployments = [...await this.#kubectl.list("deployments"), ...await this.#kubectl.in(SYSTEM).list("deploy")];
    assertEquals(deployments.length, 2);
    for (const { metadata: { namespace = "", name }, spec: { template } } of deployments) {
      const pod = { ...template, apiVersion: "v1", kind: "Pod", metadata: { ...template.metadata, name } };
      // Its service account has to be there too.
      await this.#kubectl.in(namespace).ok(["create", "--dry-run=server", "-f", "-"], [pod]);
      const { spec: { containers: [container] } } = pod;
      const loose = { ...pod, spec: { ...pod.spec, containers: [{ ...container, securityContext: {} }] } };
      const { err } = await this.#kubectl.in(namespace).run(["create", "--dry-run=server", "-f", "-"], [loose]);
      assertMatch(err, /violates PodSecurity "restricted:latest"/);
    }
  }

  async upgrade(): Promise<void> {
    const values = { manager: { replicaCount: 3 }, config: { log: { level: "debug" } } };
    await this.#untouched(() => this.#cluster.release("upgrade", { values }), 3);
  }

  async rollBack(): Promise<void> {
    const back = ["rollback", "virtrigaud", "1", `--namespace=${SYSTEM}`, "--no-hooks"];
    await this.#untouched(() => this.#cluster.helm(...back), 2);
  }

  async second(): Promise<void> {
    const values = ["--set=networkPolicy.enabled=true", "--set=credentials.data.username=somebody"];
    await this.#cluster.helm("install", "second", PROVIDER_CHART, `--namespace=${TEAM}`, ...values);
    await this.#kubectl.ok(["wait", "provider/second", "--for=condition=Ready", "--timeout=90s"]);
    const { spec: { podSelector: { matchLabels } } } = await this.#kubectl.get("networkpolicy", "second-provider");
    const selector = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`).join();
    const selected = await this.#kubectl.ok(["get", "deploy", "-l", selector, "-o", "name"]);
    assertEquals(selected, `deployment.apps/virtrigaud-provider-${TEAM}-second\n`);
    await this.#cluster.helm("uninstall", "second", `--namespace=${TEAM}`, "--wait");
    assertEquals(await this.#kubectl.find("provider", "second"), undefined);
  }

  async failOver(): Promise<void> {
    const names = Array.from({ length: CROWD }, (_, index) => `crowd-${index}`);
    await this.#kubectl.apply(...names.map((name) => machine(name)));
    const leader = await until("a leader", () => this.#leader());
    const made = await until("the creates to be in full swing", async () => {
      const count = (await this.#hypervisor.ours()).length - 1;
      return count >= CROWD / 5 ? count : undefined;
    }, { everyMs: 10 });
    assert(made < CROWD, `all ${made} VMs were there before the leader could be killed`);
    await leader.stop("KILL");
    await until("the stand-by to lead", () => this.#managers.find((each) => each !== leader && leads(each)));

    await until("every VM to be Ready", async () => {
      const waiting = (await this.#kubectl.list("vm")).filter((vm) => !isReady(vm));
      return waiting.length === 0;
    }, { everyMs: 500, limitMs: 180_000 });
    const vms = await this.#kubectl.list("vm");
    const found = await this.#hypervisor.ours();
    assertEquals(found.length, CROWD + 1);
    assertEquals(found.map(({ ownerUid }) => ownerUid).sort(), vms.map(({ metadata }) => metadata.uid).sort());
    assertEquals(found.map(({ id }) => id).sort(), vms.map(({ status }) => status.id).sort());
    assertEquals(found.map(({ name }) => name).sort(), ["first", ...names].sort());
    // Not even for a moment was there one too many.
    const created = (await this.#hypervisor.effects()).filter(({ type }) => type === "VmCreated");
    assertEquals(created.length, CROWD + 1);
    assertEquals(await this.#hypervisor.orphans(), []);
  }

  async uninstall(): Promise<void> {
    const before = await this.#effects();
    await this.#stopManagers();
    await this.#cluster.helm("uninstall", "virtrigaud", `--namespace=${SYSTEM}`, "--wait", "--timeout=60s");
    assertEquals(await this.#leftOfTheRelease(), []);
    assertEquals((await this.#kubectl.list("vm")).length, CROWD + 1);
    assertEquals(await this.#effects(), before);
  }

  async beginAgain(): Promise<void> {
    const before = await this.#effects();
    await this.#cluster.release("install");
    await this.#roll();
    await until("a leader", () => this.#leader());
    await this.#kubectl.patch("vm", "first", { metadata: { labels: { seen: "again" } } });
    await this.#kubectl.ok(["wait", "vm", "--all", "--for=condition=Ready", "--timeout=90s"]);
    assertEquals(await this.#effects(), before);
    await this.#kubectl.ok(["delete", "vm", "--all", "--timeout=180s"]);
    assertEquals(await this.#hypervisor.leftovers(), []);
  }

  async end(): Promise<void> {
    await this.#kubectl.ok(["delete", "namespace", TEAM, "--timeout=120s"]);
    await this.#stopManagers();
    await this.#cluster.helm("uninstall", "virtrigaud", `--namespace=${SYSTEM}`, "--wait", "--timeout=60s");
    await this.#kubectl.ok(["delete", "namespace", SYSTEM, "--timeout=60s"]);
    const kinds = (await this.#kubectl.ok(["get", "crd", "-o", "name"])).trim().split("\n");
    assertEquals(kinds.length, 10);
    await this.#kubectl.ok(["delete", ...kinds, "--timeout=60s"]);
    assertEquals(await this.#leftOfTheRelease(), []);
  }

  logTails(): string {
    return this.#managers.map((manager) => manager.log().split("\n").slice(-30).join("\n")).join("\n---\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopManagers();
  }

  /** Changes the release; the new managers see every VM, and do nothing to it. */
  async #untouched(change: () => Promise<unknown>, replicas: number): Promise<void> {
    const before = await this.#effects();
    await change();
    await this.#roll(replicas);
    await until("a leader of the new version", () => this.#leader());
    await this.#kubectl.patch("vm", "first", { metadata: { labels: { seen: `by-${replicas}` } } });
    await ready(this.#kubectl, "vm", "first");
    assertEquals(await this.#effects(), before);
  }

  /** Brings as many managers up as the Deployment says, in place of those that were there. */
  async #roll(expected = 2): Promise<void> {
    const replicas = await this.#cluster.rig.kubectl(
      ...["get", "deploy", "virtrigaud-manager", "-n", SYSTEM, "-o", "jsonpath={.spec.replicas}"],
    );
    const old = this.#managers;
    this.#managers = [];
    // As a rolling update does: the new one is there before the old one goes.
    for (let index = 0; index < Number(replicas); index++) {
      this.#managers.push(await this.#cluster.manager());
      await old.shift()?.stop();
    }
    for (const manager of old) await manager.stop();
    assertEquals(this.#managers.length, expected);
  }

  async #stopManagers(): Promise<void> {
    for (const manager of this.#managers.splice(0)) await manager.stop();
  }

  #leader(): Pod | undefined {
    return this.#managers.find(leads);
  }

  /** What was done at the hypervisor so far, in words; that a guest is done booting is nobody's doing. */
  async #effects(): Promise<string[]> {
    const effects = (await this.#hypervisor.effects()).filter(({ type }) => type !== "GuestBooted");
    return effects.map(({ type, subject }) => `${type} ${subject}`);
  }

  async #leftOfTheRelease(): Promise<string[]> {
    const kinds = "clusterroles,clusterrolebindings,roles,rolebindings,deployments,services,pdb,jobs,serviceaccounts";
    const policies = chosenRelease() === "newest"
      ? ",validatingadmissionpolicies,validatingadmissionpolicybindings"
      : "";
    const names = await this.#cluster.rig.kubectl("get", kinds + policies, "-A", "-o", "name");
    return names.split("\n").filter((name) => name.includes("virtrigaud") && !name.includes("virtrigaud-provider-"));
  }
}

function leads(manager: Pod): boolean {
  return manager.log().includes('"leading"');
}
