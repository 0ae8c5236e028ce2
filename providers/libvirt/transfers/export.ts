/**
 * Disks that leave: a copy of the disk as it is at one moment is made in its pool, then read piece by piece, hashed and
 * written into a store. One piece is on its way at a time, so that a slow store slows the reading and nothing else, and
 * a piece that a lost connection took with it is read again.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type ExportDiskRequest, type ExportDiskResponse, ProviderError } from "@virtrigaud/contract";
import { retry } from "@virtrigaud/resilience";
import { type TransferStore, transferStore } from "../../shared/transfer/mod.ts";
import * as domains from "../client/domain.ts";
import type { DomainRef, VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import { type CallOptions, type LibvirtContext, requireDomain } from "../context.ts";
import { contentOf, copyDisks } from "../copies.ts";
import { type DomainDisk, readDomain } from "../domain_xml/read.ts";
import { readFileBytes, volumeXml } from "../domain_xml/volume.ts";
import { volumePrefix } from "../identity.ts";
import { type FilePool, filePoolNear } from "../images/pools.ts";
import { removeVolume } from "../images/volumes.ts";
import type { TaskControl, TaskResult } from "../tasks.ts";
import { chooseDisk } from "./disk_info.ts";

/** Formats that libvirt writes and others read. */
export const EXPORT_FORMATS: readonly string[] = ["qcow2", "raw", "vmdk"];

/** How much of the work is done when the copy is there. */
const COPIED_PERCENT = 40;

export async function exportDisk(
  context: LibvirtContext,
  request: ExportDiskRequest,
  options: CallOptions,
): Promise<ExportDiskResponse> {
  const refuse = (errorClass: "InvalidSpec" | "NotSupported", field: string, why: string): never => {
    throw new ProviderError(errorClass, `export of a disk of VM ${request.vmId}: ${why}`, { field });
  };
  if (!EXPORT_FORMATS.includes(request.format)) {
    refuse("InvalidSpec", "format", `"${request.format}" is none of ${EXPORT_FORMATS.join(", ")}`);
  }
  if (request.compress) refuse("NotSupported", "compress", "libvirt does not compress what it copies");
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  if (request.snapshotId !== undefined) {
    const why = "libvirt cannot read a snapshot inside a disk: revert to it, or export the disk as it is";
    refuse("NotSupported", "snapshotId", why);
  }
  // Refuses what is wrong with the address before anything is copied.
  storeOf(context, request, new AbortController().signal);
  const key = digest(request.operation.id);
  const exportId = `export-${key}`;
  const taskKey = `export/${exportId}`;
  const running = context.tasks.running(taskKey);
  if (running !== undefined) return { exportId, task: running };
  const view = readDomain(await domains.xml(context.session, domain, "current", options));
  const disk = chooseDisk(view, request.disk);
  const { volume, bytes } = await contentOf(context, domain, disk, options);
  const pool = await filePoolNear(context, volume.pool, options);
  const task = context.tasks.start(
    taskKey,
    domain.uuid,
    (control) => carryOut(context, { request, domain, pool, disk, key }, control),
  );
  return { exportId, task, estimatedSizeBytes: bytes };
}

interface ExportPlan {
  readonly request: ExportDiskRequest;
  readonly domain: DomainRef;
  readonly pool: FilePool;
  readonly disk: DomainDisk;
  readonly key: string;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

const storeOf = (context: LibvirtContext, { target }: ExportDiskRequest, signal: AbortSignal): TransferStore =>
  transferStore(target, { clock: context.clock, claims: context.claims, field: "target", signal });

/** The VM's prefix makes a copy that a crash has left go with the VM at the latest. */
const STAGE = "export";

async function carryOut(
  context: LibvirtContext,
  { request, domain, pool, disk, key }: ExportPlan,
  { signal, progress }: TaskControl,
): Promise<TaskResult> {
  const { session } = context;
  await sweep(context, domain, pool);
  const name = `${volumePrefix(domain.uuid)}${STAGE}-${key}`;
  const stage = { pool, name: `${name}.qcow2`, bytes: 0, thick: false };
  const converted = `${name}.${request.format}`;
  try {
    const [copy] = await copyDisks(
      context,
      domain,
      (view) => [{ disk: chooseDisk(view, disk.target), target: stage }],
      { signal, progress: (percent) => progress(Math.floor(percent * COPIED_PERCENT / 100)) },
    );
    if (copy === undefined) throw new ProviderError("Retryable", `disk ${disk.target} was not copied`);
    signal.throwIfAborted();
    const volume = request.format === "qcow2" ? copy : await convert(context, pool, copy, converted, request.format);
    progress(COPIED_PERCENT);
    const bytes = readFileBytes(await storage.xml(session, volume));
    if (bytes === undefined) throw new ProviderError("Retryable", `libvirt does not tell the size of ${volume.name}`);
    const hash = createHash("sha256");
    const content = read(context, volume, bytes, signal, (chunk, done) => {
      hash.update(chunk);
      progress(COPIED_PERCENT + Math.floor((done / bytes) * (99 - COPIED_PERCENT)));
    });
    await storeOf(context, request, signal).write(content, { expectedBytes: bytes });
    return { checksum: hash.digest("hex") };
  } finally {
    for (const left of new Set([stage.name, converted])) await removeVolume(context, pool, left);
  }
}

/** Copies that exports have left which were cut off; those of exports that go on are kept. */
async function sweep(context: LibvirtContext, { uuid }: DomainRef, pool: FilePool): Promise<void> {
  const prefix = `${volumePrefix(uuid)}${STAGE}-`;
  for (const volume of await storage.volumes(context.session, pool)) {
    if (!volume.name.startsWith(prefix)) continue;
    const key = volume.name.slice(prefix.length).split(".")[0];
    if (context.tasks.running(`export/export-${key}`) === undefined) await storage.remove(context.session, volume);
  }
}

async function convert(
  context: LibvirtContext,
  pool: FilePool,
  source: VolumeRef,
  name: string,
  format: string,
): Promise<VolumeRef> {
  await removeVolume(context, pool, name);
  const { capacity } = await storage.info(context.session, source);
  return await storage.create(context.session, pool, {
    name,
    description: volumeXml({ name, bytes: capacity, format }),
    source,
  });
}

async function* read(
  context: LibvirtContext,
  volume: VolumeRef,
  bytes: number,
  signal: AbortSignal,
  onChunk: (chunk: Uint8Array, done: number) => void,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes;) {
    const length = Math.min(storage.READ_MAX, bytes - offset);
    const pieces = await retry(() => storage.read(context.session, volume, { offset, length }, { signal }), {
      advise: (error) =>
        ProviderError.is(error, "Unavailable") &&
        (error.retryAfterMs === undefined ? {} : { afterMs: error.retryAfterMs }),
      clock: context.clock,
      signal,
    });
    const received = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    if (received !== length) {
      const what = `libvirt sent ${received} of ${length} bytes of volume ${volume.name} from byte ${offset}`;
      throw new ProviderError("Retryable", `${what}; the export is to be made anew`);
    }
    for (const piece of pieces) {
      offset += piece.byteLength;
      onChunk(piece, offset);
      yield piece;
    }
  }
}
