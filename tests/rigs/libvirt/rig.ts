/** Whether hypervisors can be started on this machine. @module */
import { missingCommands, run } from "../command.ts";
import { guestImagePath, IMAGE_BUILD_COMMANDS } from "./guest_image.ts";

/** Commands that a hypervisor and its tests run. */
export const HYPERVISOR_COMMANDS = [
  "libvirtd",
  "virtlogd",
  "virsh",
  "qemu-system-x86_64",
  "qemu-img",
  "sshd",
  "ssh-keygen",
  "dnsmasq",
  "iptables",
  "ip",
  "socat",
  "unshare",
  "nsenter",
];

/** The libvirt rig as a need of a test suite. */
export const libvirtRig = {
  /** Why no hypervisor can be started here, as the end of "because ..."; `undefined` when one can. */
  async unavailable(): Promise<string | undefined> {
    if (Deno.build.os !== "linux") return `hypervisors need Linux, this is ${Deno.build.os}`;
    if (Deno.build.arch !== "x86_64") return `the guest image is for x86_64, this is ${Deno.build.arch}`;
    if (Deno.uid() !== 0) return "hypervisors in namespaces need root";
    const missing = missingCommands(HYPERVISOR_COMMANDS);
    if (missing.length > 0) return `missing on this machine: ${missing.join(", ")} (deno task setup installs them)`;
    const image = await Deno.stat(await guestImagePath()).then(() => true, () => false);
    const builders = image ? [] : missingCommands(IMAGE_BUILD_COMMANDS);
    if (builders.length > 0) return `the guest image cannot be built without ${builders.join(", ")} (deno task setup)`;
    if (!(await Deno.stat("/dev/net/tun").then(() => true, () => false))) return "/dev/net/tun is missing";
    const probe = [
      "unshare",
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
      "--fork",
      "mount",
      "-t",
      "tmpfs",
      "t",
      "/mnt",
    ];
    return await run(["env", ...probe]).then(
      () => undefined,
      () => "this machine does not allow namespaces and mounts",
    );
  },
};
