/** Storage pools of a host beside its `default`. @module */
import type { Hypervisor } from "./hypervisor.ts";

/**
 * Kinds of pool that the rig can offer. `fs`: a file system of its own on a loop device, which libvirt mounts. `dir`: a
 * folder on a file system of its own. `netfs`: the same, mounted under the name of a server's export, by which libvirt takes
 * it for one; build machines have no NFS. `logical`: volumes are block devices, by a stand-in for the commands of LVM, since
 * the kernels of build machines have no device-mapper.
 */
export type PoolKind = "dir" | "fs" | "netfs" | "logical";

/** A pool to be added. */
export interface PoolOptions {
  readonly name: string;
  readonly kind: PoolKind;
  /** Room in the pool, MiB; a small one is full soon. */
  readonly sizeMib: number;
  /** Size of the extents of a `logical` one, MiB. Default 4, which is LVM's own. */
  readonly extentMib?: number;
}

/** Adds a pool to `host` and starts it; it goes with the host. */
export async function addPool(host: Hypervisor, options: PoolOptions): Promise<void> {
  const { name, kind, sizeMib } = options;
  const target = `/root/${name}`;
  switch (kind) {
    case "fs": {
      const image = `${target}.img`;
      await host.sh(["mkdir", target]);
      await host.sh(["truncate", "--size", `${sizeMib}M`, image]);
      await host.sh(["mkfs.ext4", "-q", "-m", "0", image]);
      const source = ["--source-dev", image, "--source-format", "ext4"];
      await host.virsh("pool-define-as", name, "fs", ...source, "--target", target);
      break;
    }
    case "logical":
      await addVolumeGroup(host, options);
      await host.virsh("pool-define-as", name, "logical", "--source-name", name, "--target", `/dev/${name}`);
      break;
    case "netfs": {
      const [server, path] = ["192.0.2.1", "/export"];
      await host.sh(["mkdir", target]);
      await host.sh(["mount", "-t", "tmpfs", "-o", `size=${sizeMib}m`, `${server}:${path}`, target]);
      const source = ["--source-host", server, "--source-path", path, "--source-format", "nfs"];
      await host.virsh("pool-define-as", name, "netfs", ...source, "--target", target);
      break;
    }
    case "dir":
      await host.sh(["mkdir", target]);
      await host.sh(["mount", "-t", "tmpfs", "-o", `size=${sizeMib}m`, "tmpfs", target]);
      await host.virsh("pool-define-as", name, "dir", "--target", target);
  }
  await host.virsh("pool-start", name);
}

const STAND_IN = new URL("./host/lvm.sh", import.meta.url);
const LVM_COMMANDS = ["pvs", "vgscan", "vgchange", "vgs", "lvs", "lvcreate", "lvchange", "lvremove"] as const;

/** A volume group as `lvm.sh` keeps it; the commands are put over the host's own folder of commands. */
async function addVolumeGroup(host: Hypervisor, { name, sizeMib, extentMib = 4 }: PoolOptions): Promise<void> {
  const commands = "/root/lvm-commands";
  await host.sh(["mkdir", "-p", commands, `/root/lvm/${name}`]);
  for (const [what, mib] of [["size", sizeMib], ["extent", extentMib]] as const) {
    await host.sh(["tee", `/root/lvm/${name}/${what}`], { input: `${mib * 2 ** 20}\n` });
  }
  if ((await host.sh(["ls", commands])) !== "") return;
  await host.sh(["tee", `${commands}/lvm.sh`], { input: await Deno.readTextFile(STAND_IN) });
  await host.sh(["chmod", "755", `${commands}/lvm.sh`]);
  for (const command of LVM_COMMANDS) await host.sh(["ln", "-s", "lvm.sh", `${commands}/${command}`]);
  await host.sh(["mount", "-t", "overlay", "-o", `lowerdir=${commands}:/usr/sbin`, "overlay", "/usr/sbin"]);
}
