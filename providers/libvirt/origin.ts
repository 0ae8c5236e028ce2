/** Where the disks of a new VM get their content. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import type { VolumeRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { overlayVolume } from "./identity.ts";
import { fetchImage, keyOfVolume } from "./images/cache.ts";
import {
  copyImage,
  ensureDisk,
  findImage,
  type FoundImage,
  overlayImage,
  requirePool,
  type VolumeTarget,
} from "./images/volumes.ts";

/** The disks that are to be made. */
export interface DiskTargets {
  readonly uuid: string;
  /** Under the name of a root disk that is a file of its own; 0 bytes leave the size to the content. */
  readonly root: VolumeTarget;
  /** By the disk's name. */
  readonly data: ReadonlyMap<string, VolumeTarget>;
  /** Ends what can be ended: a download, the copy of a running VM's disks. */
  readonly signal: AbortSignal;
}

/**
 * Makes the root disk, and those data disks that begin with content; volumes by the disk's name. The others begin empty.
 */
export type Origin = (targets: DiskTargets) => Promise<ReadonlyMap<string, VolumeRef>>;

/** An origin that has content for the root disk only. */
const ofRoot = (make: (targets: DiskTargets) => Promise<VolumeRef>): Origin => async (targets) =>
  new Map([[ROOT_DISK, await make(targets)]]);

/** What the image of `spec` stands for. An image that the host has is looked up at once, so that its lack is told at once. */
export async function originOf(context: LibvirtContext, spec: MachineSpec, options: CallOptions): Promise<Origin> {
  const copyOf = (image: FoundImage): Origin => ofRoot(({ root }) => copyImage(context, root, image));
  switch (spec.image.type) {
    case "Volume":
      return copyOf(await findImage(context, spec.image, options));
    case "Template": {
      // Its id is that of a prepared image: `pool/volume`.
      const { template, linkedClone } = spec.image;
      const image = await findImage(context, { type: "Volume", path: template }, options);
      const base = keyOfVolume(image.volume.name);
      if (!linkedClone) return copyOf(image);
      if (base === undefined) {
        throw new ProviderError(
          "NotSupported",
          `image "${template}" was not prepared by this provider: nothing keeps it from being changed under a linked clone`,
          { field: "image.linkedClone" },
        );
      }
      return ofRoot(({ uuid, root }) =>
        overlayImage(context, { ...root, name: overlayVolume(uuid, ROOT_DISK, base) }, image)
      );
    }
    case "Url": {
      const source = spec.image;
      const pool = source.pool === undefined
        ? undefined
        : await requirePool(context, source.pool, "image.pool", options);
      return ofRoot(async ({ root, signal }) => {
        const image = await fetchImage(context, pool ?? root.pool, source, { signal, field: "image" });
        return await copyImage(context, root, image);
      });
    }
    default:
      return ofRoot(({ root }) => ensureDisk(context, root));
  }
}
