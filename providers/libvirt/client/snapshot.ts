/** Calls about snapshots of domains. @module */
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { type DomainRef, readDomain, writeDomain } from "./objects.ts";
import { procedure } from "./procedures.ts";
import type { XdrReader, XdrWriter } from "./xdr.ts";

interface Options {
  readonly signal?: AbortSignal;
}

/** A snapshot; libvirt finds it by domain and name. */
export interface SnapshotRef {
  readonly name: string;
  readonly domain: DomainRef;
}

/** Flags of a revert (`virDomainSnapshotRevertFlags`), to be added up. */
export const revertFlag = { paused: 2, force: 4 } as const;

/** The memory of a large guest takes its time to the disk; this bounds only what has hung. */
const MEMORY_TIMEOUT_MS = 60 * 60 * 1000;

const readSnapshot = (r: XdrReader): SnapshotRef => ({ name: r.string(), domain: readDomain(r) });
const writeSnapshot = (w: XdrWriter, s: SnapshotRef): XdrWriter => writeDomain(w.string(s.name), s.domain);
const quote = (s: SnapshotRef): string => `snapshot "${s.name}" of domain "${s.domain.name}"`;

async function absent<T>(lookup: Promise<T>): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noSnapshot)) return undefined;
    throw error;
  }
}

/** Takes the snapshot that `description` describes: with the memory when the domain runs. */
export const create = (rpc: Rpc, domain: DomainRef, description: string, options?: Options): Promise<SnapshotRef> =>
  rpc.call({
    procedure: procedure.snapshotCreate,
    doing: `take a snapshot of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).string(description).u32(0),
    reply: readSnapshot,
    lane: "bulk",
    timeoutMs: MEMORY_TIMEOUT_MS,
  }, options);

/** All snapshots of a domain. */
export const list = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<SnapshotRef[]> =>
  rpc.call({
    procedure: procedure.listAllSnapshots,
    doing: `list snapshots of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).i32(1).u32(0),
    reply: (r) => r.list(readSnapshot),
  }, options);

/** The snapshot of this name; `undefined` is proof that there is none. */
export const byName = (
  rpc: Rpc,
  domain: DomainRef,
  name: string,
  options?: Options,
): Promise<SnapshotRef | undefined> =>
  absent(rpc.call({
    procedure: procedure.snapshotLookupByName,
    doing: `look up snapshot "${name}" of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).string(name).u32(0),
    reply: readSnapshot,
  }, options));

/** The snapshot that the present state comes from; `undefined` if it comes from none. */
export const current = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<SnapshotRef | undefined> =>
  absent(rpc.call({
    procedure: procedure.snapshotCurrent,
    doing: `ask for the current snapshot of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).u32(0),
    reply: readSnapshot,
  }, options));

/** Description of the snapshot, with that of the domain as it was. */
export const xml = (rpc: Rpc, snapshot: SnapshotRef, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.snapshotGetXml,
    doing: `read ${quote(snapshot)}`,
    args: (w) => writeSnapshot(w, snapshot).u32(0),
    reply: (r) => r.string(),
  }, options);

/** Brings the domain back to the snapshot. `flags`: {@linkcode revertFlag}, added up. */
export const revert = (rpc: Rpc, snapshot: SnapshotRef, flags: number, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.snapshotRevert,
    doing: `revert to ${quote(snapshot)}`,
    args: (w) => writeSnapshot(w, snapshot).u32(flags),
    lane: "bulk",
    timeoutMs: MEMORY_TIMEOUT_MS,
  }, options);

/** Deletes the snapshot and hands its children on to its parent; one that is gone already is a success. */
export const remove = async (rpc: Rpc, snapshot: SnapshotRef, options?: Options): Promise<void> => {
  await absent(rpc.call({
    procedure: procedure.snapshotDelete,
    doing: `delete ${quote(snapshot)}`,
    args: (w) => writeSnapshot(w, snapshot).u32(0),
    lane: "bulk",
    timeoutMs: MEMORY_TIMEOUT_MS,
  }, options));
};
