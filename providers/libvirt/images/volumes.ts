/** Images and volumes: where root disks come from and how disks come to be. @module */
import { type DiskType, type ImageSource, ProviderError } from "@virtrigaud/contract";
import { errorCode, LibvirtError } from "../client/errors.ts";
import type { PoolRef, VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { readVolumeFormat, volumeXml } from "../domain_xml/volume.ts";
import { blockVolume, diskVolume } from "../identity.ts";
import { cannotGrow, fillBlock, isHalfFilled } from "./blocks.ts";
import { type DiskPool, type FilePool, requirePool } from "./pools.ts";

const GIB = 1024 ** 3;

/** Bytes of a size in GiB, whole sectors. */
export const gibBytes = (gib: number): number => Math.ceil((gib * GIB) / 512) * 512;

/** Whether a disk takes all of its space at its birth. */
export const isThick = ({ type }: { readonly type?: DiskType }): boolean => type === "thick";

/** An image that the host has. */
export interface FoundImage {
  readonly volume: VolumeRef;
  readonly bytes: number;
  readonly format: string;
}

/**
 * Finds the volume that `image` names: an absolute path, `pool/volume`, or a volume of `image.pool` or the default pool.
 * A file that was put there without libvirt is found as well.
 * @throws {ProviderError} `NotFound` with reason `DependencyMissing`; `InvalidSpec` when the format is another one.
 */
export async function findImage(
  context: LibvirtContext,
  image: Extract<ImageSource, { type: "Volume" }>,
  options?: CallOptions,
): Promise<FoundImage> {
  const volume = image.path.startsWith("/")
    ? await volumeAtPath(context, image, options)
    : await volumeByName(context, image, options);
  if (volume === undefined) {
    throw new ProviderError(
      "NotFound",
      `image "${image.path}" is in no active storage pool of the libvirt host; put it into one or define a pool for its folder`,
      { reason: "DependencyMissing", field: "image.path" },
    );
  }
  // A block device has no format for libvirt: it is taken byte by byte.
  const format = readVolumeFormat(await storage.xml(context.session, volume, options)) ?? "raw";
  if (image.format !== undefined && image.format !== format) {
    throw new ProviderError(
      "InvalidSpec",
      `image "${image.path}" has format ${format}, the wish says ${image.format}`,
      {
        field: "image.format",
      },
    );
  }
  return { volume, bytes: (await storage.info(context.session, volume, options)).capacity, format };
}

type VolumeImage = Extract<ImageSource, { type: "Volume" }>;

async function volumeAtPath(context: LibvirtContext, image: VolumeImage, options?: CallOptions) {
  const found = await storage.volumeByPath(context.session, image.path, options);
  if (found !== undefined) return found;
  const pools = image.pool === undefined
    ? await storage.activePools(context.session, options)
    : [await requirePool(context, image.pool, "image.pool", options)];
  for (const pool of pools) await storage.refresh(context.session, pool, options);
  return await storage.volumeByPath(context.session, image.path, options);
}

async function volumeByName(context: LibvirtContext, image: VolumeImage, options?: CallOptions) {
  const slash = image.path.indexOf("/");
  const poolName = slash < 0 ? image.pool ?? context.defaultPool : image.path.slice(0, slash);
  const pool = await requirePool(context, poolName, "image.pool", options);
  const name = image.path.slice(slash + 1);
  const found = await storage.volume(context.session, pool, name, options);
  if (found !== undefined) return found;
  await storage.refresh(context.session, pool, options);
  return await storage.volume(context.session, pool, name, options);
}

/** A volume that is to be made. */
export interface VolumeTarget {
  readonly pool: DiskPool;
  readonly name: string;
  /** At least. */
  readonly bytes: number;
  /** Takes all of its space at its birth; what it grows by later comes as it is written. */
  readonly thick: boolean;
}

/** One that is to be a file. */
export interface FileTarget extends VolumeTarget {
  readonly pool: FilePool;
}

/** Most characters of a name of device-mapper's, in which each hyphen of the group and of the volume stands twice. */
const MAPPED_MAX = 127;

/**
 * Name of the volume of a VM's disk.
 * @throws {ProviderError} `InvalidSpec` for one that LVM does not take.
 */
export function diskVolumeIn(pool: DiskPool, uuid: string, disk: string): string {
  if (pool.volumes === "Files") return diskVolume(uuid, disk);
  const name = blockVolume(uuid, disk);
  const mapped = [pool.group, name].map((part) => part.replaceAll("-", "--")).join("-");
  if (mapped.length <= MAPPED_MAX) return name;
  throw new ProviderError(
    "InvalidSpec",
    `logical volume "${name}" of group "${pool.group}" has a name that is too long for LVM by ${
      mapped.length - MAPPED_MAX
    } characters; shorten the disk's name`,
    { field: `disks[${disk}].name` },
  );
}

/**
 * A disk with the content of `image`. What a create that was cut off has left under this name is replaced: nothing says
 * whether its copy was complete.
 */
export async function copyImage(
  context: LibvirtContext,
  target: VolumeTarget,
  image: FoundImage,
  options?: CallOptions,
): Promise<VolumeRef> {
  const { pool, name, bytes, thick } = target;
  if (pool.volumes === "BlockDevices") return await fillBlock(context, { pool, name, bytes }, image, options);
  if (thick && bytes > image.bytes) {
    // libvirt takes space at once only for what a volume is born with: it has to be born from one of the final size.
    const part = await copyImage(context, { pool, name: `${name}.part`, bytes, thick: false }, image, options);
    const volume = await copyImage(context, target, { volume: part, bytes, format: "qcow2" }, options);
    await storage.remove(context.session, part, options);
    return volume;
  }
  await removeVolume(context, pool, name, options);
  const volume = await storage.create(context.session, pool, {
    name,
    description: volumeXml({ name, bytes: image.bytes, format: "qcow2", thick }),
    source: image.volume,
    preallocate: thick,
  }, options);
  if (bytes > image.bytes) await storage.resize(context.session, volume, bytes, options);
  return volume;
}

/**
 * A root disk that holds only what differs from `image`, which must not change any more.
 * @throws {ProviderError} `InvalidSpec` for a thick one; `NotSupported` in a pool that keeps no files.
 */
export async function overlayImage(
  context: LibvirtContext,
  target: VolumeTarget,
  image: FoundImage,
): Promise<VolumeRef> {
  if (target.pool.volumes !== "Files") {
    throw new ProviderError(
      "NotSupported",
      `a linked clone is a file, and storage pool "${target.pool.name}" is of kind logical; make a full clone`,
      { field: "rootDisk.storageClass" },
    );
  }
  if (target.thick) {
    throw new ProviderError("InvalidSpec", "a linked clone shares its disk and cannot be thick", {
      field: "rootDisk.type",
    });
  }
  await removeVolume(context, target.pool, target.name);
  const path = await storage.path(context.session, image.volume);
  return await storage.create(context.session, target.pool, {
    name: target.name,
    description: volumeXml({
      name: target.name,
      bytes: Math.max(target.bytes, image.bytes),
      format: "qcow2",
      backing: { path, format: image.format },
    }),
  });
}

/**
 * An empty disk of `bytes`. A volume of this name is taken as it is, and grown if it is smaller: it is the data disk
 * that a VM of the same owner had before, and its content is worth more than a clean start.
 * @throws {ProviderError} `NotSupported` for a logical volume that is there and too small.
 */
export async function ensureDisk(
  context: LibvirtContext,
  target: VolumeTarget,
  options?: CallOptions,
): Promise<VolumeRef> {
  const { pool, name, bytes } = target;
  const make = () =>
    pool.volumes === "Files"
      ? emptyVolume(context, { ...target, pool }, options)
      : fillBlock(context, { pool, name, bytes }, undefined, options);
  const existing = await storage.volume(context.session, pool, name, options);
  if (existing === undefined) return await make();
  if (pool.volumes !== "Files" && await isHalfFilled(context, name, options)) return await make();
  try {
    const { capacity } = await storage.info(context.session, existing, options);
    if (capacity >= bytes) return existing;
    if (pool.volumes !== "Files") throw cannotGrow(`${pool.name}/${name}`, { bytes, capacity });
    await storage.resize(context.session, existing, bytes, options);
    return existing;
  } catch (error) {
    if (!LibvirtError.hasCode(error, errorCode.noStorageVol)) throw error;
    // Listed, but not there: somebody has taken it away, or a call whose connection broke is making it this moment.
    // Then the pool is busy and says so here.
    await storage.refresh(context.session, pool, options);
    return await make();
  }
}

/** A new empty disk that is a file; the name has to be free. */
export async function emptyVolume(
  context: LibvirtContext,
  { pool, name, bytes, thick }: FileTarget,
  options?: CallOptions,
): Promise<VolumeRef> {
  const description = volumeXml({ name, bytes, format: "qcow2", thick });
  return await storage.create(context.session, pool, { name, description, preallocate: thick }, options);
}

/** A raw volume with exactly this content, in the place of whatever had the name. Zeros at its end are not sent. */
export async function writeVolume(
  context: LibvirtContext,
  target: { readonly pool: PoolRef; readonly name: string },
  content: Uint8Array,
  options?: CallOptions,
): Promise<VolumeRef> {
  await removeVolume(context, target.pool, target.name, options);
  const volume = await storage.create(context.session, target.pool, {
    name: target.name,
    description: volumeXml({ name: target.name, bytes: content.byteLength, format: "raw" }),
  }, options);
  let end = content.byteLength;
  while (end > 0 && content[end - 1] === 0) end--;
  await storage.upload(context.session, volume, content.subarray(0, end), options);
  return volume;
}

/** Deletes the volume of this name, if there is one. */
export async function removeVolume(
  context: LibvirtContext,
  pool: PoolRef,
  name: string,
  options?: CallOptions,
): Promise<void> {
  const left = await storage.volume(context.session, pool, name, options);
  if (left !== undefined) await storage.remove(context.session, left, options);
}
