/** kill -9 of the libvirt provider and of the manager around everything that they change, with a real host. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type Hypervisor, libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { isExhaustive, seed } from "./config.ts";
import { startSite } from "./processes/site.ts";
import { coverageLine, type Part, strike } from "./processes/strike.ts";

/** Every how many points somebody dies in the test command. */
const SAMPLE = { provider: 4, manager: 8 } as const;

/** Made with first-boot configuration, given a disk, deleted; the host is asked after each. */
function life(host: Hypervisor): Part[] {
  return [{
    name: "create",
    async play(site, machine) {
      await site.create("VirtualMachine", machine, {
        providerRef: { name: "host" },
        classRef: { name: "tight" },
        imageRef: { name: "tiny" },
        networks: [{ name: "nat", networkRef: { name: "nat" } }],
        userData: { cloudInit: { inline: "#cloud-config\nhostname: guest\n" } },
        lifecycle: { gracefulShutdownTimeout: "1s" },
      });
      const { status } = await site.ready(machine);
      assertEquals(await domains(host), [{ uuid: status?.id, state: "running" }]);
      // Its root disk and its seed, and no other.
      assertEquals((await volumes(host)).map((name) => name.startsWith(status?.id ?? "?")), [true, true]);
    },
  }, {
    name: "disk add",
    async play(site, machine) {
      await site.change(machine, { disks: [{ name: "data", sizeGiB: 1 }] });
      const { status } = await site.ready(machine, ({ status }) => status?.disks?.length === 2);
      assertEquals(await domains(host), [{ uuid: status?.id, state: "running" }]);
      const all = await volumes(host);
      assertEquals([all.length, all.filter((name) => name.includes("data")).length], [3, 1], all.join(", "));
      const attached = await host.virsh("domblklist", status?.id ?? "");
      assertEquals(attached.split("\n").filter((line) => line.includes("data")).length, 1, attached);
    },
  }, {
    name: "delete",
    async play(site, machine) {
      await site.delete(machine);
      await site.gone(machine);
      // The object goes only when its VM is gone, so that there is nothing to wait for here.
      assertEquals([await domains(host), await volumes(host)], [[], []]);
    },
  }];
}

Deno.test({
  name: "kill -9 around every change on a real libvirt ends with one domain or none and no volume left over",
  ignore: await skipWithout("crash", "provider and manager killed at every change on libvirt", libvirtRig),
  async fn(t) {
    const chance = seed();
    await using host = await startHypervisor();
    await using site = await startSite({
      type: "libvirt",
      endpoint: host.uri,
      preload: "trip_libvirt.ts",
      env: {},
      credentials: { username: "root", "ssh-privatekey": host.privateKey, known_hosts: `${host.knownHosts}\n` },
    });
    await site.create("VMClass", "tight", { cpu: 1, memory: "128Mi" });
    const path = `${host.pool}/${host.imageVolume}`;
    await site.create("VMImage", "tiny", { source: { libvirt: { path, format: "qcow2" } } });
    await site.create("VMNetworkAttachment", "nat", { network: { libvirt: { networkName: host.network } } });
    for (const name of ["provider", "manager"] as const) {
      const victim = site[name];
      await t.step({
        name: `the ${name}`,
        // Clients and processes of the site are open before and after; the test around the steps looks for leaks.
        sanitizeOps: false,
        sanitizeResources: false,
        async fn() {
          const every = isExhaustive() ? 1 : SAMPLE[name];
          const coverage = await strike({ site, victim, life: life(host), every, first: chance });
          console.log(`     libvirt ${coverageLine(victim, coverage)}${every === 1 ? "" : `, seed ${chance}`}`);
          assertEquals(coverage.failures, []);
          assert(coverage.killed > 3 * coverage.missed, `${coverage.missed} points were not reached`);
        },
      });
    }
  },
});

/** All domains of the host, running or not. */
async function domains(host: Hypervisor): Promise<{ uuid: string; state: string }[]> {
  const uuids = (await host.virsh("list", "--all", "--uuid")).split(/\s+/).filter((uuid) => uuid !== "");
  return await Promise.all(uuids.map(async (uuid) => ({ uuid, state: await host.virsh("domstate", uuid) })));
}

/** Files in the host's pool but for the image: what no refresh can hide. */
async function volumes(host: Hypervisor): Promise<string[]> {
  await host.virsh("pool-refresh", host.pool);
  const listed = (await host.virsh("vol-list", host.pool)).split("\n").flatMap((line) => line.trim().split(/\s+/, 1));
  return listed.filter((name) => name !== "" && name !== host.imageVolume);
}
