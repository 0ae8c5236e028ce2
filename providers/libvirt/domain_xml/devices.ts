/** Disks as elements of a domain. Each carries its name from the spec as libvirt's user alias. @module */
import { element, elements, find, type XmlElement } from "./element.ts";

/** Buses that disks hang on. */
export type DiskBus = "virtio" | "scsi" | "sata" | "ide";

/** A disk that is to be. */
export interface DiskDevice {
  /** `root` or the data disk's name. */
  readonly name: string;
  /** Path of the image on the host. */
  readonly path: string;
  /** Whether that is a block device. Default: a file. */
  readonly block?: boolean;
  readonly format: string;
  readonly place: DiskPlace;
  readonly iops?: number;
  readonly driver?: DiskDriver;
}

/** Where in the machine a disk hangs. */
export interface DiskPlace {
  readonly bus: DiskBus;
  /** `vda`, `sdb`, `hda`... */
  readonly target: string;
  /** On SCSI: the controller, and the disk's number there. */
  readonly drive?: { readonly controller: number; readonly target: number; readonly unit: number };
}

/** How QEMU reads and writes the image of a disk; absent is QEMU's own choice, and `unmap` for `discard`. */
export interface DiskDriver {
  readonly cache?: string;
  readonly io?: string;
  readonly discard?: string;
}

/** libvirt leaves aliases alone that begin so, in the running and in the stored description. */
const ALIAS = { disk: "ua-disk-", nic: "ua-nic-", seed: "ua-seed" } as const;
/** The guest shows a disk under `/dev/disk/by-id/virtio-<serial>`; virtio carries 20 bytes. */
const SERIAL_MAX = 20;

export function diskElement(disk: DiskDevice): XmlElement {
  const { bus, target, drive } = disk.place;
  return element(
    "disk",
    { type: disk.block ? "block" : "file", device: "disk" },
    element("driver", { name: "qemu", type: disk.format, discard: "unmap", ...disk.driver }),
    element("source", disk.block ? { dev: disk.path } : { file: disk.path }),
    element("target", { dev: target, bus }),
    disk.iops === undefined ? undefined : element("iotune", {}, element("total_iops_sec", {}, disk.iops)),
    element("serial", {}, disk.name.slice(0, SERIAL_MAX)),
    disk.name === ROOT_DISK ? element("boot", { order: 1 }) : undefined,
    element("alias", { name: `${ALIAS.disk}${disk.name}` }),
    drive === undefined ? undefined : element("address", { type: "drive", bus: 0, ...drive }),
  );
}

/** Whether the disk is a block device of the host. */
export const isOnBlock = (device: XmlElement): boolean => device.attributes["type"] === "block";

/** Whether the device is a disk that this provider has put in. */
export const isDiskOfOurs = (device: XmlElement): boolean =>
  device.name === "disk" && find(device, "alias")?.attributes["name"]?.startsWith(ALIAS.disk) === true;

/** Name of the disk that the VM boots from. */
export const ROOT_DISK = "root";

/** Name that the first-boot medium has on the SCSI bus; disks begin after it. */
export const SEED_TARGET = "sda";

/** Where the first-boot medium of machines that we made is, or would be. */
const SEED_PLACE: DiskPlace = {
  bus: "scsi",
  target: SEED_TARGET,
  drive: { controller: 0, target: 0, unit: 0 },
};

/**
 * The first-boot medium. On virtio-scsi, because the kernels of Debian's cloud images have no driver for the SATA
 * controller of q35: a seed there is invisible to them.
 */
export function seedElement(path: string, place: DiskPlace = SEED_PLACE): XmlElement {
  const { target, bus, drive } = place;
  return element(
    "disk",
    { type: "file", device: "cdrom" },
    element("driver", { name: "qemu", type: "raw" }),
    element("source", { file: path }),
    element("target", { dev: target, bus }),
    element("readonly"),
    element("alias", { name: ALIAS.seed }),
    drive === undefined ? undefined : element("address", { type: "drive", bus: 0, ...drive }),
  );
}

/** Alias of the card of this name. */
export const nicAlias = (name: string): XmlElement => element("alias", { name: `${ALIAS.nic}${name}` });

/** Name from the spec in a device's alias; `undefined` for devices that carry no mark of ours. */
export function markedName(device: XmlElement, alias: string | undefined): string | undefined {
  const prefix = device.name === "interface" ? ALIAS.nic : ALIAS.disk;
  return alias?.startsWith(prefix) ? alias.slice(prefix.length) : undefined;
}

/** The drive of the first-boot medium in a description, and the path of what is in it. */
export function seedOf(domain: XmlElement): { readonly device?: XmlElement; readonly path?: string } {
  const device = elements(find(domain, "devices"), "disk").find((disk) =>
    isSeedAlias(find(disk, "alias")?.attributes["name"])
  );
  if (device === undefined) return {};
  const path = find(device, "source")?.attributes["file"];
  return path === undefined ? { device } : { device, path };
}

/** Whether the alias is that of the first-boot medium. */
export const isSeedAlias = (alias: string | undefined): boolean => alias === ALIAS.seed;
