/** Every field of a wish is honoured or refused by name: this file refuses. @module */
import { isIP } from "node:net";
import type { GuestInit, Hardware, ImageSource, MachineSpec, Nic, Placement } from "@virtrigaud/contract";
import { invalid, missing, type World } from "./world.ts";

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
const NIC_MODELS = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];
const SHARED_BUSES = ["none", "virtual", "physical"];
const MAX_DISKS = 60;
const MAX_NICS = 32;
const MAX_DISK_GIB = 65_536;
const MAX_MEMORY_MIB = 24 * 1024 * 1024;

/** Settings in `hardware.extraConfig` that the mock knows: how the guest behaves. */
export const extraConfigKeys = ["mock.ignoreShutdown", "mock.noAddress", "mock.noAgent"] as const;

/**
 * Refuses what the mock cannot do or what makes no sense.
 * @throws ProviderError `InvalidSpec`, `NotSupported` or `NotFound` with the field.
 */
export function checkSpec(world: World, spec: MachineSpec): void {
  if (spec.name.length > 63 || !NAME.test(spec.name)) {
    throw invalid("name", `"${spec.name}" is not a name of 1 to 63 letters, digits, dots and hyphens`);
  }
  checkHardware(spec.hardware);
  checkImageSource(spec.image, "image");
  checkDisks(world, spec);
  checkNics(world, spec.nics);
  checkGuestInit(spec.guestInit);
  checkPlacement(world, spec.placement);
  spec.tags.forEach((tag, index) => {
    if (tag.length === 0 || tag.length > 255) throw invalid(`tags[${index}]`, "a tag has 1 to 255 characters");
  });
}

function checkHardware(hardware: Hardware): void {
  integer("hardware.cpus", hardware.cpus, 1, 128);
  integer("hardware.memoryMib", hardware.memoryMib, 1, MAX_MEMORY_MIB);
  for (const [name, value] of Object.entries(hardware.limits ?? {})) {
    if (value !== undefined) integer(`hardware.limits.${name}`, value, 0, Number.MAX_SAFE_INTEGER);
  }
  const { security, gpu } = hardware;
  if (security?.secureBoot && hardware.firmware !== "UEFI") {
    throw invalid("hardware.security.secureBoot", "secure boot needs firmware UEFI");
  }
  if (security?.tpmVersion !== undefined && !["1.2", "2.0"].includes(security.tpmVersion)) {
    throw invalid("hardware.security.tpmVersion", `"${security.tpmVersion}" is neither 1.2 nor 2.0`);
  }
  if (gpu !== undefined) integer("hardware.gpu.count", gpu.count, 0, 16);
  for (const key of Object.keys(hardware.extraConfig ?? {})) {
    if (!extraConfigKeys.some((known) => known === key)) {
      throw invalid(`hardware.extraConfig[${key}]`, `unknown key; the mock knows ${extraConfigKeys.join(", ")}`);
    }
  }
}

/** Refuses image sources that the mock has no way to read. */
export function checkImageSource(image: ImageSource, path: string): void {
  switch (image.type) {
    case "Url": {
      const protocol = URL.canParse(image.url) ? new URL(image.url).protocol : undefined;
      if (protocol !== "http:" && protocol !== "https:") {
        throw invalid(`${path}.url`, "expected an http or https URL");
      }
      checkFormat(`${path}.format`, image.format);
      const digits = { md5: 32, sha1: 40, sha256: 64, sha512: 128 };
      const { checksum } = image;
      if (
        checksum !== undefined && !new RegExp(`^[0-9a-f]{${digits[checksum.algorithm]}}$`, "i").test(checksum.value)
      ) {
        throw invalid(`${path}.checksum`, `not a ${checksum.algorithm} digest in hexadecimal`);
      }
      return;
    }
    case "Volume":
      return checkFormat(`${path}.format`, image.format);
    case "ImportedDisk":
      return checkFormat(`${path}.format`, image.format);
    case "Registry":
      return checkFormat(`${path}.format`, image.format);
    case "ContentLibrary":
    case "Template":
    case "Blank":
      return;
  }
}

function checkFormat(field: string, format: string | undefined): void {
  if (format !== undefined && !["qcow2", "raw", "vmdk"].includes(format)) {
    throw invalid(field, `"${format}" is none of qcow2, raw, vmdk`);
  }
}

function checkDisks(world: World, spec: MachineSpec): void {
  const { rootDisk, disks } = spec;
  if (rootDisk.sizeGib !== undefined) integer("rootDisk.sizeGib", rootDisk.sizeGib, 1, MAX_DISK_GIB);
  checkStorage(world, "rootDisk", rootDisk);
  if (disks.length > MAX_DISKS) throw invalid("disks", `${disks.length} disks are more than ${MAX_DISKS}`);
  const seen = new Set<string>();
  for (const disk of disks) {
    const path = `disks[${disk.name}]`;
    if (!LABEL.test(disk.name)) throw invalid(`${path}.name`, "not a DNS label");
    if (disk.name === "root") throw invalid(`${path}.name`, "root is the name of the boot disk");
    if (seen.has(disk.name)) throw invalid(`${path}.name`, "a second disk of this name");
    seen.add(disk.name);
    integer(`${path}.sizeGib`, disk.sizeGib, 1, MAX_DISK_GIB);
    checkStorage(world, path, disk);
    const { sharedBus } = disk.scsi ?? {};
    if (sharedBus !== undefined && !SHARED_BUSES.includes(sharedBus.toLowerCase())) {
      throw invalid(`${path}.scsi.sharedBus`, `"${sharedBus}" is none of ${SHARED_BUSES.join(", ")}`);
    }
    if (disk.scsi?.controller !== undefined) integer(`${path}.scsi.controller`, disk.scsi.controller, 0, 3);
  }
}

interface Storage {
  readonly type?: string;
  readonly storageClass?: string;
  readonly iops?: number;
}

function checkStorage(world: World, path: string, disk: Storage): void {
  if (disk.type !== undefined && !world.capabilities.diskTypes.includes(disk.type)) {
    throw invalid(`${path}.type`, `"${disk.type}" is none of ${world.capabilities.diskTypes.join(", ")}`);
  }
  if (disk.storageClass !== undefined && !world.options.pools.includes(disk.storageClass)) {
    throw missing(`${path}.storageClass`, `storage pool ${disk.storageClass}`);
  }
  if (disk.iops !== undefined) integer(`${path}.iops`, disk.iops, 1, 10_000_000);
}

function checkNics(world: World, nics: readonly Nic[]): void {
  if (nics.length > MAX_NICS) throw invalid("nics", `${nics.length} network cards are more than ${MAX_NICS}`);
  const names = new Set<string>();
  const macs = new Set<string>();
  for (const nic of nics) {
    const path = `nics[${nic.name}]`;
    if (!LABEL.test(nic.name)) throw invalid(`${path}.name`, "not a DNS label");
    if (names.has(nic.name)) throw invalid(`${path}.name`, "a second card of this name");
    names.add(nic.name);
    if (nic.mac !== undefined) {
      if (!MAC.test(nic.mac)) throw invalid(`${path}.mac`, `"${nic.mac}" is not like 52:54:00:12:34:56`);
      if ((Number.parseInt(nic.mac.slice(0, 2), 16) & 1) === 1) throw invalid(`${path}.mac`, "a multicast address");
      if (macs.has(nic.mac)) throw invalid(`${path}.mac`, "a second card with this address");
      macs.add(nic.mac);
    }
    if (nic.model !== undefined && !NIC_MODELS.includes(nic.model)) {
      throw invalid(`${path}.model`, `"${nic.model}" is none of ${NIC_MODELS.join(", ")}`);
    }
    if (nic.mtu !== undefined) integer(`${path}.mtu`, nic.mtu, 576, 9216);
    if (nic.vlan !== undefined) integer(`${path}.vlan`, nic.vlan, 0, 4094);
    const network = networkOf(world, nic);
    if (!world.options.networks.includes(network)) throw missing(`${path}.backing`, `network ${network}`);
    checkAddresses(path, nic);
    if (nic.driver?.queues !== undefined) integer(`${path}.driver.queues`, nic.driver.queues, 1, 256);
    for (const key of Object.keys(nic.extra ?? {})) throw invalid(`${path}.extra[${key}]`, "unknown key");
  }
}

function checkAddresses(path: string, nic: Nic): void {
  nic.addresses.forEach(({ address, prefix, gateway }, index) => {
    const version = isIP(address);
    if (version === 0) throw invalid(`${path}.addresses[${index}].address`, `"${address}" is not an IP address`);
    integer(`${path}.addresses[${index}].prefix`, prefix, 0, version === 4 ? 32 : 128);
    if (gateway !== undefined && isIP(gateway) !== version) {
      throw invalid(`${path}.addresses[${index}].gateway`, `"${gateway}" is not an IPv${version} address`);
    }
  });
  if (nic.unmanaged && nic.addresses.length > 0) {
    throw invalid(`${path}.unmanaged`, "a card that is left alone cannot have addresses");
  }
  nic.dns?.servers.forEach((server, index) => {
    if (isIP(server) === 0) throw invalid(`${path}.dns.servers[${index}]`, `"${server}" is not an IP address`);
  });
  nic.routes?.forEach(({ destination, gateway }, index) => {
    const [address = "", prefix = ""] = destination.split("/");
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix)) {
      throw invalid(`${path}.routes[${index}].destination`, `"${destination}" is not like 10.0.0.0/8`);
    }
    if (isIP(gateway) === 0) throw invalid(`${path}.routes[${index}].gateway`, `"${gateway}" is not an IP address`);
  });
}

function checkGuestInit(init: GuestInit | undefined): void {
  if (init?.type !== "Ignition") return;
  try {
    JSON.parse(init.config.reveal());
  } catch {
    throw invalid("guestInit.config", "not JSON"); // without the parser's message: it quotes the secret
  }
}

function checkPlacement(world: World, placement: Placement | undefined): void {
  if (placement === undefined) return;
  const { cluster, host, datastore, storagePod } = placement;
  if (cluster !== undefined && cluster !== world.options.cluster) {
    throw missing("placement.cluster", `cluster ${cluster}`);
  }
  if (host !== undefined && !world.options.hosts.includes(host)) throw missing("placement.host", `host ${host}`);
  if (datastore !== undefined && !world.options.pools.includes(datastore)) {
    throw missing("placement.datastore", `datastore ${datastore}`);
  }
  if (storagePod !== undefined && !world.options.storagePods.includes(storagePod)) {
    throw missing("placement.storagePod", `datastore cluster ${storagePod}`);
  }
}

/** The network that a card is plugged into. */
export function networkOf(world: World, nic: Nic): string {
  switch (nic.backing?.type) {
    case undefined:
      return world.options.networks[0] ?? "default";
    case "Network":
      return nic.backing.network;
    case "Bridge":
      return nic.backing.bridge;
    case "Portgroup":
      return nic.backing.portgroup;
  }
}

function integer(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(field, `${value} is not a whole number from ${min} to ${max}`);
  }
}
