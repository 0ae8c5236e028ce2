/** What this provider honours of a wish; everything else is refused by name, before anything is touched. @module */
import { isIP } from "node:net";
import { type MachineSpec, type Nic, ProviderError } from "@virtrigaud/contract";

/** Keys of `hardware.extraConfig`. */
export const EXTRA_KEYS = {
  machine: "libvirt.machine",
  domainType: "libvirt.domainType",
  cpuMode: "libvirt.cpuMode",
  diskCache: "libvirt.diskCache",
  diskIo: "libvirt.diskIo",
  diskDiscard: "libvirt.diskDiscard",
} as const;

/** What keys of {@linkcode EXTRA_KEYS} take that do not take any word. */
const EXTRA_VALUES: Readonly<Record<string, readonly string[]>> = {
  [EXTRA_KEYS.domainType]: ["kvm", "qemu"],
  [EXTRA_KEYS.diskCache]: ["none", "writeback", "writethrough", "directsync", "unsafe"],
  [EXTRA_KEYS.diskIo]: ["native", "threads", "io_uring"],
  [EXTRA_KEYS.diskDiscard]: ["unmap", "ignore"],
};
const QUEUES_MAX = 16;

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const NIC_MODELS = ["virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci"];
/** Bridge names are interface names of Linux. */
const BRIDGE = /^[^\s/:]{1,15}$/;
const MEMORY_MIN_MIB = 32;

/**
 * Checks everything that can be checked without libvirt.
 * @throws {ProviderError} `InvalidSpec` or `NotSupported`, with the field.
 */
export function checkSpec(spec: MachineSpec): void {
  const refuse = (errorClass: "InvalidSpec" | "NotSupported", field: string, why: string): never => {
    throw new ProviderError(errorClass, `VM "${spec.name}": ${field} ${why}`, { field });
  };
  const invalid = (field: string, why: string): never => refuse("InvalidSpec", field, why);
  const unsupported = (field: string, isSet: unknown): void => {
    if (isSet !== undefined && isSet !== false) {
      refuse("NotSupported", field, "is not supported by the libvirt provider");
    }
  };

  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(spec.name)) {
    invalid("name", "is not a name of 1 to 63 letters, digits, . _ -");
  }
  checkHardware(spec, invalid, unsupported);
  checkDisks(spec, invalid, unsupported);
  const names = new Set<string>();
  const macs = new Set<string>();
  for (const nic of spec.nics) {
    const at = `nics[${nic.name}]`;
    if (!NAME.test(nic.name)) invalid(at, "is not a DNS label");
    if (names.has(nic.name)) invalid(at, "is there twice");
    names.add(nic.name);
    checkNic(nic, at, invalid, unsupported);
    const mac = nic.mac?.toLowerCase();
    if (mac !== undefined && macs.has(mac)) invalid(`${at}.mac`, `${mac} is there twice`);
    if (mac !== undefined) macs.add(mac);
  }
  const { datastore: _pool, ...placement } = spec.placement ?? {};
  for (const [key, value] of Object.entries(placement)) unsupported(`placement.${key}`, value);
}

type Invalid = (field: string, why: string) => never;
type Unsupported = (field: string, isSet: unknown) => void;

function checkHardware({ hardware }: MachineSpec, invalid: Invalid, unsupported: Unsupported): void {
  if (!Number.isInteger(hardware.cpus) || hardware.cpus < 1 || hardware.cpus > 128) {
    invalid("hardware.cpus", `is ${hardware.cpus}, expected 1 to 128`);
  }
  if (!Number.isInteger(hardware.memoryMib) || hardware.memoryMib < MEMORY_MIN_MIB) {
    invalid("hardware.memoryMib", `is ${hardware.memoryMib}, expected at least ${MEMORY_MIN_MIB}`);
  }
  for (const [key, value] of Object.entries(hardware.limits ?? {})) unsupported(`hardware.limits.${key}`, value);
  const { cpuHotAdd: _cpu, memoryHotAdd: _memory, nestedVirtualization: _nested, ...performance } =
    hardware.performance ?? {};
  for (const [key, value] of Object.entries(performance)) {
    if (value !== "normal" && value !== "auto") unsupported(`hardware.performance.${key}`, value);
  }
  const { tpm, tpmVersion, secureBoot, vtd: _iommu, ...security } = hardware.security ?? {};
  if (secureBoot && hardware.firmware !== "UEFI") {
    invalid("hardware.security.secureBoot", "needs firmware UEFI");
  }
  if (tpm && tpmVersion !== undefined && !["1.2", "2.0"].includes(tpmVersion)) {
    invalid("hardware.security.tpmVersion", `is ${tpmVersion}, expected 1.2 or 2.0`);
  }
  for (const [key, value] of Object.entries(security)) {
    const asked = typeof value === "object" ? value.required : value;
    unsupported(`hardware.security.${key}`, asked);
  }
  unsupported("hardware.gpu", hardware.gpu);
  const known: readonly string[] = Object.values(EXTRA_KEYS);
  for (const [key, value] of Object.entries(hardware.extraConfig ?? {})) {
    const field = `hardware.extraConfig[${key}]`;
    if (!known.includes(key)) invalid(field, `is not known; known are ${known.join(", ")}`);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) invalid(field, `is "${value}", expected a plain word`);
    const allowed = EXTRA_VALUES[key];
    if (allowed?.includes(value) === false) invalid(field, `is "${value}", expected one of ${allowed.join(", ")}`);
  }
}

function checkDisks(spec: MachineSpec, invalid: Invalid, unsupported: Unsupported): void {
  const names = new Set<string>();
  const type = (at: string, value: string | undefined) => {
    if (value !== undefined && value !== "thin" && value !== "thick") unsupported(`${at}.type ${value}`, true);
  };
  type("rootDisk", spec.rootDisk.type);
  for (const disk of spec.disks) {
    const at = `disks[${disk.name}]`;
    if (!NAME.test(disk.name)) invalid(at, "is not a DNS label");
    if (disk.name === "root" || disk.name === "seed") invalid(at, "is a name that the VM uses itself");
    if (names.has(disk.name)) invalid(at, "is there twice");
    names.add(disk.name);
    if (!(disk.sizeGib > 0)) invalid(`${at}.sizeGib`, `is ${disk.sizeGib}, expected more than 0`);
    type(at, disk.type);
    unsupported(`${at}.scsi`, disk.scsi);
  }
  switch (spec.image.type) {
    case "Volume":
    case "Template":
    case "Url":
    case "ImportedDisk":
      return;
    case "Blank":
      if (spec.rootDisk.sizeGib === undefined) invalid("rootDisk.sizeGib", "is needed where there is no image");
      return;
    default:
      unsupported(`image of type ${spec.image.type}`, true);
  }
}

function checkNic(nic: Nic, at: string, invalid: Invalid, unsupported: Unsupported): void {
  if (nic.mac !== undefined && !MAC.test(nic.mac)) invalid(`${at}.mac`, `"${nic.mac}" is not a MAC address`);
  if (nic.mac !== undefined && Number.parseInt(nic.mac.slice(1, 2), 16) % 2 === 1) {
    invalid(`${at}.mac`, `${nic.mac} is a multicast address`);
  }
  if (nic.model !== undefined && !NIC_MODELS.includes(nic.model)) {
    invalid(`${at}.model`, `"${nic.model}" is not one of ${NIC_MODELS.join(", ")}`);
  }
  if (nic.backing?.type === "Portgroup") unsupported(`${at}.backing of type Portgroup`, true);
  if (nic.backing?.type === "Bridge" && !BRIDGE.test(nic.backing.bridge)) {
    invalid(`${at}.backing.bridge`, `"${nic.backing.bridge}" is not an interface name`);
  }
  checkAddresses(nic, at, invalid);
  unsupported(`${at}.vlan`, nic.vlan);
  unsupported(`${at}.qos`, nic.qos);
  unsupported(`${at}.driver.name`, nic.driver?.name);
  const queues = nic.driver?.queues;
  if (queues !== undefined && (!Number.isInteger(queues) || queues < 1 || queues > QUEUES_MAX)) {
    invalid(`${at}.driver.queues`, `is ${queues}, expected 1 to ${QUEUES_MAX}`);
  }
  if (queues !== undefined && (nic.model ?? "virtio") !== "virtio") {
    invalid(`${at}.driver.queues`, `needs model virtio, not ${nic.model}`);
  }
  for (const key of Object.keys(nic.extra ?? {})) invalid(`${at}.extra[${key}]`, "is not known");
}

function checkAddresses(nic: Nic, at: string, invalid: Invalid): void {
  const address = (field: string, text: string): void => {
    if (isIP(text) === 0) invalid(`${at}.${field}`, `"${text}" is not an IP address`);
  };
  nic.addresses.forEach((each, index) => {
    address(`addresses[${index}].address`, each.address);
    const most = isIP(each.address) === 6 ? 128 : 32;
    if (!Number.isInteger(each.prefix) || each.prefix < 0 || each.prefix > most) {
      invalid(`${at}.addresses[${index}].prefix`, `is ${each.prefix}, expected 0 to ${most}`);
    }
    if (each.gateway !== undefined) address(`addresses[${index}].gateway`, each.gateway);
  });
  nic.dns?.servers.forEach((server, index) => address(`dns.servers[${index}]`, server));
  nic.routes?.forEach((route, index) => {
    address(`routes[${index}].destination`, route.destination.replace(/\/\d{1,3}$/, ""));
    address(`routes[${index}].gateway`, route.gateway);
  });
}
