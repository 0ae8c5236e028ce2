/**
 * Snapshots inside the qcow2 files of a VM. libvirt keeps the memory with every snapshot of a running VM; one that was
 * asked for without it is reverted to with the virtual CPUs stopped and then switched off, so that no instruction runs.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  type ObservedSnapshot,
  ProviderError,
  type SnapshotCreateRequest,
  type SnapshotCreateResponse,
  type SnapshotRequest,
  type TaskResponse,
} from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import * as hosts from "./client/host.ts";
import type { DomainRef } from "./client/objects.ts";
import * as snapshots from "./client/snapshot.ts";
import * as storage from "./client/storage.ts";
import { refuseIfBase } from "./bases.ts";
import { type CallOptions, findDomain, type LibvirtContext, requireDomain } from "./context.ts";
import { readPoolRoom } from "./domain_xml/pool.ts";
import { type DomainView, readDomain } from "./domain_xml/read.ts";
import { restMetadata } from "./domain_xml/rest.ts";
import { goOn } from "./left_stopped.ts";
import { atRest } from "./rest.ts";
import { readSnapshot, snapshotXml } from "./domain_xml/snapshot.ts";

/** Name of a snapshot at libvirt: the wanted name, `d` or `m` for disks or memory, and a digest of the operation. */
const ID = /^(?<name>.+)--(?<kind>[dm])[0-9a-f]{10}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NO_CPU_REVERT_BEFORE = 11;

const idOf = ({ name, includeMemory, operation }: SnapshotCreateRequest): string =>
  `${name}--${includeMemory ? "m" : "d"}${createHash("sha256").update(operation.id).digest("hex").slice(0, 10)}`;

export async function snapshotCreate(
  context: LibvirtContext,
  request: SnapshotCreateRequest,
  options: CallOptions,
): Promise<SnapshotCreateResponse> {
  if (!NAME.test(request.name)) {
    throw new ProviderError("InvalidSpec", `snapshot name "${request.name}" is not 1 to 100 letters, digits, . _ -`, {
      field: "name",
    });
  }
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  const snapshotId = idOf(request);
  const key = `snapshot/${domain.uuid}/${snapshotId}`;
  const running = context.tasks.running(key);
  if (running !== undefined) return { snapshotId, task: running };
  const begun = await snapshots.byName(context.session, domain, snapshotId, options);
  if (begun !== undefined && await hasSucceeded(context, domain, begun, options)) return { snapshotId };
  await checkCan(context, domain, request, options);
  const task = context.tasks.start(key, domain.uuid, async () => {
    await context.locks.hold(domain.uuid, () => take(context, domain, request));
    context.changes.notify(domain.uuid);
  });
  return { snapshotId, task };
}

/**
 * Waits for the end of a snapshot that may be still in the making, by a call whose connection broke: libvirt lists it
 * from its beginning on, and drops it should it fail. Every change of the domain waits for that, also this one, of nothing.
 */
async function hasSucceeded(
  context: LibvirtContext,
  domain: DomainRef,
  snapshot: snapshots.SnapshotRef,
  options: CallOptions,
): Promise<boolean> {
  await domains.setMetadata(context.session, domain, { ...restMetadata, content: undefined }, options);
  return await snapshots.byName(context.session, domain, snapshot.name, options) !== undefined;
}

/** Refuses at once what libvirt would refuse, or take and never be able to go back to. */
async function checkCan(
  context: LibvirtContext,
  domain: DomainRef,
  request: SnapshotCreateRequest,
  options: CallOptions,
): Promise<void> {
  const view = readDomain(await domains.xml(context.session, domain, "current", options));
  const isOff = await isDomainOff(context, domain, options);
  const refuse = (errorClass: "NotSupported" | "Conflict", why: string, reason?: string): never => {
    throw new ProviderError(
      errorClass,
      `snapshot of domain "${domain.name}": ${why}`,
      reason === undefined ? {} : { reason },
    );
  };
  if (request.includeMemory && isOff) refuse("Conflict", "it is off and has no memory to keep", "PowerState");
  const plain = view.disks.find((disk) => disk.format !== "qcow2");
  if (plain !== undefined) refuse("NotSupported", `disk ${plain.name ?? plain.target} is ${plain.format}, not qcow2`);
  if (isOff || !hotAddedCpus(view)) return;
  const major = Number((await hosts.libvirtVersion(context.session, options)).split(".")[0]);
  if (major < NO_CPU_REVERT_BEFORE) {
    const why = "CPUs were added while it runs, and this libvirt could not go back to it; power it off and on first";
    refuse("Conflict", why, "PowerState");
  }
}

/** CPUs that the machine did not start with. */
const hotAddedCpus = ({ vcpus }: DomainView): boolean => vcpus.some((cpu) => cpu.enabled && cpu.hotpluggable);

async function isDomainOff(context: LibvirtContext, domain: DomainRef, options: CallOptions): Promise<boolean> {
  const state = await domains.state(context.session, domain, options);
  return state === domains.domainState.off || state === domains.domainState.crashed;
}

async function take(context: LibvirtContext, domain: DomainRef, request: SnapshotCreateRequest): Promise<void> {
  const { session } = context;
  await goOn(context, domain);
  const description = snapshotXml({ name: idOf(request), description: request.description });
  // What is in memory needs no flushing: it comes back with it.
  const quiesce = request.quiesce && !request.includeMemory && !(await isDomainOff(context, domain, {}));
  const make = async () => {
    try {
      await snapshots.create(session, domain, description);
    } catch (error) {
      throw await explain(context, domain, error);
    }
  };
  await (quiesce ? atRest(context, domain, { required: true }, make) : make());
}

/** What QEMU says where the disk that it keeps the memory in cannot grow, whatever the reason. */
const MEMORY_NOT_WRITTEN = /writing VM state/i;

/** libvirt before 10.9 has no internal snapshots of machines with UEFI, and QEMU does not say that a pool is full. */
async function explain(context: LibvirtContext, domain: DomainRef, error: unknown): Promise<unknown> {
  if (!(error instanceof LibvirtError)) return error;
  if (/pflash|firmware/i.test(error.message)) {
    return new ProviderError(
      "NotSupported",
      `snapshot of domain "${domain.name}": this libvirt cannot take one of a machine with UEFI (${error.message})`,
      { cause: error },
    );
  }
  if (!MEMORY_NOT_WRITTEN.test(error.message)) return error;
  const { session } = context;
  const { disks, memoryKib } = readDomain(await domains.xml(session, domain, "current"));
  const volume = disks[0] === undefined ? undefined : await storage.volumeByPath(session, disks[0].source);
  const pool = volume === undefined ? undefined : await storage.pool(session, volume.pool);
  if (pool === undefined) return error;
  await storage.refresh(session, pool);
  const room = readPoolRoom(await storage.poolXml(session, pool));
  if (room === undefined || room >= memoryKib.current * 1024) return error;
  return new ProviderError(
    "QuotaExceeded",
    `snapshot of domain "${domain.name}": its memory of up to ${Math.ceil(memoryKib.current / 1024)} MiB goes into ` +
      `storage pool "${pool.name}", which has ${Math.floor(room / 1024 ** 2)} MiB left; make room there`,
    { cause: error },
  );
}

export async function snapshotList(
  context: LibvirtContext,
  { vmId }: { readonly vmId: string },
  options: CallOptions,
): Promise<readonly ObservedSnapshot[]> {
  const domain = await findDomain(context, vmId, options);
  if (domain === undefined) {
    throw new ProviderError("NotFound", `there is no domain with UUID ${vmId} on this libvirt host`);
  }
  const { session } = context;
  const [refs, current] = await Promise.all([
    snapshots.list(session, domain, options),
    snapshots.current(session, domain, options),
  ]);
  const seen = await Promise.all(refs.map(async (ref): Promise<ObservedSnapshot | undefined> => {
    const document = await snapshots.xml(session, ref, options).catch((error: unknown) => {
      if (LibvirtError.hasCode(error, errorCode.noSnapshot)) return undefined;
      throw error;
    });
    if (document === undefined) return undefined;
    const { description, parent, createdAtS, running } = readSnapshot(document);
    const ours = ID.exec(ref.name)?.groups;
    return {
      id: ref.name,
      name: ours?.["name"] ?? ref.name,
      ...(description === "" ? {} : { description }),
      ...(parent === undefined ? {} : { parentId: parent }),
      createdAt: new Date(createdAtS * 1000).toISOString(),
      hasMemory: running && ours?.["kind"] !== "d",
      current: current?.name === ref.name,
    };
  }));
  return seen.filter((each) => each !== undefined).sort((a, b) => a.createdAt < b.createdAt ? -1 : 1);
}

export async function snapshotDelete(
  context: LibvirtContext,
  request: SnapshotRequest,
  options: CallOptions,
): Promise<TaskResponse> {
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  const snapshot = await snapshots.byName(context.session, domain, request.snapshotId, options);
  if (snapshot === undefined) return {};
  const task = context.tasks.start(`snapshot-delete/${domain.uuid}/${snapshot.name}`, domain.uuid, async () => {
    await context.locks.hold(domain.uuid, () => snapshots.remove(context.session, snapshot));
  });
  return { task };
}

export async function snapshotRevert(
  context: LibvirtContext,
  request: SnapshotRequest,
  options: CallOptions,
): Promise<TaskResponse> {
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  const snapshot = await snapshots.byName(context.session, domain, request.snapshotId, options);
  if (snapshot === undefined) {
    throw new ProviderError("NotFound", `domain "${domain.name}" has no snapshot "${request.snapshotId}"`, {
      reason: "SnapshotMissing",
      field: "snapshotId",
    });
  }
  const task = context.tasks.start(`snapshot-revert/${domain.uuid}`, domain.uuid, async () => {
    await context.locks.hold(domain.uuid, () => goBack(context, domain, snapshot));
    context.changes.notify(domain.uuid);
  });
  return { task };
}

async function goBack(context: LibvirtContext, domain: DomainRef, snapshot: snapshots.SnapshotRef): Promise<void> {
  const { session } = context;
  await refuseIfBase(context, domain.uuid, "reverted");
  const { running } = readSnapshot(await snapshots.xml(session, snapshot));
  const withoutMemory = running && ID.exec(snapshot.name)?.groups?.["kind"] === "d";
  // Who reverts wants what was, whatever has become of the machine since.
  const { paused, force } = snapshots.revertFlag;
  await snapshots.revert(session, snapshot, withoutMemory ? force | paused : force);
  if (withoutMemory) await domains.destroy(session, domain);
}
