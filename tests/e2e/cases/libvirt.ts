/** One VM on a real hypervisor over SSH, with everything killed on the way. @module */
import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import type { Hypervisor } from "../../rigs/libvirt/mod.ts";
import type { Case } from "../support/case.ts";
import type { Kubectl } from "../support/kubectl.ts";
import { hostProvider, object, ready, secret } from "../support/manifests.ts";
import { callsOf } from "../support/metrics.ts";
import type { World } from "../support/world.ts";

const NAMESPACE = "libvirt";
const HOSTNAME = "named-by-cloud-init";

/** Cases on `host`, in worlds whose manager is a process. */
export function libvirt(host: Hypervisor): readonly Case[] {
  return [{
    name: "a guest boots, is named, addressed, switched, enlarged and deleted while manager and provider are killed",
    async run(world) {
      const kubectl = await world.namespace(NAMESPACE);
      world.canary.alsoFind(keyMaterial(host.privateKey));
      await kubectl.apply(...manifests(host, world.canary.word));
      await ready(kubectl, "provider", "host");

      await kubectl.apply(vm());
      await until("the domain", async () => (await domains(host)).length > 0, { everyMs: 20 });
      await strike(world);
      // A guest that is still booting would not hear a request to shut down.
      const answers = () =>
        ready(
          kubectl,
          "vm",
          "web",
          ({ status: { guest, ips, powerState } }) =>
            powerState === "On" && guest?.agent === "Connected" && guest.hostname === HOSTNAME && ips?.length > 0,
          "to answer through its agent, with its name and address",
        );
      const born = await answers();
      assertEquals(await domains(host), [born.status.id]);
      const lease = await host.virsh("net-dhcp-leases", "default");
      assert(lease.includes(born.status.ips[0]), `${born.status.ips[0]} is not among the leases ${lease}`);
      assertMatch(await kubectl.ok(["get", "vm"]), new RegExp(`web +On +${born.status.ips[0]} .*ReconcileSuccess`));

      await kubectl.patch("vm", "web", { spec: { powerState: "Off" } });
      await strike(world);
      await ready(kubectl, "vm", "web", ({ status }) => status.powerState === "Off", "to be off");
      assertEquals(await host.virsh("domstate", born.status.id), "shut off");
      await kubectl.patch("vm", "web", { spec: { powerState: "On" } });
      await answers();

      await kubectl.patch("vm", "web", { spec: { classRef: { name: "roomy" } } });
      await ready(
        kubectl,
        "vm",
        "web",
        ({ status }) => status.currentResources?.memoryMiB === 256 && status.powerState === "On",
        "to have more memory",
      );
      assertMatch(await host.virsh("dominfo", born.status.id), /Max memory: +262144 KiB/);

      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 1 }] } });
      await strike(world);
      const grown = await ready(
        kubectl,
        "vm",
        "web",
        ({ status }) => status.disks?.length === 2,
        "to have a second disk",
      );
      assertEquals(grown.status.id, born.status.id);
      assertEquals(await domains(host), [born.status.id]);
      assertEquals((await volumes(host)).filter((name) => name.includes("data")).length, 1);
      await answers();
      await destroyedByHand(world, kubectl, host);

      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--wait=false"]);
      await strike(world);
      await until("the VM to be gone", async () => await kubectl.find("vm", "web") === undefined);
      assertEquals(await domains(host), []);
      assertEquals(await volumes(host), [host.imageVolume]);
      await kubectl.ok(["delete", "provider", "host", "--timeout=90s"]);
    },
  }];
}

function manifests(host: Hypervisor, canary: string): unknown[] {
  return [
    ...hostProvider(host),
    object("VMClass", "tight", { cpu: 1, memory: "128Mi" }),
    object("VMClass", "roomy", { cpu: 1, memory: "256Mi" }),
    object("VMImage", "tiny", { source: { libvirt: { path: `${host.pool}/${host.imageVolume}`, format: "qcow2" } } }),
    object("VMNetworkAttachment", "nat", { network: { libvirt: { networkName: host.network } } }),
    secret("user-data", { userdata: `#cloud-config\nhostname: ${HOSTNAME}\npassword: ${canary}\n` }),
  ];
}

function vm() {
  return object("VirtualMachine", "web", {
    providerRef: { name: "host" },
    classRef: { name: "tight" },
    imageRef: { name: "tiny" },
    userData: { cloudInit: { secretRef: { name: "user-data" } } },
    networks: [{ name: "nat", networkRef: { name: "nat" } }],
  });
}

/** Who looks only now and then would see a VM that is destroyed and goes on at once as one that never went off. */
const TRIES = 10;

/** A user who watches is told of each stop, and nobody has asked the hypervisor how the VM is to find that out. */
async function destroyedByHand(world: World, kubectl: Kubectl, host: Hypervisor): Promise<void> {
  const { metricsUrl } = world.stage;
  if (metricsUrl === undefined) throw new Error("this case needs a manager of its own");
  await using watching = kubectl.follow(["get", "vm", "web", "--watch", "-o", 'jsonpath={.status.phase}{"\\n"}']);
  const phases = () => watching.text.split("\n").slice(0, -1);
  const runs = () =>
    until("kubectl to print Running", () => phases().at(-1) === "Running", { seen: () => watching.text });
  await runs();
  const before = await callsOf(metricsUrl);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const from = phases().length;
    await host.virsh("destroy", "web");
    await until("kubectl to print Stopped", () => phases().slice(from).includes("Stopped"), {
      seen: () => watching.text,
    });
    await runs();
  }
  const after = await callsOf(metricsUrl);
  const more = (method: string) => (after[method] ?? 0) - (before[method] ?? 0);
  assertEquals([more("Power"), more("ListVMs")], [TRIES, 0]);
  assert(more("Describe") <= TRIES, `${more("Describe")} questions: more than one after each switching on`);
}

/** Kills the provider and the manager at once. The runner starts the provider again, the test the manager. */
async function strike(world: World): Promise<void> {
  world.killProvider(NAMESPACE, "host");
  await world.stage.manager?.kill();
  world.stage.manager?.start();
}

/** UUIDs of all domains of the host, running or not. */
async function domains(host: Hypervisor): Promise<string[]> {
  return words(await host.virsh("list", "--all", "--uuid"));
}

/** Names of all volumes in the host's pool. */
async function volumes(host: Hypervisor): Promise<string[]> {
  await host.virsh("pool-refresh", host.pool);
  return words(await host.virsh("vol-list", host.pool)).filter((_, index) => index % 2 === 0);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** A line from the middle of a private key. */
function keyMaterial(pem: string): string {
  const lines = pem.trim().split("\n");
  const line = lines[Math.floor(lines.length / 2)];
  if (line === undefined || line.length < 40) throw new Error("this is no private key");
  return line;
}
