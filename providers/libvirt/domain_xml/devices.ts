/** Disks and network cards as elements of a domain. Each carries its name from the spec as libvirt's user alias. @module */
import type { Nic } from "@virtrigaud/contract";
import { element, find, type XmlElement } from "./element.ts";

/** A disk that is to be. */
export interface DiskDevice {
  /** `root` or the data disk's name. */
  readonly name: string;
  /** Path of the image on the host. */
  readonly path: string;
  readonly format: string;
  /** `vda`, `vdb`... */
  readonly target: string;
  readonly iops?: number;
  readonly driver?: DiskDriver;
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
  return element(
    "disk",
    { type: "file", device: "disk" },
    element("driver", { name: "qemu", type: disk.format, discard: "unmap", ...disk.driver }),
    element("source", { file: disk.path }),
    element("target", { dev: disk.target, bus: "virtio" }),
    disk.iops === undefined ? undefined : element("iotune", {}, element("total_iops_sec", {}, disk.iops)),
    element("serial", {}, disk.name.slice(0, SERIAL_MAX)),
    disk.name === ROOT_DISK ? element("boot", { order: 1 }) : undefined,
    element("alias", { name: `${ALIAS.disk}${disk.name}` }),
  );
}

/** Name of the disk that the VM boots from. */
export const ROOT_DISK = "root";

/**
 * The first-boot medium. On virtio-scsi, because the kernels of Debian's cloud images have no driver for the SATA
 * controller of q35: a seed there is invisible to them.
 */
export function seedElement(path: string): XmlElement {
  return element(
    "disk",
    { type: "file", device: "cdrom" },
    element("driver", { name: "qemu", type: "raw" }),
    element("source", { file: path }),
    element("target", { dev: "sda", bus: "scsi" }),
    element("readonly"),
    element("alias", { name: ALIAS.seed }),
  );
}

export function nicElement(nic: Nic & { readonly mac: string }, defaultNetwork: string): XmlElement {
  return element(
    "interface",
    { type: nic.backing?.type === "Bridge" ? "bridge" : "network" },
    nicSource(nic, defaultNetwork),
    element("mac", { address: nic.mac }),
    element("model", { type: nic.model ?? "virtio" }),
    nic.driver?.queues === undefined ? undefined : element("driver", { queues: nic.driver.queues }),
    nic.mtu === undefined ? undefined : element("mtu", { size: nic.mtu }),
    nic.filter === undefined ? undefined : element(
      "filterref",
      { filter: nic.filter.name },
      ...Object.entries(nic.filter.parameters).map(([name, value]) => element("parameter", { name, value })),
    ),
    element("alias", { name: `${ALIAS.nic}${nic.name}` }),
  );
}

/** What a card is plugged into. */
export function nicSource(nic: Nic, defaultNetwork: string): XmlElement {
  switch (nic.backing?.type) {
    case "Bridge":
      return element("source", { bridge: nic.backing.bridge });
    case "Network":
      return element("source", { network: nic.backing.network });
    default:
      return element("source", { network: defaultNetwork });
  }
}

/** Name from the spec in a device's alias; `undefined` for devices that carry no mark of ours. */
export function markedName(device: XmlElement, alias: string | undefined): string | undefined {
  const prefix = device.name === "interface" ? ALIAS.nic : ALIAS.disk;
  return alias?.startsWith(prefix) ? alias.slice(prefix.length) : undefined;
}

/** Path of the first-boot medium, if `device` is it. */
export function seedPathOf(device: XmlElement): string | undefined {
  if (device.name !== "disk" || !isSeedAlias(find(device, "alias")?.attributes["name"])) return undefined;
  return find(device, "source")?.attributes["file"];
}

/** Whether the alias is that of the first-boot medium. */
export const isSeedAlias = (alias: string | undefined): boolean => alias === ALIAS.seed;

/** The first of `vda`, `vdb`... `vdz` that is not in `taken`. */
export function freeTarget(taken: ReadonlySet<string>): string | undefined {
  for (const letter of "abcdefghijklmnopqrstuvwxyz") {
    if (!taken.has(`vd${letter}`)) return `vd${letter}`;
  }
  return undefined;
}
