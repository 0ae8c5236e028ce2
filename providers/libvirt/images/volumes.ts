/** Images and volumes: where root disks come from and how disks come to be. @module */
import { type ImageSource, ProviderError } from "@virtrigaud/contract";
import type { PoolRef, VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { readVolumeFormat, volumeXml } from "../domain_xml/volume.ts";

const GIB = 1024 ** 3;

/** Bytes of a size in GiB, whole sectors. */
export const gibBytes = (gib: number): number => Math.ceil((gib * GIB) / 512) * 512;

/** The thing is there, but nobody has started it: no reason to give up, and nothing that this provider may change. */
export const inactive = (what: string, field: string): ProviderError =>
  new ProviderError("Retryable", `${what} of the libvirt host is not active; start it`, {
    reason: "DependencyInactive",
    field,
  });

/** @throws {ProviderError} `NotFound` with reason `DependencyMissing`; `Retryable` when it is not active. */
export async function requirePool(
  context: LibvirtContext,
  name: string,
  field: string,
  options?: CallOptions,
): Promise<PoolRef> {
  const pool = await storage.pool(context.session, name, options);
  if (pool !== undefined) {
    if (await storage.isActive(context.session, pool, options)) return pool;
    throw inactive(`storage pool "${name}"`, field);
  }
  throw new ProviderError(
    "NotFound",
    `storage pool "${name}" does not exist on the libvirt host; define and start it`,
    {
      reason: "DependencyMissing",
      field,
    },
  );
}

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
  const format = readVolumeFormat(await storage.xml(context.session, volume, options));
  if (image.format !== undefined && format !== undefined && image.format !== format) {
    throw new ProviderError(
      "InvalidSpec",
      `image "${image.path}" has format ${format}, the wish says ${image.format}`,
      {
        field: "image.format",
      },
    );
  }
  return { volume, bytes: (await storage.info(context.session, volume, options)).capacity, format: format ?? "raw" };
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

/**
 * A root disk with the content of `image` and at least `bytes`. What a create that was cut off has left under this name
 * is replaced: nothing says whether its copy was complete.
 */
export async function copyImage(
  context: LibvirtContext,
  target: { readonly pool: PoolRef; readonly name: string; readonly bytes: number },
  image: FoundImage,
  options?: CallOptions,
): Promise<VolumeRef> {
  await removeVolume(context, target.pool, target.name, options);
  const volume = await storage.create(context.session, target.pool, {
    name: target.name,
    description: volumeXml({ name: target.name, bytes: image.bytes, format: "qcow2" }),
    source: image.volume,
  }, options);
  if (target.bytes > image.bytes) await storage.resize(context.session, volume, target.bytes, options);
  return volume;
}

/** A root disk that holds only what differs from `image`, which must not change any more. */
export async function overlayImage(
  context: LibvirtContext,
  target: { readonly pool: PoolRef; readonly name: string; readonly bytes: number },
  image: FoundImage,
): Promise<VolumeRef> {
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
 */
export async function ensureDisk(
  context: LibvirtContext,
  target: { readonly pool: PoolRef; readonly name: string; readonly bytes: number },
  options?: CallOptions,
): Promise<VolumeRef> {
  const existing = await storage.volume(context.session, target.pool, target.name, options);
  if (existing === undefined) {
    const description = volumeXml({ name: target.name, bytes: target.bytes, format: "qcow2" });
    return await storage.create(context.session, target.pool, { name: target.name, description }, options);
  }
  const { capacity } = await storage.info(context.session, existing, options);
  if (capacity < target.bytes) await storage.resize(context.session, existing, target.bytes, options);
  return existing;
}

/** A raw volume with exactly this content, in the place of whatever had the name. */
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
  await storage.upload(context.session, volume, content, options);
  return volume;
}

async function removeVolume(
  context: LibvirtContext,
  pool: PoolRef,
  name: string,
  options?: CallOptions,
): Promise<void> {
  const left = await storage.volume(context.session, pool, name, options);
  if (left !== undefined) await storage.remove(context.session, left, options);
}
