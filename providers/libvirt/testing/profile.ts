/** What the conformance suite has to know about a host of the rig. @module */
import type { ConformanceProfile } from "@virtrigaud/conformance";
import type { Hypervisor } from "../../../tests/rigs/libvirt/mod.ts";

/** A domain that nobody marked: its own UUID, no disk, no card. */
const foreignDomain = (name: string, uuid: string): string =>
  `<domain type="qemu"><name>${name}</name><uuid>${uuid}</uuid><memory unit="MiB">64</memory>` +
  `<os><type arch="x86_64" machine="q35">hvm</type></os></domain>`;

/** Where images and disks of the tests are. */
export interface ProfileServers {
  /** URL of the guest image. */
  readonly imageUrl?: string;
  readonly transferTarget?: ConformanceProfile["transferTarget"];
}

export function libvirtProfile(host: Hypervisor, servers: ProfileServers = {}): ConformanceProfile {
  const { imageUrl = "http://127.0.0.1:9/none", transferTarget } = servers;
  return {
    ...(transferTarget === undefined ? {} : { transferTarget }),
    name: "libvirt over SSH",
    image: { type: "Volume", pool: host.pool, path: host.imageVolume },
    imageSource: { type: "Url", url: imageUrl, format: "qcow2" },
    damagedImageSource: { type: "Url", url: imageUrl, checksum: { algorithm: "sha256", value: "0".repeat(64) } },
    rootGib: 1,
    hardware: {
      cpus: 1,
      memoryMib: 128,
      firmware: "BIOS",
      performance: { cpuHotAdd: true, memoryHotAdd: true },
    },
    // Below the range of the network's DHCP server.
    staticAddress: { address: "192.168.122.9", prefix: 24, gateway: "192.168.122.1" },
    network: { type: "Network", network: host.network },
    guest: { address: true, agent: true, cloudInit: true, shutdown: true },
    timeouts: { pollMs: 100 },
    controls: {
      addForeignVm: async (name) => {
        const uuid = crypto.randomUUID();
        await host.sh(["tee", "/root/foreign.xml"], { input: foreignDomain(name, uuid) });
        await host.virsh("define", "/root/foreign.xml");
        return uuid;
      },
      listVolumes: async () => (await host.virsh("vol-list", host.pool)).split("\n").map((line) => line.trim()),
      powerOff: async (vmId) => void await host.virsh("destroy", vmId),
      deleteVm: async (vmId) => {
        await host.virsh("destroy", vmId).catch(() => "");
        await host.virsh("undefine", vmId);
      },
      interruptEvents: () => restartLibvirtd(host),
    },
  };
}

/** Kills libvirtd as a crash would, and starts it again. Guests live on. */
export async function restartLibvirtd(host: Hypervisor): Promise<void> {
  await killLibvirtd(host);
  await host.sh(["libvirtd", "--daemon"]);
}

/** Kills libvirtd as a crash would. */
export async function killLibvirtd(host: Hypervisor): Promise<void> {
  const pid = (await host.sh(["cat", "/run/libvirtd.pid"])).trim();
  await host.sh(["kill", "-KILL", pid]);
  // It holds its pid file until the kernel is done with it.
  await host.sh(["tail", `--pid=${pid}`, "--sleep-interval=0.05", "-f", "/dev/null"]);
}

/**
 * {@linkcode restartLibvirtd}, for one that may die while it starts a QEMU. What no libvirtd finds back from is taken away
 * as the provider tells administrators to (`HalfStarted`); a test of its own sees to it that it does tell them.
 */
export async function restartAndMend(host: Hypervisor): Promise<void> {
  await killLibvirtd(host);
  const left = ["grep", "--recursive", "--files-with-matches", "--include=*.xml"] as const;
  const notes = await host.sh([...left, "reason='starting up' pid='0'", "/run/libvirt/qemu"]).catch(() => "");
  for (const note of notes.split("\n").filter((path) => path !== "")) await host.sh(["rm", note]);
  await host.sh(["libvirtd", "--daemon"]);
}
