/** Where the disks of a new VM get their content. @module */
import type { MachineSpec } from "@virtrigaud/contract";
import type { PoolRef, VolumeRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { diskVolume } from "./identity.ts";
import { copyImage, ensureDisk, findImage, type FoundImage } from "./images.ts";

/** The root disk that is to be made. */
export interface RootTarget {
  readonly uuid: string;
  readonly pool: PoolRef;
  /** At least; 0 leaves it to the content. */
  readonly bytes: number;
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
    default:
      return { root: (target) => ensureDisk(context, ownRoot(target)), disks };
  }
}
