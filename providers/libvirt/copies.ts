/**
 * Copies of a VM's disks as they are at one moment. Of a VM that is off libvirt copies the volumes, and nothing may start
 * it meanwhile. Of one that runs, QEMU copies them while the guest goes on, all at the same moment.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import * as jobs from "./client/job.ts";
import type { DomainRef, VolumeRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { capacityOf } from "./describe.ts";
import { backupXml, readBackupFiles } from "./domain_xml/backup.ts";
import { type DomainDisk, type DomainView, readDomain } from "./domain_xml/read.ts";
import { atRest } from "./rest.ts";
import { filePoolNear } from "./images/pools.ts";
import {
  copyImage,
  emptyVolume,
  type FileTarget,
  type FoundImage,
  removeVolume,
  type VolumeTarget,
} from "./images/volumes.ts";

/** One disk, and what its copy becomes: at least as large as the disk. */
export interface DiskCopy {
  readonly disk: DomainDisk;
  readonly target: VolumeTarget;
}

/** What a copy is limited by and reports to. */
export interface CopyControl {
  readonly signal: AbortSignal;
  readonly progress?: (percent: number) => void;
}

/** For the progress; an event tells of the end at once, and this bounds what a lost one costs. */
const LOOK_EVERY_MS = 1_000;
/** Copying takes as long as it takes; this bounds only what has hung. */
const COPY_TIMEOUT_MS = 2 * 60 * 60_000;

/** Whether the domain has no QEMU process. */
export async function isOff(context: LibvirtContext, domain: DomainRef, options?: CallOptions): Promise<boolean> {
  const state = await domains.state(context.session, domain, options);
  return state === domains.domainState.off || state === domains.domainState.crashed;
}

/**
 * Copies the disks that `choose` names, whatever the VM does. Targets that exist are replaced.
 * @throws {ProviderError} `Conflict` with reason `Locked` while something else copies; `Retryable` when the VM stops meanwhile.
 */
export async function copyDisks(
  context: LibvirtContext,
  domain: DomainRef,
  choose: (view: DomainView) => readonly DiskCopy[],
  control: CopyControl,
): Promise<VolumeRef[]> {
  const begun = await context.locks.hold(domain.uuid, async () => {
    const off = await isOff(context, domain);
    const copies = choose(readDomain(await domains.xml(context.session, domain, off ? "inactive" : "current")));
    if (!off) return { copies, volumes: await beginLive(context, domain, copies, control) };
    const volumes: VolumeRef[] = [];
    for (const { disk, target } of copies) {
      volumes.push(await copyImage(context, target, await contentOf(context, domain, disk)));
    }
    return { volumes };
  });
  if (begun.copies === undefined) return begun.volumes;
  await untilCopied(context, domain, control);
  const finished: VolumeRef[] = [];
  for (const [index, copy] of begun.copies.entries()) {
    const volume = begun.volumes[index];
    if (volume !== undefined) finished.push(await finish(context, copy.target, volume));
  }
  return finished;
}

/** QEMU writes into files of the disk's own size that take their space as it is written. */
const isStaged = ({ pool, thick }: VolumeTarget): boolean => thick || pool.volumes !== "Files";
const liveName = (target: VolumeTarget): string => isStaged(target) ? `${target.name}.part` : target.name;

async function finish(context: LibvirtContext, target: VolumeTarget, copy: VolumeRef): Promise<VolumeRef> {
  const { capacity } = await storage.info(context.session, copy);
  if (target.bytes > capacity) await storage.resize(context.session, copy, target.bytes);
  if (!isStaged(target)) return copy;
  const bytes = Math.max(target.bytes, capacity);
  try {
    return await copyImage(context, target, { volume: copy, bytes, format: "qcow2" });
  } finally {
    await storage.remove(context.session, copy);
  }
}

/** The volume behind a disk. @throws {ProviderError} `NotFound` when no active pool has it. */
export async function contentOf(
  context: LibvirtContext,
  domain: DomainRef,
  disk: DomainDisk,
  options?: CallOptions,
): Promise<FoundImage> {
  const volume = await storage.volumeByPath(context.session, disk.source, options);
  if (volume === undefined) {
    throw new ProviderError(
      "NotFound",
      `disk ${disk.name ?? disk.target} of domain "${domain.name}" (${disk.source}) is in no active storage pool`,
      { reason: "DependencyMissing", field: "sourceVmId" },
    );
  }
  return { volume, bytes: (await storage.info(context.session, volume, options)).capacity, format: disk.format };
}

async function beginLive(
  context: LibvirtContext,
  domain: DomainRef,
  copies: readonly DiskCopy[],
  { signal }: CopyControl,
): Promise<VolumeRef[]> {
  const { session } = context;
  await endOwnBefore(context, domain, copies);
  const view = readDomain(await domains.xml(session, domain, "current"));
  const [row] = await domains.allStats(session, [domain], domains.stats.state | domains.stats.block);
  const volumes: VolumeRef[] = [];
  for (const { disk, target } of copies) {
    // To the byte as large as the disk, or QEMU refuses; what the copy is to be beyond that it grows to afterwards.
    const bytes = (row === undefined ? undefined : capacityOf(disk.target, row.params)) ??
      (await contentOf(context, domain, disk)).bytes;
    const pool = target.pool.volumes === "Files" ? target.pool : await filePoolNear(context, target.pool.name);
    const file: FileTarget = { pool, name: liveName(target), bytes, thick: false };
    await removeVolume(context, pool, file.name);
    volumes.push(await emptyVolume(context, file));
  }
  const paths = await Promise.all(volumes.map((volume) => storage.path(session, volume)));
  const copied = copies.map(({ disk }, index) => ({ target: disk.target, path: paths[index] ?? "" }));
  signal.throwIfAborted();
  const begin = () => jobs.beginBackup(session, domain, backupXml(copied));
  // Nobody asked for it, but a copy of file systems at rest is a better one.
  if (view.agent === "Connected") await atRest(context, domain, { required: false }, begin);
  else await begin();
  return volumes;
}

/** A provider that died may have left a copy into the very same volumes; it is begun anew. */
async function endOwnBefore(context: LibvirtContext, domain: DomainRef, copies: readonly DiskCopy[]): Promise<void> {
  const going = await jobs.backupXml(context.session, domain);
  // Asked for what it refuses: a job that never ends would be waited for in vain.
  if (going === undefined) return void await jobs.stats(context.session, domain, "current");
  const names = copies.map(({ target }) => liveName(target));
  const isOurs = readBackupFiles(going).every((path) => names.includes(path.slice(path.lastIndexOf("/") + 1)));
  if (isOurs) return await jobs.abort(context.session, domain);
  throw new ProviderError("Conflict", `the disks of domain "${domain.name}" are being copied for something else`, {
    reason: "Locked",
  });
}

async function untilCopied(context: LibvirtContext, domain: DomainRef, control: CopyControl): Promise<void> {
  const { session, clock } = context;
  const { signal, progress } = control;
  const deadline = clock.monotonic() + COPY_TIMEOUT_MS;
  let wake = (): void => {};
  const onAbort = () => wake();
  const stop = session.listen((event) => {
    if (event.type === "Domain" && event.event.domain.uuid === domain.uuid) wake();
  });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const woken = Promise.withResolvers<void>();
      wake = woken.resolve;
      const { type, params } = await jobs.stats(session, domain, "current");
      if (type === jobs.jobType.none) break;
      const [done, total] = [Number(params.get("disk_processed") ?? 0), Number(params.get("disk_total") ?? 0)];
      if (total > 0) progress?.(Math.floor((done / total) * 100));
      if (signal.aborted || clock.monotonic() > deadline) {
        await jobs.abort(session, domain);
        throw new ProviderError("Retryable", `copying the disks of domain "${domain.name}" was given up`);
      }
      const cancel = clock.setTimeout(woken.resolve, LOOK_EVERY_MS);
      await woken.promise;
      cancel();
    }
  } finally {
    stop();
    signal.removeEventListener("abort", onAbort);
  }
  const { type, params } = await jobs.stats(session, domain, "completed");
  if (type === jobs.jobType.completed) return;
  const why = params.get("errmsg") ?? "it stopped, or somebody ended the copy";
  throw new ProviderError("Retryable", `the disks of domain "${domain.name}" were not copied: ${why}`);
}
