/** What is: domains as libvirt and their guests report them. @module */
import {
  type DescribeRequest,
  type DescribeResponse,
  type ListVmsRequest,
  type ListVmsResponse,
  type ObservedDisk,
  type ObservedGuest,
  type ObservedMachine,
  type ObservedNic,
  type PowerState,
} from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef, TypedParams } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import { type CallOptions, findDomain, type LibvirtContext } from "./context.ts";
import { type DomainDisk, type DomainView, readDomain } from "./domain_xml/read.ts";
import { type AgentAnswer, publicAddresses } from "./guest.ts";
import { howToMend, isStarting, PAUSED_STARTING_UP } from "./half_started.ts";
import { domainUuid, isVmId } from "./identity.ts";
import { pendingChanges } from "./pending.ts";

const PAGE_MAX = 1000;
const GIB = 1024 ** 3;
const { domainState } = domains;

/** One row of libvirt's statistics: state and sizes of a domain. */
export interface StatsRow {
  readonly domain: DomainRef;
  readonly params: TypedParams;
}

const GROUPS = domains.stats.state | domains.stats.block;

export async function describe(
  context: LibvirtContext,
  request: DescribeRequest,
  options: CallOptions,
): Promise<DescribeResponse> {
  const { vmId, ownerUid } = request;
  const look = async (uuid: string): Promise<ObservedMachine | undefined> => {
    // In one go with what is asked of it; only that there is none needs an answer of its own, which proves it.
    const unseen = { name: uuid, uuid: uuid.toLowerCase(), id: -1 };
    const seen = isVmId(uuid) ? await observe(context, unseen, options) : undefined;
    if (seen !== undefined) return seen;
    const domain = await findDomain(context, uuid, options);
    return domain === undefined ? undefined : await observe(context, domain, options);
  };
  const byId = vmId === undefined ? undefined : await look(vmId);
  // One that carries no mark is the adopted VM of whoever knows its id.
  if (byId !== undefined && (ownerUid === undefined || (byId.ownerUid ?? ownerUid) === ownerUid)) {
    return { exists: true, vm: byId };
  }
  const byOwner = ownerUid === undefined ? undefined : await look(domainUuid(ownerUid));
  if (byOwner === undefined || byOwner.ownerUid !== ownerUid) return { exists: false };
  return { exists: true, vm: byOwner };
}

/** One domain; `undefined` when it is gone. */
export async function observe(
  context: LibvirtContext,
  domain: DomainRef,
  options?: CallOptions,
): Promise<ObservedMachine | undefined> {
  return await unlessGone(async () => {
    // Whoever looks, at one of many, is not held up by one that is busy, or will be for ever.
    const [[row], live] = await Promise.all([
      domains.allStats(context.session, [domain], GROUPS, { ...options, noWait: true }),
      liveView(context, domain, options),
    ]);
    return row === undefined ? undefined : await observeRow(context, row, options, live);
  });
}

/** All domains: one call for states and sizes, then two or three for each. */
export async function listRows(context: LibvirtContext, options?: CallOptions): Promise<StatsRow[]> {
  const rows = await domains.allStats(context.session, [], GROUPS, options);
  return rows.sort((a, b) => (a.domain.uuid < b.domain.uuid ? -1 : 1));
}

export async function listVms(
  context: LibvirtContext,
  request: ListVmsRequest,
  options: CallOptions,
): Promise<ListVmsResponse> {
  const size = Math.min(request.pageSize ?? PAGE_MAX, PAGE_MAX);
  const after = request.pageToken ?? "";
  const rows = (await listRows(context, options)).filter((row) => row.domain.uuid > after);
  const page = rows.slice(0, size);
  const vms = await Promise.all(page.map((row) => unlessGone(() => observeRow(context, row, options))));
  const last = page.at(-1)?.domain.uuid;
  return {
    vms: vms.filter((vm) => vm !== undefined),
    ...(rows.length > size && last !== undefined ? { nextPageToken: last } : {}),
  };
}

/** The domain of a row; `undefined` when it is gone meanwhile. */
export async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noDomain)) return undefined;
    throw error;
  }
}

const liveView = async (context: LibvirtContext, domain: DomainRef, options?: CallOptions): Promise<DomainView> =>
  readDomain(await domains.xml(context.session, domain, "current", options));

/** The report on the domain of a row; `seen`: how it runs, where that is known already. */
export async function observeRow(
  context: LibvirtContext,
  row: StatsRow,
  options?: CallOptions,
  seen?: DomainView,
): Promise<ObservedMachine> {
  const { host } = context;
  const state = Number(row.params.get("state.state") ?? domainState.none);
  const active = state !== domainState.off && state !== domainState.crashed;
  const [live, stored, hostname] = await Promise.all([
    seen ?? liveView(context, row.domain, options),
    active ? storedView(context, row.domain, options) : undefined,
    host.hostname(),
  ]);
  const running = state === domainState.running || state === domainState.blocked;
  const agent = running && live.agent === "Connected" ? await context.agents.ask(row.domain, options) : undefined;
  const addresses = await addressesOf(context, row.domain, live, { running, agent, ...options });
  if (isStarting(row.params)) context.starts.seen(live.uuid, live.memoryKib.max / 1024 ** 2);
  else context.starts.over(live.uuid);
  const attention = context.starts.isLeft(live.uuid)
    ? howToMend(live.name)
    : attentionOf(state, Number(row.params.get("state.reason") ?? 0));
  const nics = live.nics.map((nic): ObservedNic => ({
    name: nic.name ?? nic.mac,
    mac: nic.mac,
    ...(nic.backing === undefined ? {} : { network: nic.backing.name }),
    ips: publicAddresses(addresses.get(nic.mac) ?? []),
    connected: active && nic.connected,
  }));
  return {
    id: live.uuid,
    name: live.name,
    ...(live.mark === undefined ? {} : { ownerUid: live.mark.ownerUid }),
    power: powerOf(state, Number(row.params.get("state.reason") ?? 0)),
    cpus: live.cpus.current,
    memoryMib: Math.round(allottedKib(live, stored) / 1024),
    disks: await Promise.all(live.disks.map((disk) => observeDisk(context, disk, row.params, options))),
    nics,
    ips: publicAddresses(nics.flatMap((nic) => nic.ips)),
    guest: guestOf(live, running, agent),
    placement: { host: hostname },
    pendingPowerCycle: stored === undefined ? [] : pendingChanges(live, stored),
    ...(live.mark?.guestInitDigest === undefined ? {} : { guestInitDigest: live.mark.guestInitDigest }),
    ...(attention === undefined ? {} : { attention }),
    details: {
      arch: live.arch,
      domainType: live.domainType,
      firmware: live.firmware,
      machine: live.machine,
    },
  };
}

/**
 * Memory that the guest is to have. What it has at this moment follows by way of the balloon, in many small steps, and
 * not at all where the guest has no driver for it: a number that is never quiet. More than the limit of the running
 * machine it cannot get, and then what runs is what counts.
 */
function allottedKib(live: DomainView, stored: DomainView | undefined): number {
  const target = stored?.memoryKib.current ?? live.memoryKib.current;
  return target <= live.memoryKib.max ? target : live.memoryKib.current;
}

/** The description that the next start will use; a transient domain has none. */
async function storedView(
  context: LibvirtContext,
  domain: DomainRef,
  options?: CallOptions,
): Promise<DomainView | undefined> {
  try {
    return readDomain(await domains.xml(context.session, domain, "inactive", options));
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.operationInvalid)) return undefined;
    throw error;
  }
}

async function addressesOf(
  context: LibvirtContext,
  domain: DomainRef,
  live: DomainView,
  what: { readonly running: boolean; readonly agent: AgentAnswer | undefined } & CallOptions,
): Promise<AddressesByMac> {
  if (!what.running) return new Map();
  if (what.agent !== undefined && what.agent.addresses.size > 0) return what.agent.addresses;
  const ask = (source: "lease" | "arp") =>
    domains.addresses(context.session, domain, source, what).catch((error: unknown) => {
      // A network that was destroyed under a running domain has no leases to show, and libvirt before 9.1 cannot read the
      // neighbours of newer kernels; the rest is still worth telling.
      if (error instanceof LibvirtError && error.code !== errorCode.noDomain) return [];
      throw error;
    });
  const leased = live.nics.some((nic) => nic.backing?.type === "network") ? byMac(await ask("lease")) : new Map();
  // One card may have a lease and another an address that was written into the guest.
  if (live.nics.every(({ mac }) => leased.has(mac))) return leased;
  return new Map([...byMac(await ask("arp")), ...leased]);
}

type AddressesByMac = ReadonlyMap<string, readonly string[]>;

const byMac = (found: readonly { readonly mac: string; readonly address: string }[]): AddressesByMac =>
  new Map([...Map.groupBy(found, ({ mac }) => mac)].map(([mac, own]) => [mac, own.map(({ address }) => address)]));

async function observeDisk(
  context: LibvirtContext,
  disk: DomainDisk,
  params: TypedParams,
  options?: CallOptions,
): Promise<ObservedDisk> {
  const capacity = capacityOf(disk.target, params);
  // Without it of the QEMU: by what its file takes, which the volume tells as well.
  const volume = capacity === undefined ? await volumeSize(context, disk.source, options) : undefined;
  const bytes = capacity ?? volume?.capacity ?? 0;
  const taken = volume?.allocation ?? blockStat(disk.target, "physical", params);
  return {
    name: disk.name ?? disk.target,
    id: disk.source,
    sizeGib: bytes / GIB,
    type: taken !== undefined && taken >= bytes && bytes > 0 ? "thick" : "thin",
    format: disk.format,
    path: disk.source,
  };
}

/** Virtual size of the disk with this target, bytes, from a row of statistics. */
export const capacityOf = (target: string, params: TypedParams): number | undefined =>
  blockStat(target, "capacity", params);

function blockStat(target: string, what: "capacity" | "physical", params: TypedParams): number | undefined {
  for (let index = 0; index < Number(params.get("block.count") ?? 0); index++) {
    if (params.get(`block.${index}.name`) !== target) continue;
    const value = params.get(`block.${index}.${what}`);
    return value === undefined ? undefined : Number(value);
  }
  return undefined;
}

/**
 * For domains that are too busy to tell the sizes of their disks, or have a disk whose file is gone: that is a fault of
 * the one disk, and neither proof that the VM is gone nor a reason to say nothing about all others.
 */
async function volumeSize(
  context: LibvirtContext,
  path: string,
  options?: CallOptions,
): Promise<{ readonly capacity: number; readonly allocation: number } | undefined> {
  const volume = await storage.volumeByPath(context.session, path, options);
  if (volume === undefined) return undefined;
  try {
    return await storage.info(context.session, volume, options);
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noStorageVol)) return undefined;
    throw error;
  }
}

function guestOf(live: DomainView, running: boolean, agent: AgentAnswer | undefined): ObservedGuest {
  if (agent !== undefined) {
    return {
      agent: "Running",
      ...(agent.hostname === undefined ? {} : { hostname: agent.hostname }),
      ...(agent.os === undefined ? {} : { os: agent.os }),
    };
  }
  if (live.agent === "NoChannel") return { agent: "Unknown" };
  return { agent: running && live.agent === "Connected" ? "Unknown" : "NotRunning" };
}

/** `virDomainPausedReason`: what passes by itself, and what needs a person. */
const pausedReason = {
  migration: 2,
  save: 3,
  dump: 4,
  ioError: 5,
  shuttingDown: 8,
  snapshot: 9,
  crashed: 10,
  startingUp: PAUSED_STARTING_UP,
} as const;
const PASSING: readonly number[] = [
  pausedReason.migration,
  pausedReason.save,
  pausedReason.dump,
  pausedReason.shuttingDown,
  pausedReason.snapshot,
  pausedReason.startingUp,
];

/** Power of the domain of a row of statistics. */
export const powerOfRow = (params: TypedParams): PowerState =>
  powerOf(Number(params.get("state.state") ?? domainState.none), Number(params.get("state.reason") ?? 0));

/** Whether the domain of a row of statistics stands still so that its memory can be saved. */
export const isStoppedToSave = (params: TypedParams): boolean =>
  params.get("state.state") === domainState.paused &&
  [pausedReason.save, pausedReason.dump, pausedReason.snapshot].some((each) => each === params.get("state.reason"));

function powerOf(state: number, reason: number): PowerState {
  switch (state) {
    case domainState.running:
    case domainState.blocked:
      return "On";
    case domainState.paused:
      return PASSING.includes(reason) ? "Transitional" : "Suspended";
    case domainState.suspended:
      return "Suspended";
    case domainState.shutdown:
      return "Transitional";
    case domainState.off:
    case domainState.crashed:
      return "Off";
    default:
      return "Unknown";
  }
}

function attentionOf(state: number, reason: number): string | undefined {
  if (state === domainState.crashed) return "the guest has crashed";
  if (state !== domainState.paused) return undefined;
  if (reason === pausedReason.ioError) return "paused by an I/O error of a disk: the storage may be full";
  if (reason === pausedReason.crashed) return "paused because the guest has crashed";
  return undefined;
}
