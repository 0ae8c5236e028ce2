/** Who is who: domain UUIDs, volume names and MAC addresses that follow from the owner's UID alone. @module */
import { createHash } from "node:crypto";
import type { Nic } from "@virtrigaud/contract";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * UUID of the domain that belongs to the object with this UID: the UID itself where it is a UUID, which it is on every
 * Kubernetes API server, else one made from its digest.
 */
export function domainUuid(ownerUid: string): string {
  if (UUID.test(ownerUid)) return ownerUid.toLowerCase();
  const hex = createHash("sha256").update(`virtrigaud:${ownerUid}`).digest("hex");
  // Version 8 (own scheme) and variant bits of RFC 9562.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Whether `id` can be the id of a VM of this provider. */
export const isVmId = (id: string): boolean => UUID.test(id);

/** Start of the names of all volumes that were created for a domain. */
export const volumePrefix = (uuid: string): string => `${uuid}-`;
export const diskVolume = (uuid: string, disk: string): string => `${uuid}-${disk}.qcow2`;
/** The same in a pool whose volumes are block devices. */
export const blockVolume = (uuid: string, disk: string): string => `${uuid}-${disk}`;
/** The file that a block device is filled from; it belongs to the same VM. */
export const stageVolume = (volume: string): string => `${volume}${STAGE}`;
const STAGE = ".fill";
/** The overlay of a linked clone: its name tells whose disk it stands on, so that this one is not taken away. */
export const overlayVolume = (uuid: string, disk: string, baseUuid: string): string =>
  `${uuid}-${disk}.on-${baseUuid}.qcow2`;
/** Whether a volume is the overlay of a clone that stands on the disks of `baseUuid`. */
export const standsOn = (volume: string, baseUuid: string): boolean => volume.endsWith(`.on-${baseUuid}.qcow2`);
/** The volume of a disk that was imported; the key follows from its owner and name. */
export const importedVolume = (key: string): string => `${importedBlock(key)}.qcow2`;
/** The same in a pool whose volumes are block devices. */
export const importedBlock = (key: string): string => `${IMPORTED}${key}`;
/** What has come of one while it is imported. */
export const importPart = (key: string): string => `${importedVolume(key)}.part`;
/** Whether a volume is a file on the way to one: of an import that goes on, or of one that was cut off. */
export const isImportPart = (volume: string): boolean =>
  isImported(volume) && (volume.endsWith(".part") || volume.endsWith(STAGE));
/** Whether a volume was imported by us. */
export const isImported = (volume: string): boolean => volume.startsWith(IMPORTED);
const IMPORTED = "virtrigaud-disk-";

export const seedVolume = (uuid: string): string => `${uuid}-seed.iso`;

export const ignitionVolume = (uuid: string): string => `${uuid}-ignition.json`;

/** A card whose address is settled. */
export type NamedNic = Nic & { readonly mac: string };

/** The cards of `nics`, those without an address given one that follows from the domain and the card's name. */
export function withAddresses(uuid: string, nics: readonly Nic[]): NamedNic[] {
  return nics.map((nic) => ({ ...nic, mac: (nic.mac ?? derivedMac(uuid, nic.name)).toLowerCase() }));
}

function derivedMac(uuid: string, name: string): string {
  const [a = 0, b = 0, c = 0] = createHash("sha256").update(`${uuid}/${name}`).digest();
  // The range that QEMU's guests use by custom.
  return ["52", "54", "00", ...[a, b, c].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
