/** Storage pools of a host beside its `default`. @module */
import type { Hypervisor } from "./hypervisor.ts";

/**
 * Kinds of pool that the rig can offer. `fs`: a file system of its own on a loop device, which libvirt mounts. `dir`: a
 * folder on a file system of its own. The kernels of build machines have neither device-mapper (kind `logical`) nor NFS.
 */
export type PoolKind = "dir" | "fs";

/** A pool to be added. */
export interface PoolOptions {
  readonly name: string;
  readonly kind: PoolKind;
  /** Room in the pool, MiB; a small one is full soon. */
  readonly sizeMib: number;
}

/** Adds a pool to `host` and starts it; it goes with the host. */
export async function addPool(host: Hypervisor, { name, kind, sizeMib }: PoolOptions): Promise<void> {
  const target = `/root/${name}`;
  await host.sh(["mkdir", target]);
  if (kind === "fs") {
    const image = `${target}.img`;
    await host.sh(["truncate", "--size", `${sizeMib}M`, image]);
    await host.sh(["mkfs.ext4", "-q", "-m", "0", image]);
    const source = ["--source-dev", image, "--source-format", "ext4"];
    await host.virsh("pool-define-as", name, "fs", ...source, "--target", target);
  } else {
    await host.sh(["mount", "-t", "tmpfs", "-o", `size=${sizeMib}m`, "tmpfs", target]);
    await host.virsh("pool-define-as", name, "dir", "--target", target);
  }
  await host.virsh("pool-start", name);
}
