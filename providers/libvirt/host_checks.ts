/** What this host cannot give is said before anything is made. @module */
import { type MachineSpec, type Nic, ProviderError } from "@virtrigaud/contract";
import * as networks from "./client/network.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import type { HostGuests, MachineOffer, Platform } from "./domain_xml/capabilities.ts";
import { find, parseXml } from "./domain_xml/element.ts";
import { EXTRA_KEYS, extraField, type ExtraKey } from "./domain_xml/extra_keys.ts";
import { TRUNK } from "./domain_xml/nic.ts";
import { cpuMode, diskBus, extra, securityOf } from "./hardware.ts";
import { inactive } from "./images/pools.ts";

const notSupported = (field: string, message: string): never => {
  throw new ProviderError("NotSupported", message, { field });
};

/**
 * How the machine will be run.
 * @throws {ProviderError} `NotSupported` with the field, for a kind of machine that the host does not run.
 */
export function platformFor(spec: MachineSpec, { platform, domainTypes, machines }: HostGuests): Platform {
  const asked = (key: ExtraKey, offered: readonly string[]): string | undefined => {
    const value = extra(spec, key);
    if (value === undefined || offered.includes(value)) return value;
    return notSupported(extraField(key), `${key} is "${value}"; this libvirt host offers ${offered.join(", ")}`);
  };
  const domainType = asked(EXTRA_KEYS.domainType, domainTypes);
  return {
    ...platform,
    domainType: domainType === "kvm" || domainType === "qemu" ? domainType : platform.domainType,
    machine: asked(EXTRA_KEYS.machine, machines) ?? platform.machine,
  };
}

/** @throws {ProviderError} `NotSupported` with the field, for what machines of this kind cannot have on the host. */
export function checkOffer(spec: MachineSpec, platform: Platform, offer: MachineOffer): void {
  const { hardware } = spec;
  const need = (field: string, what: string, value: string, offered: readonly string[] | undefined): void => {
    if (offered === undefined || offered.includes(value)) return;
    const rest = offered.length === 0 ? "none" : offered.join(", ");
    notSupported(field, `${what} is wanted; for ${platform.machine} machines this libvirt host offers: ${rest}`);
  };
  for (const name of ["nestedVirtualization", "virtualizationBasedSecurity"] as const) {
    if (hardware.performance?.[name] && platform.domainType !== "kvm") {
      notSupported(`hardware.performance.${name}`, `${name} needs KVM, which this libvirt host does not offer`);
    }
  }
  if (hardware.firmware === "UEFI") need("hardware.firmware", "UEFI (package OVMF)", "efi", offer.firmwares);
  const { secureBoot, tpm } = securityOf(spec);
  if (secureBoot) need("hardware.security.secureBoot", "a firmware for Secure Boot", "yes", offer.secureLoaders);
  if (tpm !== undefined) {
    need("hardware.security.tpm", "a TPM by emulator (package swtpm)", "emulator", offer.tpmBackends);
    need("hardware.security.tpmVersion", `TPM ${tpm}`, tpm, offer.tpmVersions);
  }
  const graphics = extra(spec, EXTRA_KEYS.graphics);
  if (graphics !== undefined && graphics !== "none") {
    need(extraField(EXTRA_KEYS.graphics), graphics, graphics, offer.graphics);
  }
  const video = extra(spec, EXTRA_KEYS.video);
  if (video !== undefined) need(extraField(EXTRA_KEYS.video), video, video, offer.videos);
  need(extraField(EXTRA_KEYS.diskBus), `bus ${diskBus(spec)}`, diskBus(spec), offer.buses);
  const mode = cpuMode(spec, platform);
  if (extra(spec, EXTRA_KEYS.cpuMode) !== undefined) {
    need(extraField(EXTRA_KEYS.cpuMode), `CPU mode ${mode}`, mode, offer.cpuModes);
  }
  if (hardware.gpu !== undefined) {
    need("hardware.gpu", "PCI passthrough (an IOMMU and VFIO)", "vfio", offer.pciBackends);
  }
}

/** VLANs of Linux bridges are libvirt's since this version. */
const BRIDGE_VLANS_SINCE = [11, 1];

/**
 * @throws {ProviderError} `NotFound` with reason `DependencyMissing` for a network or filter that the host does not have,
 * `NotSupported` for VLANs on what knows none.
 */
export async function checkNetworks(context: LibvirtContext, spec: MachineSpec, options: CallOptions): Promise<void> {
  for (const nic of spec.nics) {
    await checkFilter(context, nic, options);
    if (nic.backing?.type === "Bridge") await checkBridge(context, nic);
    else await checkNetwork(context, nic, nic.backing?.type === "Network" ? nic.backing.network : undefined, options);
  }
}

async function checkFilter(context: LibvirtContext, { name, filter }: Nic, options: CallOptions): Promise<void> {
  if (filter === undefined || await networks.hasFilter(context.session, filter.name, options)) return;
  throw new ProviderError("NotFound", `network filter "${filter.name}" does not exist on the libvirt host; define it`, {
    reason: "DependencyMissing",
    field: `nics[${name}].filter`,
  });
}

const wantsVlan = (nic: Nic): boolean => nic.vlan !== undefined || nic.extra?.[TRUNK] !== undefined;

async function knowsBridgeVlans(context: LibvirtContext): Promise<boolean> {
  const [major = 0, minor = 0] = (await context.host.libvirtVersion()).split(".").map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = BRIDGE_VLANS_SINCE;
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
}

async function checkBridge(context: LibvirtContext, nic: Nic): Promise<void> {
  if (!wantsVlan(nic) || nic.extra?.["virtualPort"] === "openvswitch" || await knowsBridgeVlans(context)) return;
  notSupported(
    `nics[${nic.name}].vlan`,
    `card ${nic.name}: this libvirt gives no VLANs to ports of a Linux bridge; take a bridge of Open vSwitch, or a ` +
      "bridge of the host that is on the VLAN already",
  );
}

async function checkNetwork(
  context: LibvirtContext,
  nic: Nic,
  asked: string | undefined,
  options: CallOptions,
): Promise<void> {
  const name = asked ?? context.defaultNetwork;
  const field = `nics[${nic.name}].backing.network`;
  const network = await networks.byName(context.session, name, options);
  if (network === undefined) {
    throw new ProviderError("NotFound", `network "${name}" does not exist on the libvirt host; define and start it`, {
      reason: "DependencyMissing",
      field,
    });
  }
  if (!(await networks.isActive(context.session, network, options))) throw inactive(`network "${name}"`, field);
  if (!wantsVlan(nic)) return;
  const root = parseXml(await networks.xml(context.session, network, options));
  const mode = find(root, "forward")?.attributes["mode"];
  const isTagging = find(root, "virtualport")?.attributes["type"] === "openvswitch" || mode === "hostdev" ||
    (mode === "bridge" && await knowsBridgeVlans(context));
  if (!isTagging) {
    notSupported(
      `nics[${nic.name}].vlan`,
      `card ${nic.name}: network "${name}" knows no VLANs; take one on Open vSwitch, or one that is on the VLAN already`,
    );
  }
}
