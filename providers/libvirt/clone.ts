/** Clones: VMs whose disks begin as those of another one. @module */
import { type CloneRequest, type CreateResponse, ProviderError } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import type { DomainRef, VolumeRef } from "./client/objects.ts";
import { type CallOptions, createKey, findDomain, type LibvirtContext } from "./context.ts";
import { contentOf, copyDisks, type DiskCopy, isOff } from "./copies.ts";
import { begin } from "./create.ts";
import { ROOT_DISK } from "./domain_xml/devices.ts";
import { type DomainDisk, type DomainView, readDomain } from "./domain_xml/read.ts";
import { checkSpec } from "./honesty.ts";
import { overlayVolume } from "./identity.ts";
import { overlayImage } from "./images/volumes.ts";
import type { DiskTargets, Origin } from "./origin.ts";

/**
 * Full: disks of the same name are copied, also while the source runs. Linked: the root disk is an overlay on that of the
 * source, which has to be off and from then on can neither be started nor deleted nor reverted until the clones are gone;
 * data disks are copied.
 * @throws {ProviderError} `Conflict` with reason `PowerState` for a linked clone of a running source; `NotSupported` from
 * a snapshot.
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
  if (source !== undefined) return source;
  if (context.tasks.running(createKey(vmId)) !== undefined) {
    throw new ProviderError("Conflict", `VM ${vmId} is still being created; clone it when that has ended`, {
      reason: "Locked",
    });
  }
  throw new ProviderError("NotFound", `there is no domain with UUID ${vmId} to clone`, { field: "sourceVmId" });
}

/** The disk that a clone stands on must not change any more. */
async function requireOff(context: LibvirtContext, source: DomainRef, options: CallOptions): Promise<void> {
  if (await isOff(context, source, options)) return;
  throw new ProviderError(
    "Conflict",
    `domain "${source.name}" runs and goes on writing to its disk; power it off for a linked clone, or make a full one`,
    { reason: "PowerState", field: "linked" },
  );
}

/** Looks at once, so that what is missing is told at once; the disks are looked up again when they are copied. */
async function originOf(
  context: LibvirtContext,
  source: DomainRef,
  linked: boolean,
  options: CallOptions,
): Promise<Origin> {
  if (linked) await requireOff(context, source, options);
  const view = readDomain(await domains.xml(context.session, source, "inactive", options));
  for (const disk of [rootOf(source, view), ...dataOf(view)]) await contentOf(context, source, disk, options);
  return async (targets) => {
    const made = new Map<string, VolumeRef>();
    const copy = async (choose: (view: DomainView) => readonly NamedCopy[]) => {
      let names: readonly string[] = [];
      const volumes = await copyDisks(context, source, (now) => {
        const copies = choose(now);
        names = copies.map(({ name }) => name);
        return copies;
      }, targets);
      volumes.forEach((volume, index) => made.set(names[index] ?? "", volume));
    };
    if (linked) {
      made.set(ROOT_DISK, await overlay(context, source, targets));
      await copy((now) => dataCopies(now, targets));
    } else {
      await copy((now) => [
        { name: ROOT_DISK, disk: rootOf(source, now), target: targets.root },
        ...dataCopies(now, targets),
      ]);
    }
    return made;
  };
}

interface NamedCopy extends DiskCopy {
  readonly name: string;
}

function rootOf(source: DomainRef, view: DomainView): DomainDisk {
  const root = view.disks.find((disk) => disk.name === ROOT_DISK) ?? view.disks[0];
  if (root !== undefined) return root;
  throw new ProviderError("InvalidSpec", `domain "${source.name}" has no disk to clone`, { field: "sourceVmId" });
}

const dataOf = (view: DomainView): DomainDisk[] =>
  view.disks.filter(({ name }) => name !== undefined && name !== ROOT_DISK);

const dataCopies = (view: DomainView, { data }: DiskTargets): NamedCopy[] =>
  dataOf(view).flatMap((disk) => {
    const target = data.get(disk.name ?? "");
    return target === undefined || disk.name === undefined ? [] : [{ name: disk.name, disk, target }];
  });

/** Nothing may start the source between the look and the overlay: power and delete take the same lock. */
const overlay = (context: LibvirtContext, source: DomainRef, { uuid, root }: DiskTargets): Promise<VolumeRef> =>
  context.locks.hold(source.uuid, async () => {
    await requireOff(context, source, {});
    const view = readDomain(await domains.xml(context.session, source, "inactive"));
    const base = await contentOf(context, source, rootOf(source, view));
    return await overlayImage(context, { ...root, name: overlayVolume(uuid, ROOT_DISK, source.uuid) }, base);
  });
