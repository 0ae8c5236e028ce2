/** One real Debian on a real hypervisor: what cloud-init, the guest's agent and its kernel make of what was asked for. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { callContext, finish, operation, providerFor } from "../../../providers/libvirt/testing/fixture.ts";
import type { Hypervisor } from "../../rigs/libvirt/mod.ts";
import type { Case } from "../support/case.ts";
import type { Kubectl, Printed } from "../support/kubectl.ts";
import { hostProvider, isReady, object, ready, secret } from "../support/manifests.ts";

const NAMESPACE = "debian";
const HOSTNAME = "debian-web";
/** A Debian boots for a minute where nothing else runs, and its image has to be fetched before. */
const PATIENCE_MS = 10 * 60_000;
/** How often a long wait is told about, seconds. */
const TELL_EVERY_S = 20;
/** Cards as the guest is to know them; without their addresses they could only be told apart by order. */
const CARDS = {
  four: { mac: "52:54:00:00:40:04", address: "192.168.122.44", prefix: 24 },
  six: { mac: "52:54:00:00:60:06", address: "fd77:1::6", prefix: 64 },
} as const;

/** Where the first card moves to. */
const MOVED = "192.168.122.45";

/** An image of a real Debian, and where it is to be fetched. */
export interface DebianImage {
  readonly url: string;
  readonly sha256: string;
}

/** The case on `host`. */
export function debian(host: Hypervisor, image: DebianImage): readonly Case[] {
  return [{
    name: "a real Debian is configured by cloud-init, answers, grows and shuts down",
    async run(world) {
      const kubectl = await world.namespace(NAMESPACE);
      await kubectl.apply(...manifests(host, image, world.canary.word));
      await ready(kubectl, "provider", "host");
      await kubectl.apply(vm());

      say("its image is fetched, and it boots for the first time");
      const born = await machine(
        kubectl,
        "to answer with its name and addresses",
        ({ status: { guest, ips } }) =>
          guest?.agent === "Connected" && guest.hostname === HOSTNAME && ips?.length === 2,
      );
      assertEquals(born.status.ips, [CARDS.four.address, CARDS.six.address]);
      assertMatch(born.status.guest.os, /Debian GNU\/Linux 12/);

      await using provider = providerFor(host);
      const vmId: string = born.status.id;
      const exec = async (...command: string[]): Promise<string> => {
        const request = { operation: operation(born.metadata.uid), vmId, command };
        const { exitCode, stdout, stderr } = await provider.guestExec(request, callContext());
        assertEquals(exitCode, 0, `${command.join(" ")}: ${stderr}`);
        return stdout;
      };
      say("cloud-init ends its work");
      const result = await until("cloud-init", () => exec("/usr/bin/cat", "/run/cloud-init/result.json"), {
        limitMs: PATIENCE_MS,
      });
      const { datasource, errors } = JSON.parse(result).v1;
      assertEquals(errors, []);
      assertStringIncludes(datasource, "NoCloud");
      assertEquals(await exec("/usr/bin/cat", "/etc/asked", "/etc/ran"), "asked for\nran\n");
      assertMatch(await exec("/usr/bin/id", "ops"), /uid=\d+\(ops\)/);

      say("cards, by their hardware addresses");
      const links: Link[] = JSON.parse(await exec("/usr/sbin/ip", "-json", "address"));
      for (const { mac, address, prefix } of Object.values(CARDS)) {
        const own = links.find((link) => link.address === mac)?.addr_info.filter(({ scope }) => scope === "global");
        assertEquals(own?.map(({ local, prefixlen }) => [local, prefixlen]), [[address, prefix]], mac);
      }
      assertStringIncludes(await exec("/usr/sbin/ip", "route"), "default via 192.168.122.1");
      assertStringIncludes(await exec("/usr/bin/resolvectl", "dns"), "192.168.122.1");

      say("disks: the root file system has grown with its disk, a disk that grows now is seen at once");
      assert(await fileSystemGib(exec) > 2.5);
      const sectors = () => exec("/usr/bin/cat", "/sys/block/vdb/size");
      assertEquals(Number(await sectors()), 2 ** 21);
      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 2, expandPolicy: "Online" }] } });
      await until("the larger disk in the guest", async () => Number(await sectors()) === 2 ** 22);

      say("a snapshot with its file systems at rest, which go on after it");
      const request = {
        operation: operation(born.metadata.uid),
        vmId,
        name: "calm",
        includeMemory: false,
        quiesce: true,
      };
      const { task } = await provider.snapshotCreate(request, callContext());
      await finish(provider, task);
      await exec("/usr/bin/touch", "/etc/after");
      assertEquals((await provider.snapshotList({ vmId }, callContext())).map(({ name }) => name), ["calm"]);

      say("CPUs and memory that come while it runs");
      await kubectl.patch("vm", "web", { spec: { resources: { cpu: 3, memoryMiB: 768 } } });
      const online = () => exec("/usr/bin/nproc");
      const memoryMib = async () =>
        Number(/MemTotal: +(\d+)/.exec(await exec("/usr/bin/cat", "/proc/meminfo"))?.[1]) / 1024;
      const before = await memoryMib();
      await until("a third CPU in the guest", async () => Number(await online()) === 3);
      await until("more memory in the guest", async () => await memoryMib() > before + 200);

      say(
        "user-data and an address that change: the same instance takes them at its next boot, and does nothing twice",
      );
      const instance = () => exec("/usr/bin/cat", "/var/lib/cloud/data/instance-id");
      const keys = () => exec("/usr/bin/find", "/etc/ssh", "-name", "*.pub", "-exec", "cat", "{}", "+");
      const known = [await instance(), await keys()];
      await kubectl.apply(userData(world.canary.word, { bootcmd: "echo again > /etc/booted", runcmd: "rm /etc/ran" }));
      await kubectl.patch("vm", "web", { spec: { networks: networks(MOVED) } });
      await machine(kubectl, "to have other user-data", ({ status }) => status.userData?.change === "Replaced");
      await kubectl.patch("vm", "web", { metadata: { annotations: { "virtrigaud.io/reboot-requested-at": "now" } } });
      await machine(kubectl, "to have its other address", ({ status: { ips } }) => ips?.[0] === MOVED);
      await until("cloud-init", () => exec("/usr/bin/cat", "/run/cloud-init/result.json"), { limitMs: PATIENCE_MS });
      assertEquals(await exec("/usr/bin/cat", "/etc/booted", "/etc/ran"), "again\nran\n");
      assertEquals([await instance(), await keys()], known);

      say("the guest shuts itself down");
      await kubectl.patch("vm", "web", { spec: { powerState: "OffGraceful" } });
      await machine(kubectl, "to be off", ({ status }) => status.powerState === "Off");
      assertEquals(await host.virsh("domstate", vmId, "--reason"), "shut off (shutdown)");

      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await host.virsh("list", "--all", "--name"), "");
      await host.virsh("pool-refresh", host.pool);
      const left = await host.virsh("vol-list", host.pool);
      assertEquals(
        [...left.matchAll(/^ *(\S+\.\S+)/gm)].map(([, name]) => name).filter((name) =>
          !name?.startsWith("virtrigaud-image-")
        ),
        [],
      );
      await kubectl.ok(["delete", "provider", "host", "--timeout=90s"]);
    },
  }];
}

interface Link {
  readonly address?: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

function say(what: string): void {
  console.log(`     ${what}`);
}

async function machine(kubectl: Kubectl, what: string, test: (vm: Printed) => boolean): Promise<Printed> {
  let seen: Printed | undefined;
  const begin = performance.now();
  let told = 0;
  return await until(`VM web ${what}`, async () => {
    seen = await kubectl.find("vm", "web");
    const seconds = (performance.now() - begin) / 1000;
    if (seconds > told + TELL_EVERY_S) {
      told = seconds;
      const { phase, guest } = seen?.status ?? {};
      say(`  after ${Math.round(seconds)} s: ${phase}, agent ${guest?.agent ?? "not seen"}`);
    }
    return seen !== undefined && isReady(seen) && test(seen) ? seen : undefined;
  }, { limitMs: PATIENCE_MS, everyMs: 1000, seen: () => JSON.stringify(seen?.status) });
}

async function fileSystemGib(exec: (...command: string[]) => Promise<string>): Promise<number> {
  const [, size] = (await exec("/usr/bin/df", "--output=size", "-B1", "/")).trim().split("\n");
  return Number(size) / 2 ** 30;
}

function manifests(host: Hypervisor, image: DebianImage, canary: string): unknown[] {
  return [
    ...hostProvider(host),
    object("VMClass", "roomy", {
      cpu: 2,
      memory: "512Mi",
      diskDefaults: { size: "3Gi" },
      performanceProfile: { cpuHotAddEnabled: true, memoryHotAddEnabled: true },
    }),
    object("VMImage", "debian", {
      source: { libvirt: { url: image.url, checksum: image.sha256, checksumType: "sha256", format: "qcow2" } },
    }),
    object("VMNetworkAttachment", "nat", {
      network: { libvirt: { networkName: host.network } },
      ipAllocation: { type: "DHCP", dnsConfig: { servers: ["192.168.122.1"] } },
    }),
    userData(canary, { bootcmd: "true", runcmd: "echo ran > /etc/ran" }),
  ];
}

/** What runs at every boot, and what runs once in the life of an instance. */
function userData(canary: string, { bootcmd, runcmd }: { readonly bootcmd: string; readonly runcmd: string }) {
  return secret("user-data", {
    userdata: `#cloud-config
hostname: ${HOSTNAME}
password: ${canary}
users:
  - name: ops
    shell: /bin/bash
write_files:
  - path: /etc/asked
    content: "asked for\\n"
bootcmd:
  - [sh, -c, "${bootcmd}"]
runcmd:
  - [sh, -c, "${runcmd}"]
`,
  });
}

function networks(address4: string) {
  return Object.entries(CARDS).map(([name, { mac, address, prefix }]) => ({
    name,
    networkRef: { name: "nat" },
    macAddress: mac,
    ipAddress: name === "four" ? address4 : address,
    prefix,
    ...(name === "four" ? { gateway: "192.168.122.1" } : {}),
  }));
}

function vm() {
  return object("VirtualMachine", "web", {
    providerRef: { name: "host" },
    classRef: { name: "roomy" },
    imageRef: { name: "debian" },
    userData: { cloudInit: { secretRef: { name: "user-data" } } },
    networks: networks(CARDS.four.address),
    disks: [{ name: "data", sizeGiB: 1, expandPolicy: "Online" }],
    lifecycle: { gracefulShutdownTimeout: "3m" },
  });
}
