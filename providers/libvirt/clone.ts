/** Clones: VMs whose disks begin as those of another one. @module */
import { type CloneRequest, type CreateResponse, ProviderError } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import type { DomainRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import { type CallOptions, createKey, findDomain, type LibvirtContext } from "./context.ts";
import { begin } from "./create.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { type DomainDisk, readDomain } from "./domain_xml/read.ts";
import { checkSpec } from "./honesty.ts";
import { overlayVolume } from "./identity.ts";
import { copyImage, type FoundImage, overlayImage } from "./images/volumes.ts";
import { type Origin, ownRoot } from "./origin.ts";

/**
 * Full: disks of the same name are copied. Linked: the root disk is an overlay on the source's, which from then on can
 * neither be started nor deleted nor reverted until the clones are gone; data disks are copied.
 * @throws {ProviderError} `Conflict` with reason `PowerState` unless the source is off; `NotSupported` from a snapshot.
 */
export async function clone(
  context: LibvirtContext,
  request: CloneRequest,
  options: CallOptions,
): Promise<CreateResponse> {
  const { operation, powerOn, sourceVmId } = request;
  const { rootDisk } = request.spec;
  const spec = {
    ...request.spec,
    image: { type: "Blank" } as const,
    rootDisk: { ...rootDisk, sizeGib: rootDisk.sizeGib ?? 1 },
  };
  checkSpec(spec);
  if (request.snapshotId !== undefined) {
    throw new ProviderError("NotSupported", "libvirt cannot copy the disks of a snapshot: revert to it, then clone", {
      field: "snapshotId",
    });
  }
  const find = async (findOptions: CallOptions) => {
    const source = await requireSource(context, sourceVmId, findOptions);
    return await originOf(context, source, request.linked, findOptions);
  };
  return await begin(context, { operation, powerOn, spec }, find, options);
}

async function requireSource(context: LibvirtContext, vmId: string, options: CallOptions): Promise<DomainRef> {
  const source = await findDomain(context, vmId, options);
  if (source === undefined) {
    if (context.tasks.running(createKey(vmId)) !== undefined) {
      throw new ProviderError("Conflict", `VM ${vmId} is still being created; clone it when that has ended`, {
        reason: "Locked",
      });
    }
    throw new ProviderError("NotFound", `there is no domain with UUID ${vmId} to clone`, { field: "sourceVmId" });
  }
  await requireOff(context, source, options);
  return source;
}

/** A disk that is written to while it is copied makes a broken copy. */
async function requireOff(context: LibvirtContext, source: DomainRef, options: CallOptions): Promise<void> {
  const state = await domains.state(context.session, source, options);
  if (state === domains.domainState.off || state === domains.domainState.crashed) return;
  throw new ProviderError("Conflict", `domain "${source.name}" runs; it has to be off to be cloned`, {
    reason: "PowerState",
  });
}

async function originOf(
  context: LibvirtContext,
  source: DomainRef,
  linked: boolean,
  options: CallOptions,
): Promise<Origin> {
  const view = readDomain(await domains.xml(context.session, source, "inactive", options));
  const rootDisk = view.disks.find((disk) => disk.name === ROOT_DISK) ?? view.disks[0];
  if (rootDisk === undefined) {
    throw new ProviderError("InvalidSpec", `domain "${source.name}" has no disk to clone`, { field: "sourceVmId" });
  }
  const root = await contentOf(context, source, rootDisk, options);
  const disks = new Map<string, FoundImage>();
  for (const disk of view.disks) {
    if (disk !== rootDisk && disk.name !== undefined) {
      disks.set(disk.name, await contentOf(context, source, disk, options));
    }
  }
  // Nothing may start the source between the look and the copy: power and delete take the same lock.
  const whileOff = <T>(work: () => Promise<T>): Promise<T> =>
    context.locks.hold(source.uuid, async () => {
      await requireOff(context, source, {});
      return await work();
    });
  return {
    root: (target) =>
      whileOff(() => {
        if (!linked) return copyImage(context, ownRoot(target), root);
        const name = overlayVolume(target.uuid, ROOT_DISK, source.uuid);
        return overlayImage(context, { ...target, name }, root);
      }),
    disks,
  };
}

async function contentOf(
  context: LibvirtContext,
  source: DomainRef,
  disk: DomainDisk,
  options: CallOptions,
): Promise<FoundImage> {
  const volume = await storage.volumeByPath(context.session, disk.source, options);
  if (volume === undefined) {
    throw new ProviderError(
      "NotFound",
      `disk ${disk.name ?? disk.target} of domain "${source.name}" (${disk.source}) is in no active storage pool`,
      { reason: "DependencyMissing", field: "sourceVmId" },
    );
  }
  return { volume, bytes: (await storage.info(context.session, volume, options)).capacity, format: disk.format };
}
