/** Where the disks of a new VM get their content. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import type { PoolRef, VolumeRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { diskVolume, overlayVolume } from "./identity.ts";
import { fetchImage, keyOfVolume } from "./images/cache.ts";
import { copyImage, ensureDisk, findImage, type FoundImage, overlayImage, requirePool } from "./images/volumes.ts";

/** The root disk that is to be made. */
export interface RootTarget {
  readonly uuid: string;
  readonly pool: PoolRef;
  /** At least; 0 leaves it to the content. */
  readonly bytes: number;
  /** Ends what can be ended: a download. */
  readonly signal?: AbortSignal;
}

/** What a create makes disks of. */
export interface Origin {
  /** Makes the root disk. */
  readonly root: (target: RootTarget) => Promise<VolumeRef>;
  /** Content of data disks by name; the others begin empty. */
  readonly disks: ReadonlyMap<string, FoundImage>;
}

/** The place of the root disk that is a file of its own. */
export const ownRoot = ({ uuid, pool, bytes }: RootTarget) => ({ pool, name: diskVolume(uuid, ROOT_DISK), bytes });

/** What the image of `spec` stands for. An image that the host has is looked up at once, so that its lack is told at once. */
export async function originOf(context: LibvirtContext, spec: MachineSpec, options: CallOptions): Promise<Origin> {
  const disks = new Map<string, FoundImage>();
  switch (spec.image.type) {
    case "Volume": {
      const image = await findImage(context, spec.image, options);
      return { root: (target) => copyImage(context, ownRoot(target), image), disks };
    }
    case "Template": {
      // Its id is that of a prepared image: `pool/volume`.
      const { template, linkedClone } = spec.image;
      const image = await findImage(context, { type: "Volume", path: template }, options);
      const base = keyOfVolume(image.volume.name);
      if (!linkedClone) return { root: (target) => copyImage(context, ownRoot(target), image), disks };
      if (base === undefined) {
        throw new ProviderError(
          "NotSupported",
          `image "${template}" was not prepared by this provider: nothing keeps it from being changed under a linked clone`,
          { field: "image.linkedClone" },
        );
      }
      return {
        root: (target) =>
          overlayImage(context, { ...target, name: overlayVolume(target.uuid, ROOT_DISK, base) }, image),
        disks,
      };
    }
    case "Url": {
      const source = spec.image;
      const pool = source.pool === undefined
        ? undefined
        : await requirePool(context, source.pool, "image.pool", options);
      return {
        root: async (target) => {
          const image = await fetchImage(context, pool ?? target.pool, source, { ...target, field: "image" });
          return await copyImage(context, ownRoot(target), image);
        },
        disks,
      };
    }
    default:
      return { root: (target) => ensureDisk(context, ownRoot(target)), disks };
  }
}
