/** What this provider honours of a wish; everything else is refused by name, before anything is touched. @module */
import { isIP } from "node:net";
import { type DataDisk, type MachineSpec, type Nic, ProviderError } from "@virtrigaud/contract";
import { scsiModel, scsiModels } from "./domain_xml/disk_place.ts";
import { EXTRA_KEYS, extraField, type ExtraKey, type ExtraValue, extraValues } from "./domain_xml/extra_keys.ts";
import { NIC_EXTRA, TRUNK } from "./domain_xml/nic.ts";
import { sizeOf } from "./hardware.ts";

const QUEUES_MAX = 16;

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const NIC_MODELS = ["virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci"];
/** Bridge names are interface names of Linux. */
const BRIDGE = /^[^\s/:]{1,15}$/;
const MEMORY_MIN_MIB = 32;
const CPUS_MAX = 128;
/** Weights that both generations of control groups take. */
const SHARES = { min: 2, max: 10_000 };
const VLAN_MAX = 4094;
const CONTROLLERS_MAX = 4;
const GPUS_MAX = 8;
const GPU_TYPE = /^[0-9a-f]{4}-[0-9a-f]{4}$/i;

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

function checkHardware(spec: MachineSpec, invalid: Invalid, unsupported: Unsupported): void {
  const { hardware } = spec;
  if (!Number.isInteger(hardware.cpus) || hardware.cpus < 1 || hardware.cpus > 128) {
    invalid("hardware.cpus", `is ${hardware.cpus}, expected 1 to 128`);
  }
  if (!Number.isInteger(hardware.memoryMib) || hardware.memoryMib < MEMORY_MIN_MIB) {
    invalid("hardware.memoryMib", `is ${hardware.memoryMib}, expected at least ${MEMORY_MIN_MIB}`);
  }
  checkLimits(spec, invalid, unsupported);
  const {
    cpuHotAdd: _cpu,
    memoryHotAdd: _memory,
    nestedVirtualization: _nested,
    virtualizationBasedSecurity: vbs,
    ...performance
  } = hardware.performance ?? {};
  for (const [key, value] of Object.entries(performance)) {
    if (value !== "normal" && value !== "auto") unsupported(`hardware.performance.${key}`, value);
  }
  const { tpm, tpmVersion, secureBoot, vtd: _iommu, ...security } = hardware.security ?? {};
  if (secureBoot && hardware.firmware !== "UEFI") {
    invalid("hardware.security.secureBoot", "needs firmware UEFI");
  }
  if (vbs && !secureBoot) {
    invalid("hardware.performance.virtualizationBasedSecurity", "needs hardware.security.secureBoot");
  }
  if (tpm && tpmVersion !== undefined && !["1.2", "2.0"].includes(tpmVersion)) {
    invalid("hardware.security.tpmVersion", `is ${tpmVersion}, expected 1.2 or 2.0`);
  }
  for (const [key, value] of Object.entries(security)) {
    const asked = typeof value === "object" ? value.required : value;
    unsupported(`hardware.security.${key}`, asked);
  }
  if (hardware.guestTools === "upgrade" || hardware.guestTools === "uninstall") {
    unsupported("hardware.guestTools", true);
  }
  checkGpu(spec, invalid, unsupported);
  checkExtraConfig(spec, invalid);
}

function checkLimits({ hardware }: MachineSpec, invalid: Invalid, unsupported: Unsupported): void {
  const { cpuShares, cpuReservationMhz, memoryLimitMib, memoryReservationMib } = hardware.limits ?? {};
  if (cpuShares !== undefined && !(cpuShares >= SHARES.min && cpuShares <= SHARES.max)) {
    invalid("hardware.limits.cpuShares", `is ${cpuShares}, expected ${SHARES.min} to ${SHARES.max} on libvirt`);
  }
  unsupported("hardware.limits.cpuReservationMhz", cpuReservationMhz || undefined);
  if (memoryLimitMib !== undefined && !(memoryLimitMib >= MEMORY_MIN_MIB)) {
    invalid("hardware.limits.memoryLimitMib", `is ${memoryLimitMib}, expected at least ${MEMORY_MIN_MIB}`);
  }
  if (memoryReservationMib && memoryReservationMib < hardware.memoryMib) {
    invalid(
      "hardware.limits.memoryReservationMib",
      `is ${memoryReservationMib}: libvirt sets aside none of a machine's memory or all of it, ${hardware.memoryMib}`,
    );
  }
}

function checkGpu({ hardware: { gpu } }: MachineSpec, invalid: Invalid, unsupported: Unsupported): void {
  if (gpu === undefined) return;
  unsupported("hardware.gpu.memoryMib", gpu.memoryMib);
  if (gpu.type === undefined || !GPU_TYPE.test(gpu.type)) {
    invalid(
      "hardware.gpu.type",
      `is "${gpu.type ?? ""}", expected vendor and product of PCI devices, such as 10de-1eb8`,
    );
  }
  if (!(gpu.count >= 1 && gpu.count <= GPUS_MAX)) {
    invalid("hardware.gpu.count", `is ${gpu.count}, expected 1 to ${GPUS_MAX}`);
  }
}

function checkExtraConfig(spec: MachineSpec, invalid: Invalid): void {
  const known: readonly string[] = Object.values(EXTRA_KEYS);
  const isKnown = (key: string): key is ExtraKey => known.includes(key);
  const given = spec.hardware.extraConfig ?? {};
  for (const [key, value] of Object.entries(given)) {
    if (!isKnown(key)) return invalid(extraField(key), `is not known; known are ${known.join(", ")}`);
    const expected = whyNot(value, extraValues[key]);
    if (expected !== undefined) invalid(extraField(key), `is "${value}", expected ${expected}`);
  }
  const { cpus, memoryMib, numaNodes, topology } = sizeOf(spec);
  if (cpus.max < cpus.current) invalid(extraField(EXTRA_KEYS.maxCpus), `is less than the ${cpus.current} CPUs`);
  if (memoryMib.max < memoryMib.current) {
    invalid(extraField(EXTRA_KEYS.maxMemoryMib), `is less than the ${memoryMib.current} MiB of memory`);
  }
  if (cpus.max > CPUS_MAX && topology !== undefined) {
    invalid(
      extraField(EXTRA_KEYS.cpuCores),
      `makes ${cpus.max} CPUs of whole sockets, at most ${CPUS_MAX} are possible`,
    );
  }
  if (numaNodes !== undefined && numaNodes > cpus.max) {
    invalid(extraField(EXTRA_KEYS.numaNodes), `is ${numaNodes}, more than the ${cpus.max} CPUs to spread`);
  }
  if (given[EXTRA_KEYS.graphics] === "none" && given[EXTRA_KEYS.graphicsListen] !== undefined) {
    invalid(extraField(EXTRA_KEYS.graphicsListen), `has no effect without ${EXTRA_KEYS.graphics}`);
  }
}

/** What was expected in place of `value`; `undefined` if it is all right. */
function whyNot(value: string, allowed: ExtraValue): string | undefined {
  switch (allowed.type) {
    case "OneOf":
      return allowed.words.includes(value) ? undefined : `one of ${allowed.words.join(", ")}`;
    case "Number": {
      const number = /^[1-9]\d{0,8}$/.test(value) ? Number(value) : 0;
      return number >= allowed.min && number <= allowed.max ? undefined : `${allowed.min} to ${allowed.max}`;
    }
    case "Address":
      return isIP(value) === 0 ? "an IP address" : undefined;
    case "Word":
      return /^[A-Za-z0-9._-]{1,64}$/.test(value) ? undefined : "a plain word";
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
    checkScsi(disk, spec.disks, at, invalid, unsupported);
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

function checkScsi(
  disk: DataDisk,
  all: readonly DataDisk[],
  at: string,
  invalid: Invalid,
  unsupported: Unsupported,
): void {
  const { scsi } = disk;
  if (scsi === undefined) return;
  const { controller = 0, controllerType = "pvscsi", sharedBus = "noSharing" } = scsi;
  if (sharedBus !== "noSharing") unsupported(`${at}.scsi.sharedBus`, true);
  if (!Number.isInteger(controller) || controller < 0 || controller >= CONTROLLERS_MAX) {
    invalid(`${at}.scsi.controller`, `is ${controller}, expected 0 to ${CONTROLLERS_MAX - 1}`);
  }
  if (!(controllerType in scsiModels)) {
    unsupported(`${at}.scsi.controllerType`, true);
  }
  const other = all.find((each) =>
    each.scsi !== undefined && (each.scsi.controller ?? 0) === controller && scsiModel(each.scsi) !== scsiModel(scsi)
  );
  if (other !== undefined) {
    invalid(`${at}.scsi.controllerType`, `is not that of ${other.name}, which hangs on the same controller`);
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
  const isVlan = (id: number): boolean => Number.isInteger(id) && id >= 1 && id <= VLAN_MAX;
  if (nic.vlan !== undefined && !isVlan(nic.vlan)) invalid(`${at}.vlan`, `is ${nic.vlan}, expected 1 to ${VLAN_MAX}`);
  for (const [direction, kbps] of Object.entries(nic.qos ?? {})) {
    if (kbps !== undefined && !(kbps >= 1)) invalid(`${at}.qos.${direction}`, `is ${kbps}, expected at least 1`);
  }
  unsupported(`${at}.driver.name`, nic.driver?.name);
  const queues = nic.driver?.queues;
  if (queues !== undefined && (!Number.isInteger(queues) || queues < 1 || queues > QUEUES_MAX)) {
    invalid(`${at}.driver.queues`, `is ${queues}, expected 1 to ${QUEUES_MAX}`);
  }
  if (queues !== undefined && (nic.model ?? "virtio") !== "virtio") {
    invalid(`${at}.driver.queues`, `needs model virtio, not ${nic.model}`);
  }
  for (const [key, value] of Object.entries(nic.extra ?? {})) {
    const field = `${at}.extra[${key}]`;
    const words = new Map<string, readonly string[]>(Object.entries(NIC_EXTRA)).get(key);
    if (key === TRUNK) {
      if (!value.split(",").every((id) => /^[1-9]\d{0,3}$/.test(id) && isVlan(Number(id)))) {
        invalid(field, `is "${value}", expected VLAN IDs separated by commas`);
      }
    } else if (words === undefined) invalid(field, "is not known");
    else if (!words.includes(value)) invalid(field, `is "${value}", expected one of ${words.join(", ")}`);
  }
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
