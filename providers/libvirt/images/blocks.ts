/**
 * Disks that are logical volumes. libvirt makes such a volume and copies content into it, but can neither grow it nor
 * clear it: behind what was copied stands what the last owner of that space has left. So it is always copied from a stage,
 * a qcow2 file of the disk's whole size that reads as the image and then zeros, and takes next to no room itself. While
 * the stage is there, the disk is not complete.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import { allVolumes } from "../bases.ts";
import { LibvirtError } from "../client/errors.ts";
import type { VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { volumeXml } from "../domain_xml/volume.ts";
import { stageVolume } from "../identity.ts";
import { type BlockPool, filePoolNear } from "./pools.ts";

/** A disk that is to be. */
export interface BlockTarget {
  readonly pool: BlockPool;
  readonly name: string;
  /** At least; a disk has a whole number of 64 MiB. */
  readonly bytes: number;
}

/** LVM makes volumes of whole extents; those of usual size end here too. */
const STEP_BYTES = 64 * 1024 ** 2;

/** What a disk begins with. */
type Content = { readonly volume: VolumeRef; readonly bytes: number; readonly format: string };

/** A disk that begins with the content of `image` and goes on with zeros, in the place of whatever had the name. */
export async function fillBlock(
  context: LibvirtContext,
  target: BlockTarget,
  image: Content | undefined,
  options?: CallOptions,
): Promise<VolumeRef> {
  const { session } = context;
  const { pool, name } = target;
  const bytes = Math.ceil(Math.max(target.bytes, image?.bytes ?? 0, 1) / STEP_BYTES) * STEP_BYTES;
  const stage = await makeStage(context, { pool, name, bytes }, image, options);
  // Allotted in full: a volume that is not would be one of LVM's old snapshots, which is lost when it has run full.
  const description = volumeXml({ name, bytes, format: "raw", thick: true });
  const volume = await storage.create(session, pool, { name, description, source: stage }, options)
    .catch(async (error: unknown) => {
      // libvirt has taken the volume back. Where nobody knows, the stage stays and tells it.
      if (error instanceof LibvirtError) await storage.remove(session, stage, options);
      throw error;
    });
  const { capacity } = await storage.info(session, volume, options);
  // The extents of this group are so large that a rest is left over, which nobody has written.
  if (capacity > bytes) return await fillBlock(context, { pool, name, bytes: capacity }, image, options);
  await storage.remove(session, stage, options);
  return volume;
}

/** What the disk is copied from. A disk of this name goes first, and then what it was to be copied from. */
async function makeStage(
  context: LibvirtContext,
  { pool, name, bytes }: BlockTarget,
  image: Content | undefined,
  options?: CallOptions,
): Promise<VolumeRef> {
  const { session } = context;
  const left = await storage.volume(session, pool, name, options);
  if (left !== undefined) await storage.remove(session, left, options);
  for (const stage of await stagesOf(context, name, options)) await storage.remove(session, stage, options);
  const backing = image === undefined ? {} : {
    backing: {
      path: await storage.path(session, image.volume, options),
      // libvirt's word for raw content that it has recognised, and none of QEMU's.
      format: image.format === "iso" ? "raw" : image.format,
    },
  };
  const stage = stageVolume(name);
  return await storage.create(session, await filePoolNear(context, pool.name, options), {
    name: stage,
    description: volumeXml({ name: stage, bytes, format: "qcow2", ...backing }),
  }, options);
}

/** Whether filling the volume of this name has not come to its end: it is still going on, or was cut off. */
export const isHalfFilled = async (context: LibvirtContext, name: string, options?: CallOptions): Promise<boolean> =>
  (await stagesOf(context, name, options)).length > 0;

/** libvirt's calls do not reach so far. */
export const cannotGrow = (
  path: string,
  { bytes, capacity, field }: { readonly bytes: number; readonly capacity: number; readonly field?: string },
): ProviderError =>
  new ProviderError(
    "NotSupported",
    `block device ${path} has ${capacity} bytes, and libvirt cannot grow it to ${bytes}: ` +
      `do so on the host (lvextend, for a logical volume), and the VM gets what is there`,
    field === undefined ? {} : { field },
  );

async function stagesOf(context: LibvirtContext, name: string, options?: CallOptions): Promise<VolumeRef[]> {
  return (await allVolumes(context, options)).filter((volume) => volume.name === stageVolume(name));
}
