/** Disks that leave and enter the hypervisor. @module */
import { createHash } from "node:crypto";
import {
  type DiskInfo,
  type DiskInfoRequest,
  type ExportDiskRequest,
  type ExportDiskResponse,
  type ImportDiskRequest,
  type ImportDiskResponse,
  ProviderError,
  type TransferTarget,
} from "@virtrigaud/contract";
import type { Action, TransferRecord, VmRecord, VolumeRecord } from "./model.ts";
import { invalid, missing, notSupported, reserve, snapshotOf, storePath, vmOf, volumeOf, type World } from "./world.ts";

const GIB = 2 ** 30;

/** Reports one disk. */
export function diskInfo(world: World, request: DiskInfoRequest): DiskInfo {
  const vm = vmOf(world, request.vmId);
  const { volume, name } = findDisk(world, vm, request.disk);
  const snapshots = [...world.store.list("snapshots")].filter(({ vmId }) => vmId === vm.id);
  const at = request.snapshotId === undefined ? undefined : snapshotOf(world, vm.id, request.snapshotId);
  const sizeGib = at?.disks.find(({ volumeId }) => volumeId === volume.id)?.sizeGib ?? volume.sizeGib;
  return {
    id: volume.id,
    format: volume.format,
    virtualSizeBytes: sizeGib * GIB,
    actualSizeBytes: volume.type === "thin" ? Math.floor(sizeGib * GIB / 4) : sizeGib * GIB,
    path: volume.path,
    bootable: name === "root",
    snapshots: snapshots.map(({ id }) => id),
    ...volume.backing === undefined ? {} : { backingFile: volume.backing },
  };
}

/** Writes a disk to where another provider can read it. */
export function exportDisk(world: World, request: ExportDiskRequest): ExportDiskResponse {
  const vm = vmOf(world, request.vmId);
  checkTarget(request.target, world.capabilities.exportBackends, "target");
  checkFormat(request.format, world.capabilities.exportFormats);
  if (request.compress && !world.capabilities.exportCompression) throw notSupported("compress", "compression");
  const { volume } = findDisk(world, vm, request.disk);
  const snapshot = request.snapshotId === undefined ? undefined : snapshotOf(world, vm.id, request.snapshotId);
  const at = snapshot?.disks.find(({ volumeId }) => volumeId === volume.id) ?? volume;
  const exportId = world.id("export");
  const task = world.start({
    type: "ExportDisk",
    vmId: vm.id,
    exportId,
    url: request.target.url,
    content: at.content,
    format: request.format,
    sizeGib: at.sizeGib,
  });
  return { exportId, task, estimatedSizeBytes: at.sizeGib * GIB, checksum: checksumOf(at.content, request.format) };
}

/** The end of an export. */
export function finishExport(world: World, action: Extract<Action, { type: "ExportDisk" }>): void {
  const { url, content, format, sizeGib } = action;
  world.store.put("transfers", { id: url, content, format, sizeGib });
  world.store.effect("DiskExported", action.exportId, action.vmId);
}

/** Reads a disk that was exported; it belongs to no VM until one is created from it. */
export function importDisk(world: World, request: ImportDiskRequest): ImportDiskResponse {
  checkTarget(request.source, world.capabilities.importBackends, "source");
  checkFormat(request.format, world.capabilities.importFormats);
  const pool = request.storage ?? world.options.pools[0] ?? "default";
  if (!world.options.pools.includes(pool)) throw missing("storage", `storage pool ${pool}`);
  const transfer: TransferRecord | undefined = world.store.get("transfers", request.source.url);
  if (transfer === undefined) throw missing("source.url", "a disk at this address");
  const checksum = checksumOf(transfer.content, transfer.format);
  if (request.expectedChecksum !== undefined && request.expectedChecksum.toLowerCase() !== checksum) {
    throw invalid("expectedChecksum", `the disk has SHA-256 ${checksum}; export it again`, {
      reason: "ChecksumMismatch",
    });
  }
  for (const { name, pool: taken } of world.store.list("volumes")) {
    if (name === request.name && taken === pool) {
      throw new ProviderError("Conflict", `a volume ${request.name} exists in pool ${pool}; it is left alone`, {
        reason: "NameConflict",
        field: "name",
      });
    }
  }
  reserve(world, pool, transfer.sizeGib, "storage");
  const volume: VolumeRecord = {
    id: world.id("vol"),
    name: request.name,
    pool,
    path: storePath(pool, request.name, request.format),
    sizeGib: transfer.sizeGib,
    type: "thin",
    format: request.format,
    content: transfer.content,
  };
  const task = world.start({ type: "ImportDisk", volume });
  return { diskId: volume.id, path: volume.path, sizeBytes: transfer.sizeGib * GIB, checksum, task };
}

/** The end of an import. */
export function finishImport(world: World, volume: VolumeRecord): void {
  world.store.put("volumes", volume);
  world.store.effect("VolumeCreated", volume.id, volume.name);
}

function findDisk(world: World, vm: VmRecord, wanted = "root"): { volume: VolumeRecord; name: string } {
  const disk = vm.disks.find(({ name, volumeId }) => name === wanted || volumeId === wanted);
  if (disk === undefined) {
    throw new ProviderError("NotFound", `VM ${vm.name} has no disk ${wanted}`, { field: "disk" });
  }
  return { volume: volumeOf(world, disk.volumeId), name: disk.name };
}

function checkTarget(target: TransferTarget, backends: readonly string[], path: string): void {
  if (!backends.includes(target.backend)) throw notSupported(`${path}.backend`, `backend ${target.backend}`);
  if (target.url.length === 0 || target.url.length > 2048) {
    throw invalid(`${path}.url`, "expected 1 to 2048 characters");
  }
}

function checkFormat(format: string, formats: readonly string[]): void {
  if (!formats.includes(format)) throw invalid("format", `"${format}" is none of ${formats.join(", ")}`);
}

function checksumOf(content: string, format: string): string {
  return createHash("sha256").update(`${format}:${content}`).digest("hex");
}
