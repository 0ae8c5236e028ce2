/** What the host can run, from libvirt's capabilities. @module */
import { ProviderError } from "@virtrigaud/contract";
import { elements, find, parseXml, textOf } from "./element.ts";

/** How domains are run on this host. */
export interface Platform {
  readonly arch: string;
  /** `kvm` where the host offers it; `qemu` (TCG) is slow but runs everywhere. */
  readonly domainType: "kvm" | "qemu";
  readonly machine: string;
  readonly emulator: string;
}

/** Machine types to take, the best first. */
const machines: Readonly<Record<string, readonly string[]>> = {
  x86_64: ["q35", "pc"],
  aarch64: ["virt"],
};

/**
 * Chooses for the host's own architecture.
 * @throws {ProviderError} `NotSupported` when the host runs no such guests.
 */
export function choosePlatform(capabilitiesXml: string): Platform {
  const root = parseXml(capabilitiesXml);
  const arch = textOf(find(root, "host", "cpu", "arch"));
  const guest = elements(root, "guest").find((candidate) =>
    textOf(find(candidate, "os_type")) === "hvm" && find(candidate, "arch")?.attributes["name"] === arch
  );
  const offered = find(guest, "arch");
  const types = elements(offered, "domain").map((domain) => domain.attributes["type"]);
  const known = elements(offered, "machine").map(textOf);
  const machine = (machines[arch] ?? []).find((candidate) => known.includes(candidate)) ?? known[0];
  const domainType = (["kvm", "qemu"] as const).find((type) => types.includes(type));
  if (machine === undefined || domainType === undefined) {
    throw new ProviderError(
      "NotSupported",
      `the libvirt host (${arch || "unknown architecture"}) offers no full virtualization; install QEMU for it`,
    );
  }
  return { arch, domainType, machine, emulator: textOf(find(offered, "emulator")) };
}
