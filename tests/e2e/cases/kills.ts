/** Processes die at the worst moments; it ends as if they had not. @module */
import { assertEquals } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import type { Case } from "../support/case.ts";
import type { Kubectl } from "../support/kubectl.ts";
import { catalog, machine, mockProvider, ready } from "../support/manifests.ts";
import type { MockHypervisor } from "../support/mock_hypervisor.ts";
import type { World } from "../support/world.ts";

type Victim = "manager" | "provider" | "control plane";

/** Long enough that a task is always caught while it runs. */
const TASK_MS = 1_500;

/** Kills everybody in `victims` at once and starts again what nobody else starts. */
async function strike(world: World, namespace: string, victims: readonly Victim[]): Promise<void> {
  const { manager, plane } = world.stage;
  const hit = (victim: Victim) => victims.includes(victim);
  if (hit("provider")) world.killProvider(namespace, "mock");
  await Promise.all([hit("manager") ? manager?.kill() : undefined, hit("control plane") ? plane?.kill() : undefined]);
  if (hit("control plane")) {
    await plane?.start();
    await until("the API server to be back", async () => (await world.kubectl.run(["get", "ns"])).code === 0);
  }
  if (hit("manager")) manager?.start();
}

/** Plays one life and strikes at every turn of it. */
function life(victims: readonly Victim[]): Case {
  return {
    name: `the ${victims.join(" and the ")} killed in create, power, reconfigure and delete: one VM, then none`,
    async run(world) {
      const namespace = `kill-${victims.map(([first]) => first).join("")}`;
      const kubectl = await world.namespace(namespace);
      const hypervisor = await mockProvider(world, kubectl, { taskMs: TASK_MS });
      await kubectl.apply(...catalog(world.canary.word));
      const kill = () => strike(world, namespace, victims);

      // Before anybody has looked at it, and in the middle of its making.
      await kubectl.apply(machine("early"));
      await kill();
      await kubectl.apply(machine("late"));
      const late = await kubectl.get("vm", "late");
      await untilBusy(hypervisor, late.metadata.uid);
      await kill();
      await ready(kubectl, "vm", "early", running);
      await ready(kubectl, "vm", "late", running);
      await oneEach(kubectl, hypervisor);

      for (
        const [spec, done] of [
          [{ powerState: "Off" }, (vm: Vm) => vm.power === "Off"],
          [{ powerState: "On", classRef: { name: "large" } }, (vm: Vm) => vm.hardware.cpus === 2 && vm.power === "On"],
        ] as const
      ) {
        await kubectl.patch("vm", "late", { spec });
        await untilBusy(hypervisor, late.metadata.uid);
        await kill();
        await ready(kubectl, "vm", "late");
        await until(`the hypervisor to have ${JSON.stringify(spec)}`, async () => {
          const vm = await hypervisor.vmOf(late.metadata.uid);
          return vm !== undefined && done(vm);
        });
      }
      await oneEach(kubectl, hypervisor);

      await kubectl.ok(["delete", "vm", "late", "--wait=false"]);
      await untilBusy(hypervisor, late.metadata.uid);
      await kill();
      await gone(kubectl, "late");
      await oneEach(kubectl, hypervisor);
      await world.search();
      await kubectl.ok(["delete", "vm", "early", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  };
}

type Vm = NonNullable<Awaited<ReturnType<MockHypervisor["vmOf"]>>>;

const running = ({ status }: { readonly status?: { readonly powerState?: string } }) => status?.powerState === "On";

/** Waits until a task of the hypervisor holds the VM. */
async function untilBusy(hypervisor: MockHypervisor, uid: string): Promise<void> {
  await until("a task at the hypervisor", async () => {
    const vm = await hypervisor.vmOf(uid);
    return vm !== undefined && (vm.lockedBy !== undefined || vm.transitional);
  }, { everyMs: 20 });
}

/** Asserts that there is one VM for each object, none besides, and no volume that belongs to nobody. */
async function oneEach(kubectl: Kubectl, hypervisor: MockHypervisor): Promise<void> {
  const wanted = (await kubectl.list("vm")).map(({ metadata }) => metadata.uid).sort();
  await until("one VM for each object", async () => {
    const found = (await hypervisor.ours()).map(({ ownerUid }) => ownerUid).sort();
    assertEquals(found, wanted);
    return true;
  });
  assertEquals(await hypervisor.orphans(), []);
}

async function gone(kubectl: Kubectl, name: string): Promise<void> {
  await until(`vm ${name} to be gone`, async () => await kubectl.find("vm", name) === undefined);
}

const POINTS = ["before", "after", "task", "taskEnd"] as const;

/** The provider dies at a named point of each method, by its own hand, so that no moment is missed. */
const crashes: Case = {
  name: "a provider that crashes before, in and after each call does it once",
  async run(world) {
    await Promise.all(POINTS.map(async (at) => {
      const kubectl = await world.namespace(`crash-${at.toLowerCase()}`);
      const hypervisor = await mockProvider(world, kubectl);
      const crash = async (method: string) => {
        const pid = world.providerPid(`crash-${at.toLowerCase()}`, "mock");
        await until("the provider to take a fault", async () => {
          await hypervisor.fault({ method, at, fault: "Crash", times: 1 });
          return true;
        });
        return () =>
          until(`the provider to crash in ${method}`, () => {
            const now = world.providerPid(`crash-${at.toLowerCase()}`, "mock");
            return now !== undefined && now !== pid;
          });
      };
      await kubectl.apply(...catalog(world.canary.word));
      let crashed = await crash("create");
      await kubectl.apply(machine("web"));
      await crashed();
      await ready(kubectl, "vm", "web", running);
      await oneEach(kubectl, hypervisor);
      crashed = await crash("power");
      await kubectl.patch("vm", "web", { spec: { powerState: "Off" } });
      await crashed();
      await ready(kubectl, "vm", "web", ({ status }) => status.powerState === "Off", "to be off");
      crashed = await crash("reconfigure");
      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 3 }] } });
      await crashed();
      await ready(kubectl, "vm", "web", ({ status }) => status.disks?.length === 2, "to have a second disk");
      await oneEach(kubectl, hypervisor);
      crashed = await crash("delete");
      await kubectl.ok(["delete", "vm", "web", "--wait=false"]);
      await crashed();
      await gone(kubectl, "web");
      await until("the hypervisor to be asked", async () => {
        assertEquals(await hypervisor.leftovers(), []);
        return true;
      });
      const made = (await hypervisor.effects()).filter(({ type }) => type === "VmCreated");
      assertEquals(made.length, 1, "VMs that were made");
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    }));
  },
};

/** Cases for worlds whose processes can be killed. */
export const kills: readonly Case[] = [life(["manager", "provider"]), life(["control plane"]), crashes];

/** For a control plane that is back before a Lease ends, which a real kube-apiserver is not: that takes minutes. */
export const everybodyKilled: Case = life(["control plane", "manager", "provider"]);
