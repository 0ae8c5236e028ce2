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
import * as networks from "./client/network.ts";
import type { DomainRef, PoolRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import { type CallOptions, createKey, type LibvirtContext } from "./context.ts";
import { domainXml } from "./domain_xml/build.ts";
import type { Platform } from "./domain_xml/capabilities.ts";
import { type DiskDevice, freeTarget, ROOT_DISK } from "./domain_xml/devices.ts";
import { readDomain } from "./domain_xml/read.ts";
import { cpuMode, diskDriver, maxCpus, maxMemoryMib, securityOf } from "./hardware.ts";
import { checkSpec, EXTRA_KEYS } from "./honesty.ts";
import { refuseIfBase } from "./bases.ts";
import {
  ensureDisk,
  gibBytes,
  inactive,
  isThick,
  requireDiskPool,
  type VolumeTarget,
  writeVolume,
} from "./images/volumes.ts";
import { type Origin, originOf } from "./origin.ts";
import { diskVolume, domainUuid, ignitionVolume, type NamedNic, seedVolume, withAddresses } from "./identity.ts";
import { readVolumeFormat } from "./domain_xml/volume.ts";
import { makeSeed, type Seed } from "./seed.ts";
import type { TaskControl } from "./tasks.ts";

/** Everything that was found out before the first thing is made. */
interface CreatePlan {
  readonly uuid: string;
  readonly request: CreateRequest;
  readonly platform: Platform;
  readonly origin: Origin;
  readonly pools: ReadonlyMap<string, PoolRef>;
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
  const pools = new Map<string, PoolRef>();
  const wanted = [
    ["rootDisk", spec.rootDisk] as const,
    ...spec.disks.map((disk) => [`disks[${disk.name}]`, disk] as const),
  ];
  for (const [at, { storageClass }] of wanted) {
    const name = poolNameOf(context, spec, storageClass);
    if (!pools.has(name)) pools.set(name, await requireDiskPool(context, name, `${at}.storageClass`, options));
  }
  await checkNetworks(context, spec, options);
  const nics = withAddresses(uuid, spec.nics);
  return {
    uuid,
    request,
    platform: await platformFor(context, spec),
    origin: await findOrigin(options),
    pools,
    nics,
    seed: makeSeed(spec, nics, request.operation.ownerUid),
  };
}

/** @throws {ProviderError} `NotFound` with reason `DependencyMissing` for a network that the host does not have. */
export async function checkNetworks(context: LibvirtContext, spec: MachineSpec, options: CallOptions): Promise<void> {
  for (const nic of spec.nics) {
    if (nic.backing?.type === "Bridge") continue;
    const name = nic.backing?.type === "Network" ? nic.backing.network : context.defaultNetwork;
    const field = `nics[${nic.name}].backing.network`;
    const network = await networks.byName(context.session, name, options);
    if (network === undefined) {
      throw new ProviderError("NotFound", `network "${name}" does not exist on the libvirt host; define and start it`, {
        reason: "DependencyMissing",
        field,
      });
    }
    if (!(await networks.isActive(context.session, network, options))) throw inactive(`network "${name}"`, field);
  }
}

async function platformFor(context: LibvirtContext, { hardware }: MachineSpec): Promise<Platform> {
  const platform = await context.host.platform();
  const asked = hardware.extraConfig?.[EXTRA_KEYS.domainType];
  const domainType = asked === "kvm" || asked === "qemu" ? asked : platform.domainType;
  if (hardware.performance?.nestedVirtualization && domainType !== "kvm") {
    throw new ProviderError("NotSupported", "nested virtualization needs KVM, which this libvirt host does not offer", {
      field: "hardware.performance.nestedVirtualization",
    });
  }
  return { ...platform, domainType, machine: hardware.extraConfig?.[EXTRA_KEYS.machine] ?? platform.machine };
}

async function carryOut(context: LibvirtContext, plan: CreatePlan, { signal, progress }: TaskControl): Promise<void> {
  const { uuid, request, platform, nics, seed } = plan;
  const { spec, operation } = request;
  const stopIfCancelled = () => {
    if (signal.aborted) throw new ProviderError("Retryable", `creation of domain "${spec.name}" was cancelled`);
  };
  // No call is given the signal: what libvirt has begun it ends, and what it makes after we looked away nobody finds.
  const options: CallOptions = {};
  const disks = await makeDisks(context, plan, signal, stopIfCancelled);
  progress(80);
  let initPath: string | undefined;
  if (seed !== undefined) {
    const pool = poolOf(plan, poolNameOf(context, spec, spec.rootDisk.storageClass));
    const name = seed.type === "Ignition" ? ignitionVolume(uuid) : seedVolume(uuid);
    initPath = await storage.path(context.session, await writeVolume(context, { pool, name }, seed.image, options));
  }
  const description = domainXml({
    uuid,
    name: spec.name,
    mark: {
      ownerUid: operation.ownerUid,
      owner: operation.owner,
      tags: spec.tags,
      ...(seed === undefined ? {} : { guestInitDigest: seed.digest }),
    },
    platform,
    cpus: { current: spec.hardware.cpus, max: maxCpus(spec) },
    memoryMib: { current: spec.hardware.memoryMib, max: maxMemoryMib(spec) },
    firmware: spec.hardware.firmware,
    cpuMode: cpuMode(spec, platform),
    security: securityOf(spec),
    disks,
    nics,
    defaultNetwork: context.defaultNetwork,
    ...(initPath === undefined ? {} : seed?.type === "Ignition" ? { ignitionPath: initPath } : { seedPath: initPath }),
  });
  stopIfCancelled();
  // libvirt is the arbiter: it defines one domain per UUID and per name, whoever else tries at the same time.
  await checkName(context, spec, uuid, options);
  const domain = await domains.define(context.session, description, `define domain "${spec.name}"`, options);
  progress(90);
  if (request.powerOn) await domains.start(context.session, domain, options);
}

async function makeDisks(
  context: LibvirtContext,
  plan: CreatePlan,
  signal: AbortSignal,
  stopIfCancelled: () => void,
): Promise<DiskDevice[]> {
  const { uuid, origin, request: { spec } } = plan;
  const targetOf = (name: string, disk: Pick<DataDisk, "storageClass" | "type">, gib: number): VolumeTarget => ({
    pool: poolOf(plan, poolNameOf(context, spec, disk.storageClass)),
    name: diskVolume(uuid, name),
    bytes: gibBytes(gib),
    thick: isThick(disk),
  });
  const data = new Map(spec.disks.map((disk) => [disk.name, targetOf(disk.name, disk, disk.sizeGib)]));
  const root = targetOf(ROOT_DISK, spec.rootDisk, spec.rootDisk.sizeGib ?? 0);
  const filled = await origin({ uuid, root, data, signal });
  const taken = new Set<string>();
  const devices: DiskDevice[] = [];
  for (const { name, iops } of [{ ...spec.rootDisk, name: ROOT_DISK }, ...spec.disks]) {
    stopIfCancelled();
    const volume = filled.get(name) ?? await ensureDisk(context, data.get(name) ?? root);
    const free = freeTarget(taken);
    if (free === undefined) {
      throw new ProviderError("InvalidSpec", "a VM has at most 26 disks here", { field: "disks" });
    }
    taken.add(free);
    const path = await storage.path(context.session, volume);
    const format = readVolumeFormat(await storage.xml(context.session, volume)) ?? "qcow2";
    const driver = diskDriver(spec);
    devices.push({ name, path, format, target: free, driver, ...(iops === undefined ? {} : { iops }) });
  }
  return devices;
}

function poolOf(plan: CreatePlan, name: string): PoolRef {
  const pool = plan.pools.get(name);
  if (pool === undefined) throw new ProviderError("Retryable", `storage pool "${name}" was not looked up`);
  return pool;
}
