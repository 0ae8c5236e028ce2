/** Calls about domains. All of them name the domain in their errors. @module */
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { type DomainRef, readDomain, readTypedParams, type TypedParams, writeDomain } from "./objects.ts";
import { type Procedure, procedure } from "./procedures.ts";
import type { XdrWriter } from "./xdr.ts";

interface Options {
  readonly signal?: AbortSignal;
}

/** `virDomainState`. */
export const domainState = {
  none: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  off: 5,
  crashed: 6,
  suspended: 7,
} as const;

/** Which of a domain's two configurations a change is for: `virDomainModificationImpact`, to be added up. */
export const affect = { live: 1, config: 2 } as const;

/** Groups of statistics (`virDomainStatsTypes`), to be added up. */
export const stats = { state: 1, balloon: 4, vcpu: 8, block: 32 } as const;
const STATS_NOWAIT = 1 << 29;

const undefineFlag = { managedSave: 1, snapshotsMetadata: 2, nvram: 4, checkpointsMetadata: 16 } as const;
const XML_SECURE = 1;
const XML_INACTIVE = 2;
const START_TIMEOUT_MS = 300_000;
const VCPU_MAXIMUM = 4;
const MEMORY_MAXIMUM = 4;
const RESIZE_BYTES = 1;
const METADATA_ELEMENT = 2;
const guestInfo = { os: 2, hostname: 8, interfaces: 64 } as const;

/** What a power action goes through (`virDomainShutdownFlagValues`). */
export const shutdownBy = { acpi: 1, agent: 2 } as const;

const quote = (domain: DomainRef): string => `domain "${domain.name}" (${domain.uuid})`;

/** Call on a domain that answers nothing: the domain, then `rest`. */
const act = (
  rpc: Rpc,
  number: Procedure,
  doing: string,
  domain: DomainRef,
  rest: (w: XdrWriter) => unknown,
  options?: Options,
): Promise<void> =>
  rpc.call({
    procedure: number,
    doing: `${doing} ${quote(domain)}`,
    args: (w) => rest(writeDomain(w, domain)),
  }, options);

const nothing = (): void => {};

/** All domains, running or not. */
export const list = (rpc: Rpc, options?: Options): Promise<DomainRef[]> =>
  rpc.call({
    procedure: procedure.listAllDomains,
    doing: "list domains",
    args: (w) => w.i32(1).u32(0),
    reply: (r) => r.list(readDomain),
  }, options);

/** The domain with this UUID; `undefined` is proof that there is none. */
export const byUuid = (rpc: Rpc, uuid: string, options?: Options): Promise<DomainRef | undefined> =>
  absent(rpc.call({
    procedure: procedure.domainLookupByUuid,
    doing: `look up domain ${uuid}`,
    args: (w) => w.uuid(uuid),
    reply: readDomain,
  }, options));

/** The domain of this name; `undefined` is proof that there is none. */
export const byName = (rpc: Rpc, name: string, options?: Options): Promise<DomainRef | undefined> =>
  absent(rpc.call({
    procedure: procedure.domainLookupByName,
    doing: `look up domain "${name}"`,
    args: (w) => w.string(name),
    reply: readDomain,
  }, options));

async function absent<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noDomain)) return undefined;
    throw error;
  }
}

const xmlFlags = { current: 0, inactive: XML_INACTIVE, definition: XML_INACTIVE | XML_SECURE } as const;

/**
 * Description of the domain: as it runs, or as it will run from its next start on (`inactive`). `definition` is the
 * latter with its passwords, which a description that is written back must not lack: libvirt would forget them.
 */
export const xml = (
  rpc: Rpc,
  domain: DomainRef,
  which: "current" | "inactive" | "definition",
  options?: Options,
): Promise<string> =>
  rpc.call({
    procedure: procedure.domainGetXml,
    doing: `read the description of ${quote(domain)}`,
    args: (w) => writeDomain(w, domain).u32(xmlFlags[which]),
    reply: (r) => r.string(),
  }, options);

/** A value of {@linkcode domainState}. */
export const state = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<number> =>
  rpc.call({
    procedure: procedure.domainGetState,
    doing: `read the state of ${quote(domain)}`,
    args: (w) => writeDomain(w, domain).u32(0),
    reply: (r) => r.i32(),
  }, options);

/**
 * Statistics of `domains`, or of all when there are none named, in one call. `groups`: {@linkcode stats} added up. With
 * `noWait`, as for all of them, what only the QEMU of a busy domain could tell is left out; else libvirt waits 30 s for it.
 */
export const allStats = (
  rpc: Rpc,
  domains: readonly DomainRef[],
  groups: number,
  options?: Options & { readonly noWait?: boolean },
): Promise<{ readonly domain: DomainRef; readonly params: TypedParams }[]> =>
  rpc.call({
    procedure: procedure.getAllDomainStats,
    doing: "read statistics of domains",
    args: (w) =>
      w.list(domains, writeDomain).u32(groups).u32(options?.noWait || domains.length === 0 ? STATS_NOWAIT : 0),
    reply: (r) => r.list((item) => ({ domain: readDomain(item), params: readTypedParams(item) })),
  }, options);

/** Creates or replaces the persistent description. */
export const define = (rpc: Rpc, description: string, doing: string, options?: Options): Promise<DomainRef> =>
  rpc.call({
    procedure: procedure.domainDefine,
    doing,
    args: (w) => w.string(description).u32(0),
    reply: readDomain,
  }, options);

/** Removes the domain with everything libvirt keeps beside it: NVRAM, managed save, snapshot and checkpoint metadata. */
export const undefine = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  act(rpc, procedure.domainUndefine, "undefine", domain, (w) =>
    w.u32(
      undefineFlag.managedSave | undefineFlag.snapshotsMetadata | undefineFlag.nvram | undefineFlag.checkpointsMetadata,
    ), options);

/** Starts QEMU; a domain that was saved goes on where it was, which takes as long as reading its memory. */
export const start = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.domainCreate,
    doing: `start ${quote(domain)}`,
    args: (w) => writeDomain(w, domain),
    timeoutMs: START_TIMEOUT_MS,
  }, options);
/** Stops QEMU at once. */
export const destroy = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  act(rpc, procedure.domainDestroy, "power off", domain, (w) => w.u32(0), options);
/** Asks the guest to shut down; returns when it has been asked. */
export const shutdown = (rpc: Rpc, domain: DomainRef, by: keyof typeof shutdownBy, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.domainShutdown,
    doing: `shut down ${quote(domain)} by ${by}`,
    args: (w) => writeDomain(w, domain).u32(shutdownBy[by]),
    lane: by === "agent" ? "agent" : "normal",
  }, options);
/** Asks the guest to reboot; returns when it has been asked. */
export const reboot = (rpc: Rpc, domain: DomainRef, by: keyof typeof shutdownBy, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.domainReboot,
    doing: `reboot ${quote(domain)} by ${by}`,
    args: (w) => writeDomain(w, domain).u32(shutdownBy[by]),
    lane: by === "agent" ? "agent" : "normal",
  }, options);
export const reset = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  act(rpc, procedure.domainReset, "reset", domain, (w) => w.u32(0), options);
/** Stops the virtual CPUs; memory stays on the host. */
export const suspend = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  act(rpc, procedure.domainSuspend, "suspend", domain, nothing, options);
export const resume = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> =>
  act(rpc, procedure.domainResume, "resume", domain, nothing, options);

/** Sets the number of CPUs (`maximum`: the most it may have, only for the configuration). `where`: {@linkcode affect}. */
export const setVcpus = (
  rpc: Rpc,
  domain: DomainRef,
  change: { readonly count: number; readonly where: number; readonly maximum?: boolean },
  options?: Options,
): Promise<void> =>
  act(
    rpc,
    procedure.domainSetVcpus,
    `set ${change.count} CPUs of`,
    domain,
    (w) => w.u32(change.count).u32(change.where | (change.maximum ? VCPU_MAXIMUM : 0)),
    options,
  );

/** Sets memory, KiB (`maximum`: the most it may have, only for the configuration). `where`: {@linkcode affect}. */
export const setMemory = (
  rpc: Rpc,
  domain: DomainRef,
  change: { readonly kib: number; readonly where: number; readonly maximum?: boolean },
  options?: Options,
): Promise<void> =>
  act(
    rpc,
    procedure.domainSetMemory,
    `set ${change.kib} KiB of memory of`,
    domain,
    (w) => w.u64(change.kib).u32(change.where | (change.maximum ? MEMORY_MAXIMUM : 0)),
    options,
  );

/** Adds, removes or changes one device, given as XML. `where`: {@linkcode affect}. */
export const changeDevice = (
  rpc: Rpc,
  domain: DomainRef,
  change: { readonly how: "Attach" | "Detach" | "Update"; readonly device: string; readonly where: number },
  options?: Options,
): Promise<void> =>
  act(
    rpc,
    procedure[`domain${change.how}Device`],
    `${change.how.toLowerCase()} a device of`,
    domain,
    (w) => w.string(change.device).u32(change.where),
    options,
  );

/**
 * Writes the element of `namespace` in the metadata of the domain; without `content` it is removed. `where`:
 * {@linkcode affect}; the stored description by default.
 */
export const setMetadata = (
  rpc: Rpc,
  domain: DomainRef,
  metadata: {
    readonly namespace: string;
    readonly prefix: string;
    readonly content: string | undefined;
    readonly where?: number;
  },
  options?: Options,
): Promise<void> =>
  act(
    rpc,
    procedure.domainSetMetadata,
    "write metadata of",
    domain,
    (w) =>
      w.i32(METADATA_ELEMENT)
        .optional(metadata.content, (to, text) => to.string(text))
        .optional(metadata.prefix, (to, text) => to.string(text))
        .optional(metadata.namespace, (to, text) => to.string(text))
        .u32(metadata.where ?? affect.config),
    options,
  );

/** Grows a disk while the domain runs; the guest sees it at once. */
export const resizeBlock = (
  rpc: Rpc,
  domain: DomainRef,
  disk: { readonly target: string; readonly bytes: number },
  options?: Options,
): Promise<void> =>
  act(
    rpc,
    procedure.domainBlockResize,
    `resize disk ${disk.target} of`,
    domain,
    (w) => w.string(disk.target).u64(disk.bytes).u32(RESIZE_BYTES),
    options,
  );

/** How long libvirt waits for this guest's agent, seconds. It forgets when the domain stops. */
export const setAgentTimeout = (rpc: Rpc, domain: DomainRef, seconds: number, options?: Options): Promise<void> =>
  act(
    rpc,
    procedure.domainAgentSetResponseTimeout,
    "set the agent timeout of",
    domain,
    (w) => w.i32(seconds).u32(0),
    options,
  );

/**
 * What the guest agent tells of operating system, host name and interfaces: `os.pretty-name`, `hostname`,
 * `if.count`, `if.0.hwaddr`, `if.0.addr.0.addr` and so on.
 */
export const agentInfo = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<TypedParams> =>
  rpc.call({
    procedure: procedure.domainGetGuestInfo,
    doing: `ask the guest agent of ${quote(domain)}`,
    args: (w) => writeDomain(w, domain).u32(guestInfo.os | guestInfo.hostname | guestInfo.interfaces).u32(0),
    reply: readTypedParams,
    lane: "agent",
    timeoutMs: 20_000,
  }, options);

/** Where addresses are looked up (`virDomainInterfaceAddressesSource`): libvirt's DHCP servers, the host's neighbours. */
export const addressSource = { lease: 0, arp: 2 } as const;

/** Addresses of the domain as the host knows them, by MAC. */
export const addresses = (
  rpc: Rpc,
  domain: DomainRef,
  source: keyof typeof addressSource,
  options?: Options,
): Promise<{ readonly mac: string; readonly address: string }[]> =>
  rpc.call({
    procedure: procedure.domainInterfaceAddresses,
    doing: `read ${source} addresses of ${quote(domain)}`,
    args: (w) => writeDomain(w, domain).u32(addressSource[source]).u32(0),
    reply: (r) =>
      r.list((item) => {
        item.string();
        const mac = item.optional((x) => x.string()) ?? "";
        return item.list((x) => {
          x.i32(); // family
          const address = x.string();
          x.u32(); // prefix
          return { mac: mac.toLowerCase(), address };
        });
      }).flat(),
  }, options);
