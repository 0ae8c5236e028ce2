/** Creating a VM, at most once for each owner. @module */
import {
  type CreateRequest,
  type CreateResponse,
  type DataDisk,
  type MachineSpec,
  ProviderError,
} from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef, VolumeRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import { type CallOptions, createKey, type LibvirtContext } from "./context.ts";
import { domainXml } from "./domain_xml/build.ts";
import type { Platform } from "./domain_xml/capabilities.ts";
import { type DiskDevice, ROOT_DISK } from "./domain_xml/devices.ts";
import { DiskPlaces } from "./domain_xml/disk_place.ts";
import type { XmlElement } from "./domain_xml/element.ts";
import { gpuElements } from "./domain_xml/gpu.ts";
import { readDomain } from "./domain_xml/read.ts";
import type { SettingValues } from "./domain_xml/settings.ts";
import { chooseGpus, GPU_LOCK } from "./gpus.ts";
import { refuseIfHalfStarted } from "./half_started.ts";
import { diskBus, diskDriver, securityOf, settingsOf, sizeOf } from "./hardware.ts";
import { checkSpec } from "./honesty.ts";
import { checkNetworks, checkOffer, platformFor } from "./host_checks.ts";
import { refuseIfBase } from "./bases.ts";
import { type DiskPool, filePoolFor, requireDiskPool } from "./images/pools.ts";
import { diskVolumeIn, ensureDisk, gibBytes, isThick, type VolumeTarget, writeVolume } from "./images/volumes.ts";
import { type Origin, originOf } from "./origin.ts";
import { domainUuid, ignitionVolume, type NamedNic, seedVolume, withAddresses } from "./identity.ts";
import { isBlockVolume, readVolumeFormat } from "./domain_xml/volume.ts";
import { makeSeed, newSeedToken, type Seed } from "./seed.ts";
import type { TaskControl } from "./tasks.ts";

/** Everything that was found out before the first thing is made. */
interface CreatePlan {
  readonly uuid: string;
  readonly request: CreateRequest;
  readonly platform: Platform;
  readonly settings: SettingValues;
  readonly origin: Origin;
  readonly pools: ReadonlyMap<string, DiskPool>;
  readonly nics: readonly NamedNic[];
  readonly seed: Seed | undefined;
}

export async function create(
  context: LibvirtContext,
  request: CreateRequest,
  options: CallOptions,
): Promise<CreateResponse> {
  checkSpec(request.spec);
  return await begin(context, request, (findOptions) => originOf(context, request.spec, findOptions), options);
}

/** Creates a VM whose disks come from wherever `findOrigin` says. */
export async function begin(
  context: LibvirtContext,
  request: CreateRequest,
  findOrigin: (options: CallOptions) => Promise<Origin>,
  options: CallOptions,
): Promise<CreateResponse> {
  const uuid = domainUuid(request.operation.ownerUid);
  const running = context.tasks.running(createKey(uuid));
  if (running !== undefined) return { vmId: uuid, task: running };
  const existing = await domains.byUuid(context.session, uuid, options);
  if (existing !== undefined) {
    await checkOurs(context, existing, request, options);
    if (request.powerOn) await startIfOff(context, existing, options);
    return { vmId: uuid };
  }
  await checkName(context, request.spec, uuid, options);
  const plan = await makePlan(context, uuid, request, findOrigin, options);
  const task = context.tasks.start(
    createKey(uuid),
    uuid,
    (control) => context.locks.hold(uuid, () => carryOut(context, plan, control)),
  );
  return { vmId: uuid, task };
}

/** The domain of this UUID is ours only if it says so: a mark of the same owner. */
async function checkOurs(
  context: LibvirtContext,
  domain: DomainRef,
  { operation }: CreateRequest,
  options: CallOptions,
): Promise<void> {
  const { mark } = readDomain(await domains.xml(context.session, domain, "current", options));
  if (mark?.ownerUid === operation.ownerUid) return;
  throw nameConflict(`a domain with UUID ${domain.uuid} ("${domain.name}") exists and does not carry our mark`);
}

async function checkName(
  context: LibvirtContext,
  spec: MachineSpec,
  uuid: string,
  options: CallOptions,
): Promise<void> {
  const other = await domains.byName(context.session, spec.name, options);
  if (other === undefined || other.uuid === uuid) return;
  throw nameConflict(`a domain named "${spec.name}" exists (UUID ${other.uuid}) and is not ours; it is not touched`);
}

const nameConflict = (why: string): ProviderError =>
  new ProviderError("Conflict", `${why}. Rename one of the two`, { reason: "NameConflict", field: "name" });

async function startIfOff(context: LibvirtContext, domain: DomainRef, options: CallOptions): Promise<void> {
  await refuseIfHalfStarted(context, domain, options);
  await refuseIfBase(context, domain.uuid, "started", options);
  try {
    await domains.start(context.session, domain, options);
  } catch (error) {
    if (!LibvirtError.hasCode(error, errorCode.operationInvalid)) throw error;
  }
}

/** Name of the pool for a disk of `spec`. */
export const poolNameOf = (context: LibvirtContext, spec: MachineSpec, storageClass: string | undefined): string =>
  storageClass ?? spec.placement?.datastore ?? context.defaultPool;

async function makePlan(
  context: LibvirtContext,
  uuid: string,
  request: CreateRequest,
  findOrigin: (options: CallOptions) => Promise<Origin>,
  options: CallOptions,
): Promise<CreatePlan> {
  const { spec } = request;
  const pools = new Map<string, DiskPool>();
  for (const { name: disk, storageClass } of [{ ...spec.rootDisk, name: ROOT_DISK }, ...spec.disks]) {
    const name = poolNameOf(context, spec, storageClass);
    const field = `${disk === ROOT_DISK ? "rootDisk" : `disks[${disk}]`}.storageClass`;
    const pool = pools.get(name) ?? await requireDiskPool(context, name, field, options);
    pools.set(name, pool);
    diskVolumeIn(pool, uuid, disk);
    // What it is filled from is a file; better to know now that there is no place for that.
    await filePoolFor(context, pool, options);
  }
  await checkNetworks(context, spec, options);
  const platform = platformFor(spec, await context.host.guests());
  checkOffer(spec, platform, await context.host.offer(platform));
  await chooseGpus(context, spec, options);
  const nics = withAddresses(uuid, spec.nics);
  return {
    uuid,
    request,
    platform,
    settings: await wishedSettings(context, spec, platform),
    origin: await findOrigin(options),
    pools,
    nics,
    seed: makeSeed(spec, nics, request.operation.ownerUid),
  };
}

/** What the description of a machine is to say besides its size and its devices. */
export async function wishedSettings(
  context: LibvirtContext,
  spec: MachineSpec,
  platform: Platform,
): Promise<SettingValues> {
  const password = await context.graphicsPassword();
  return settingsOf(spec, {
    platform,
    cpuMhz: spec.hardware.limits?.cpuLimitMhz === undefined ? 0 : await context.host.cpuMhz(),
    ...(password === undefined ? {} : { graphicsPassword: password.reveal() }),
  });
}

async function carryOut(context: LibvirtContext, plan: CreatePlan, { signal, progress }: TaskControl): Promise<void> {
  const { uuid, request, platform, nics, seed } = plan;
  const { spec, operation } = request;
  const stopIfCancelled = () => {
    if (signal.aborted) throw new ProviderError("Retryable", `creation of domain "${spec.name}" was cancelled`);
  };
  // No call is given the signal: what libvirt has begun it ends, and what it makes after we looked away nobody finds.
  const options: CallOptions = {};
  const { disks, controllers } = await makeDisks(context, plan, signal, stopIfCancelled);
  progress(80);
  let initPath: string | undefined;
  if (seed !== undefined) {
    const pool = await filePoolFor(context, poolOf(plan, poolNameOf(context, spec, spec.rootDisk.storageClass)));
    const name = seed.type === "Ignition" ? ignitionVolume(uuid) : seedVolume(uuid);
    initPath = await storage.path(context.session, await writeVolume(context, { pool, name }, seed.image, options));
  }
  const describe = (hostDevices: readonly XmlElement[]) =>
    domainXml({
      uuid,
      name: spec.name,
      mark: {
        ownerUid: operation.ownerUid,
        owner: operation.owner,
        tags: spec.tags,
        ...(seed === undefined ? {} : { guestInitDigest: newSeedToken() }),
      },
      platform,
      size: sizeOf(spec),
      settings: plan.settings,
      firmware: spec.hardware.firmware,
      security: securityOf(spec),
      disks,
      controllers,
      hostDevices,
      nics,
      defaultNetwork: context.defaultNetwork,
      ...(initPath === undefined
        ? {}
        : seed?.type === "Ignition"
        ? { ignitionPath: initPath }
        : { seedPath: initPath }),
    });
  stopIfCancelled();
  // libvirt is the arbiter: it defines one domain per UUID and per name, whoever else tries at the same time.
  await checkName(context, spec, uuid, options);
  const define = (description: string) =>
    domains.define(context.session, description, `define domain "${spec.name}"`, options);
  const domain = spec.hardware.gpu === undefined ? await define(describe([])) : await context.locks.hold(
    GPU_LOCK,
    async () => await define(describe(gpuElements(await chooseGpus(context, spec, options)))),
  );
  progress(90);
  if (request.powerOn) await domains.start(context.session, domain, options);
}

async function makeDisks(
  context: LibvirtContext,
  plan: CreatePlan,
  signal: AbortSignal,
  stopIfCancelled: () => void,
): Promise<{ readonly disks: readonly DiskDevice[]; readonly controllers: readonly XmlElement[] }> {
  const { uuid, origin, request: { spec } } = plan;
  const targetOf = (name: string, disk: Pick<DataDisk, "storageClass" | "type">, gib: number): VolumeTarget => {
    const pool = poolOf(plan, poolNameOf(context, spec, disk.storageClass));
    return { pool, name: diskVolumeIn(pool, uuid, name), bytes: gibBytes(gib), thick: isThick(disk) };
  };
  const data = new Map(spec.disks.map((disk) => [disk.name, targetOf(disk.name, disk, disk.sizeGib)]));
  const root = targetOf(ROOT_DISK, spec.rootDisk, spec.rootDisk.sizeGib ?? 0);
  const filled = await origin({ uuid, root, data, signal });
  const places = new DiskPlaces();
  const controllers: XmlElement[] = [];
  const disks: DiskDevice[] = [];
  const wishes: readonly Pick<DataDisk, "name" | "iops" | "scsi">[] = [
    { ...spec.rootDisk, name: ROOT_DISK },
    ...spec.disks,
  ];
  for (const wish of wishes) {
    stopIfCancelled();
    const { name, iops } = wish;
    const volume = filled.get(name) ?? await ensureDisk(context, data.get(name) ?? root);
    const controller = places.controllerFor(diskBus(spec), wish);
    if (controller !== undefined) controllers.push(controller);
    const place = places.next(diskBus(spec), wish.scsi);
    if (place === undefined) {
      throw new ProviderError("InvalidSpec", `there is no place left for disk ${name} on its bus`, { field: "disks" });
    }
    const driver = diskDriver(spec);
    disks.push({ name, ...await sourceOf(context, volume), place, driver, ...(iops === undefined ? {} : { iops }) });
  }
  return { disks, controllers };
}

/** What a machine has to know of the volume that its disk is. */
export async function sourceOf(
  context: LibvirtContext,
  volume: VolumeRef,
  options?: CallOptions,
): Promise<Pick<DiskDevice, "path" | "format" | "block">> {
  const path = await storage.path(context.session, volume, options);
  const description = await storage.xml(context.session, volume, options);
  return isBlockVolume(description)
    ? { path, format: "raw", block: true }
    : { path, format: readVolumeFormat(description) ?? "qcow2" };
}

function poolOf(plan: CreatePlan, name: string): DiskPool {
  const pool = plan.pools.get(name);
  if (pool === undefined) throw new ProviderError("Retryable", `storage pool "${name}" was not looked up`);
  return pool;
}
