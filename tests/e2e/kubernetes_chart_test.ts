/**
 * A user's year with the chart on a real Kubernetes: install, a VM, an upgrade, a leader that dies in the middle of a
 * hundred creates, uninstall with everything still there, install again, and the end of it all. Nobody's VM is made
 * twice, none is deleted by surprise, nothing is stuck.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { join } from "node:path";
import { type ChartCluster, type Pod, startCluster } from "../charts/support/cluster.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { Canary } from "./support/canary.ts";
import { until } from "./support/deadline.ts";
import { Kubectl } from "./support/kubectl.ts";
import { catalog, isReady, machine, providerObjects, ready } from "./support/manifests.ts";
import { MockHypervisor } from "./support/mock_hypervisor.ts";

const SYSTEM = "virtrigaud-system";
const TEAM = "team";
const CROWD = 100;
/** Long enough that many creates are on their way at any moment. */
const TASK_MS = 300;

const ignore = await skipWithout("e2e kubernetes", "the chart in use", helmRig, kubernetesRig);

Deno.test({
  name: "the chart from install to uninstall: upgrade, and a leader killed in the middle of a hundred creates",
  ignore,
  async fn(t) {
    await using cluster = await startCluster();
    await using year = new Year(cluster);
    const step = async (name: string, run: () => Promise<void>) => {
      const passed = await t.step({ name, fn: run, sanitizeOps: false, sanitizeResources: false });
      if (!passed) throw new Error(`${name} failed; the managers said:\n${year.logTails()}`);
    };
    await step("install with Helm, a Provider and a VM with kubectl, Ready", () => year.begin());
    await step("upgrade touches no VM", () => year.upgrade());
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
    const world = { canary: new Canary() };
    await this.#kubectl.apply(...providerObjects(world, this.#hypervisor, { taskMs: TASK_MS }));
    await this.#kubectl.apply(...catalog(world.canary.word), machine("first"));
    await this.#kubectl.ok(["wait", "provider/mock", "--for=condition=Ready", "--timeout=90s"]);
    await this.#kubectl.ok(["wait", "vm/first", "--for=condition=Ready", "--timeout=90s"]);
  }

  async upgrade(): Promise<void> {
    const before = await this.#effects();
    await this.#cluster.release("upgrade", { values: { config: { log: { level: "debug" } } } });
    await this.#roll();
    await until("a leader of the new version", () => this.#leader());
    await this.#kubectl.patch("vm", "first", { metadata: { labels: { seen: "yes" } } });
    await ready(this.#kubectl, "vm", "first");
    assertEquals(await this.#effects(), before);
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
    }, { everyMs: 500, timeoutMs: 180_000 });
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

  /** Brings as many managers up as the Deployment says, in place of those that were there. */
  async #roll(): Promise<void> {
    const replicas = await this.#cluster.rig.kubectl(
      ...["get", "deploy", "virtrigaud-manager", "-n", SYSTEM, "-o", "jsonpath={.spec.replicas}"],
    );
    const old = this.#managers;
    this.#managers = [];
    // As a rolling update does: the new one is there before the old one goes.
    for (let index = 0; index < Number(replicas); index++) {
      this.#managers.push(await this.#cluster.manager());
      await old[index]?.stop();
    }
    assertEquals(this.#managers.length, 2);
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
    const names = await this.#cluster.rig.kubectl("get", kinds, "-A", "-o", "name");
    return names.split("\n").filter((name) => name.includes("virtrigaud") && !name.includes("virtrigaud-provider-"));
  }
}

function leads(manager: Pod): boolean {
  return manager.log().includes('"leading"');
}
