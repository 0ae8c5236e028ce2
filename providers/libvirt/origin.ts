/** Where the disks of a new VM get their content. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import type { VolumeRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { isBlockVolume } from "./domain_xml/volume.ts";
import { isImported, overlayVolume } from "./identity.ts";
import { fetchImage } from "./images/cache.ts";
import { keyOfVolume } from "./images/names.ts";
import { cannotGrow } from "./images/blocks.ts";
import { filePoolFor, requireFilePool } from "./images/pools.ts";
import { markUsed } from "./images/unused.ts";
import {
  copyImage,
  ensureDisk,
  findImage,
  type FoundImage,
  gibBytes,
  isThick,
  overlayImage,
  type VolumeTarget,
} from "./images/volumes.ts";
import { domainUsing } from "./usage.ts";

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
      if (base !== undefined) await noteUse(context, image, base, options);
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
        : await requireFilePool(context, source.pool, "image.pool", options);
      return ofRoot(async ({ root, signal }) => {
        const into = pool ?? await filePoolFor(context, root.pool);
        const image = await fetchImage(context, into, source, { signal, field: "image" });
        return await copyImage(context, root, image);
      });
    }
    case "ImportedDisk": {
      const disk = await findImported(context, spec, spec.image, options);
      return ofRoot(({ root }) => takeOver(context, root, disk));
    }
    default:
      return ofRoot(({ root }) => ensureDisk(context, root));
  }
}

async function noteUse(
  context: LibvirtContext,
  { volume }: FoundImage,
  key: string,
  options: CallOptions,
): Promise<void> {
  const pool = await storage.pool(context.session, volume.pool, options);
  if (pool !== undefined) await markUsed(context, pool, key);
}

type Imported = Extract<MachineSpec["image"], { type: "ImportedDisk" }>;

/** Formats that QEMU writes into as well as into its own. */
const BOOTABLE: readonly string[] = ["qcow2", "raw"];

/**
 * A disk that becomes the root disk itself. One that this provider has imported is qcow2 by now, whatever it was.
 * @throws {ProviderError} `NotFound` with reason `DependencyMissing`; `Conflict` with reason `DiskInUse`.
 */
async function findImported(
  context: LibvirtContext,
  spec: MachineSpec,
  image: Imported,
  options: CallOptions,
): Promise<FoundImage> {
  const at = image.path ?? image.diskId;
  const disk = await findImage(context, { type: "Volume", path: at }, options);
  const refuse = (errorClass: "InvalidSpec" | "NotSupported", field: string, why: string): never => {
    throw new ProviderError(errorClass, `imported disk "${at}" ${why}`, { field });
  };
  const ours = isImported(disk.volume.name);
  if (!ours && disk.format !== image.format) {
    refuse("InvalidSpec", "image.format", `is ${disk.format}, not ${image.format}`);
  }
  if (!BOOTABLE.includes(disk.format)) {
    refuse("NotSupported", "image.format", `is ${disk.format}, which no VM runs from: import it as a disk`);
  }
  if (isThick(spec.rootDisk)) refuse("InvalidSpec", "rootDisk.type", "is taken as it is and does not become thick");
  await refuseIfUsed(context, disk, at, options);
  const bytes = gibBytes(spec.rootDisk.sizeGib ?? 0);
  if (bytes > disk.bytes && isBlockVolume(await storage.xml(context.session, disk.volume, options))) {
    throw cannotGrow(at, { bytes, capacity: disk.bytes, field: "rootDisk.sizeGib" });
  }
  return disk;
}

async function refuseIfUsed(
  context: LibvirtContext,
  disk: FoundImage,
  at: string,
  options: CallOptions,
): Promise<void> {
  const path = await storage.path(context.session, disk.volume, options);
  const user = await domainUsing(context, path, options);
  if (user === undefined) return;
  throw new ProviderError("Conflict", `imported disk "${at}" is a disk of domain "${user.name}" already`, {
    reason: "DiskInUse",
    field: "image.diskId",
  });
}

/** Two VMs that want the same disk are told apart here: libvirt itself would let both have it. */
const takeOver = (context: LibvirtContext, { bytes }: VolumeTarget, disk: FoundImage): Promise<VolumeRef> =>
  context.locks.hold(`disk/${disk.volume.key}`, async () => {
    await refuseIfUsed(context, disk, disk.volume.name, {});
    if (bytes > disk.bytes) await storage.resize(context.session, disk.volume, bytes);
    return disk.volume;
  });
