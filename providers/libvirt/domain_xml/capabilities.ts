/** What the host can run, from libvirt's capabilities. @module */
import { ProviderError } from "@virtrigaud/contract";
import { elements, find, parseXml, textOf, type XmlElement } from "./element.ts";

/** How domains are run on this host. */
export interface Platform {
  readonly arch: string;
  /** `kvm` where the host offers it; `qemu` (TCG) is slow but runs everywhere. */
  readonly domainType: "kvm" | "qemu";
  readonly machine: string;
  readonly emulator: string;
}

/** What the host runs for its own architecture: what is taken by default, and what may be asked for. */
export interface HostGuests {
  readonly platform: Platform;
  readonly domainTypes: readonly string[];
  /** Machine types with their versioned names. */
  readonly machines: readonly string[];
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
export function readHostGuests(capabilitiesXml: string): HostGuests {
  const root = parseXml(capabilitiesXml);
  const arch = textOf(find(root, "host", "cpu", "arch"));
  const guest = elements(root, "guest").find((candidate) =>
    textOf(find(candidate, "os_type")) === "hvm" && find(candidate, "arch")?.attributes["name"] === arch
  );
  const offered = find(guest, "arch");
  const domainTypes = elements(offered, "domain").flatMap((domain) => domain.attributes["type"] ?? []);
  const known = elements(offered, "machine");
  const names = known.map(textOf);
  const machine = (machines[arch] ?? []).find((candidate) => names.includes(candidate)) ?? names[0];
  const domainType = (["kvm", "qemu"] as const).find((type) => domainTypes.includes(type));
  if (machine === undefined || domainType === undefined) {
    throw new ProviderError(
      "NotSupported",
      `the libvirt host (${arch || "unknown architecture"}) offers no full virtualization; install QEMU for it`,
    );
  }
  return {
    platform: { arch, domainType, machine, emulator: textOf(find(offered, "emulator")) },
    domainTypes,
    machines: [...new Set([...names, ...known.flatMap(({ attributes }) => attributes["canonical"] ?? [])])],
  };
}

/** What one kind of machine can have on a host. A list that is `undefined` is one that this libvirt does not tell. */
export interface MachineOffer {
  readonly firmwares: readonly string[] | undefined;
  readonly secureLoaders: readonly string[] | undefined;
  readonly tpmBackends: readonly string[] | undefined;
  readonly tpmVersions: readonly string[] | undefined;
  readonly graphics: readonly string[] | undefined;
  readonly videos: readonly string[] | undefined;
  readonly buses: readonly string[] | undefined;
  /** Modes of CPUs that work here. */
  readonly cpuModes: readonly string[] | undefined;
  /** How PCI devices of the host can be handed over; none without an IOMMU. */
  readonly pciBackends: readonly string[] | undefined;
}

/** Reads libvirt's domain capabilities. */
export function readMachineOffer(domainCapabilitiesXml: string): MachineOffer {
  const root = parseXml(domainCapabilitiesXml);
  const devices = find(root, "devices");
  const offer = (parent: XmlElement | undefined, name: string): readonly string[] | undefined => {
    if (parent?.attributes["supported"] === "no") return [];
    const values = elements(parent, "enum").find(({ attributes }) => attributes["name"] === name);
    return values === undefined ? undefined : elements(values, "value").map(textOf);
  };
  const modes = elements(find(root, "cpu"), "mode");
  return {
    firmwares: offer(find(root, "os"), "firmware"),
    secureLoaders: offer(find(root, "os", "loader"), "secure"),
    tpmBackends: offer(find(devices, "tpm"), "backendModel"),
    tpmVersions: offer(find(devices, "tpm"), "backendVersion"),
    graphics: offer(find(devices, "graphics"), "type"),
    videos: offer(find(devices, "video"), "modelType"),
    buses: offer(find(devices, "disk"), "bus"),
    cpuModes: modes.length === 0
      ? undefined
      : modes.flatMap(({ attributes }) => attributes["supported"] === "yes" ? attributes["name"] ?? [] : []),
    pciBackends: offer(find(devices, "hostdev"), "pciBackend"),
  };
}
