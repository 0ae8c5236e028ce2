/** Control groups for a host of the rig, which has none by itself: limits of CPU and memory need them. @module */
import type { Hypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { killLibvirtd } from "./profile.ts";

const ROOT = "/sys/fs/cgroup";
const CONTROLLERS = ["cpu", "memory"] as const;

/** Whether the kernel of this machine has the first generation of control groups free for mounting. */
export async function hasControlGroups(): Promise<boolean> {
  const known = await Deno.readTextFile("/proc/cgroups").catch(() => "");
  return CONTROLLERS.every((name) => new RegExp(`^${name}\\t[1-9]`, "m").test(known));
}

/** Mounts them on the host and restarts libvirtd, which then limits guests by them; disposing removes what it made. */
export async function controlGroups(host: Hypervisor): Promise<AsyncDisposable> {
  await host.sh(["mount", "-t", "tmpfs", "cgroup", ROOT]);
  for (const name of CONTROLLERS) {
    await host.sh(["mkdir", `${ROOT}/${name}`]);
    await host.sh(["mount", "-t", "cgroup", "-o", name, "cgroup", `${ROOT}/${name}`]);
  }
  const setting = `cgroup_controllers = [ ${CONTROLLERS.map((name) => `"${name}"`).join(", ")} ]`;
  await host.sh(["sed", "-i", `s/^cgroup_controllers.*/${setting}/`, "/etc/libvirt/qemu.conf"]);
  await killLibvirtd(host);
  await host.sh(["libvirtd", "--daemon"]);
  return {
    async [Symbol.asyncDispose]() {
      for (const name of CONTROLLERS) {
        // The groups belong to the kernel, not to the host: they would outlive it. Another host may still use the parent.
        await host.sh(["rmdir", `${ROOT}/${name}/machine`]).catch(() => {});
      }
    },
  };
}
