/** Disks in detail, and how a request names one. @module */
import { type DiskInfo, type DiskInfoRequest, ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import * as snapshots from "../client/snapshot.ts";
import * as storage from "../client/storage.ts";
import { type CallOptions, findDomain, type LibvirtContext } from "../context.ts";
import { contentOf } from "../copies.ts";
import { capacityOf } from "../describe.ts";
import { ROOT_DISK } from "../domain_xml/devices.ts";
import { type DomainDisk, type DomainView, readDomain } from "../domain_xml/read.ts";
import { readBacking } from "../domain_xml/volume.ts";

/**
 * The disk that `wanted` names: by name, by id or by its place (`vda`); absent is the root disk.
 * @throws {ProviderError} `NotFound` with field `disk`.
 */
export function chooseDisk(view: DomainView, wanted: string | undefined): DomainDisk {
  const disk = wanted === undefined
    ? view.disks.find(({ name }) => name === ROOT_DISK) ?? view.disks[0]
    : view.disks.find(({ name, source, target }) => name === wanted || source === wanted || target === wanted);
  if (disk !== undefined) return disk;
  throw new ProviderError("NotFound", `domain "${view.name}" has no disk ${wanted ?? ROOT_DISK}`, { field: "disk" });
}

export async function diskInfo(
  context: LibvirtContext,
  request: DiskInfoRequest,
  options: CallOptions,
): Promise<DiskInfo> {
  const { session } = context;
  const domain = await findDomain(context, request.vmId, options);
  if (domain === undefined) {
    throw new ProviderError("NotFound", `there is no domain with UUID ${request.vmId} on this libvirt host`, {
      field: "vmId",
    });
  }
  const view = readDomain(await domains.xml(session, domain, "current", options));
  const disk = chooseDisk(view, request.disk);
  const { volume, bytes } = await contentOf(context, domain, disk, options);
  const [row] = await domains.allStats(session, [domain], domains.stats.state | domains.stats.block, options);
  const taken: string[] = [];
  for (const snapshot of await snapshots.list(session, domain, options)) {
    if ((await snapshots.xml(session, snapshot, options)).includes(disk.source)) taken.push(snapshot.name);
  }
  if (request.snapshotId !== undefined && !taken.includes(request.snapshotId)) {
    throw new ProviderError("NotFound", `disk ${disk.name ?? disk.target} is in no snapshot "${request.snapshotId}"`, {
      reason: "SnapshotMissing",
      field: "snapshotId",
    });
  }
  const backing = readBacking(await storage.xml(session, volume, options));
  return {
    id: disk.source,
    format: disk.format,
    virtualSizeBytes: (row === undefined ? undefined : capacityOf(disk.target, row.params)) ?? bytes,
    actualSizeBytes: (await storage.info(session, volume, options)).allocation,
    path: disk.source,
    bootable: disk === chooseDisk(view, undefined),
    snapshots: taken,
    ...(backing === undefined ? {} : { backingFile: backing }),
  };
}
