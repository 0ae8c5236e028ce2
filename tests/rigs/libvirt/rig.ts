/** Whether hypervisors can be started on this machine. @module */
import { CommandFailed, isFile, missing, run } from "../command.ts";
import type { Need } from "../skip.ts";
import { debianImagePath, guestImagePath } from "./images.ts";
import { HYPERVISOR_PACKAGES, IMAGE_PACKAGES } from "./packages.ts";
import { RELEASE_PACKAGES } from "./release.ts";

/** The libvirt rig as a need of a test suite. */
export const libvirtRig: Need = {
  async unavailable(): Promise<string | undefined> {
    const why = machineUnfit();
    if (why) return why;
    const image = isFile(await guestImagePath());
    const used = [HYPERVISOR_PACKAGES, ...image ? [] : [IMAGE_PACKAGES]].flatMap((table) =>
      Object.values(table).flat()
    );
    const gaps = missing(used);
    if (gaps.length > 0) return `this machine has no ${gaps.join(", ")} (deno task setup installs what Debian has)`;
    const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork"];
    return await run(["unshare", ...namespaces, "mount", "-t", "tmpfs", "probe", "/mnt"])
      .then(() => undefined, (error) => `this machine allows no namespaces or no mounts: ${lastLine(error)}`);
  },
};

/** The real Debian guest as a need of a test suite, beside the rig's own. */
export const debianRig: Need = {
  async unavailable(): Promise<string | undefined> {
    if (isFile(await debianImagePath())) return undefined;
    const gaps = missing([IMAGE_PACKAGES, RELEASE_PACKAGES].flatMap((table) => Object.values(table).flat()));
    return gaps.length === 0 ? undefined : `its image takes ${gaps.join(", ")} (deno task setup installs them)`;
  },
};

function lastLine(error: unknown): string {
  return String(error instanceof CommandFailed ? error.output : error).trim().split("\n").at(-1) ?? "";
}

/** What no package can mend: why this machine cannot run hypervisors at all, or `undefined`. */
export function machineUnfit(): string | undefined {
  if (Deno.build.os !== "linux") return `hypervisors need Linux, this is ${Deno.build.os}`;
  if (Deno.build.arch !== "x86_64") return `the guest image is for x86_64, this is ${Deno.build.arch}`;
  if (Deno.uid() !== 0) return "hypervisors in namespaces need root";
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return "/dev/net/tun is missing";
  }
  return undefined;
}
