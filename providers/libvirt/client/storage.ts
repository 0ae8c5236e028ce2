/** Calls about storage pools and volumes. @module */
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { type PoolRef, readPool, readVolume, type VolumeRef, writePool, writeVolume } from "./objects.ts";
import { procedure } from "./procedures.ts";

interface Options {
  readonly signal?: AbortSignal;
}

const LIST_POOLS = { inactive: 1, active: 2 } as const;
/** Copying an image takes as long as it takes; this bounds only what has hung. */
const COPY_TIMEOUT_MS = 2 * 60 * 60 * 1000;

/** `VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA`: for qcow2 also all of the data where the allocation is the capacity. */
const PREALLOCATE = 1;

/** Most bytes of one {@linkcode read}. */
export const READ_MAX = 8 * 1024 * 1024;

const quote = (volume: { readonly pool: string; readonly name: string }): string =>
  `volume "${volume.name}" in pool "${volume.pool}"`;

async function absent<T>(lookup: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await lookup;
  } catch (error) {
    if (LibvirtError.hasCode(error, code)) return undefined;
    throw error;
  }
}

/** Pools that are active. */
export const activePools = (rpc: Rpc, options?: Options): Promise<PoolRef[]> => pools(rpc, LIST_POOLS.active, options);

/** Pools that are defined and not active: nobody can see what is in them. */
export const inactivePools = (rpc: Rpc, options?: Options): Promise<PoolRef[]> =>
  pools(rpc, LIST_POOLS.inactive, options);

const pools = (rpc: Rpc, flags: number, options?: Options): Promise<PoolRef[]> =>
  rpc.call({
    procedure: procedure.listAllPools,
    doing: "list storage pools",
    args: (w) => w.i32(1).u32(flags),
    reply: (r) => r.list(readPool),
  }, options);

/** The pool of this name; `undefined` is proof that there is none. */
export const pool = (rpc: Rpc, name: string, options?: Options): Promise<PoolRef | undefined> =>
  absent(
    rpc.call({
      procedure: procedure.poolLookupByName,
      doing: `look up storage pool "${name}"`,
      args: (w) => w.string(name),
      reply: readPool,
    }, options),
    errorCode.noStoragePool,
  );

/** Whether volumes can be made in the pool now. */
export const isActive = (rpc: Rpc, target: PoolRef, options?: Options): Promise<boolean> =>
  rpc.call({
    procedure: procedure.poolIsActive,
    doing: `ask whether storage pool "${target.name}" is active`,
    args: (w) => writePool(w, target),
    reply: (r) => r.i32() === 1,
  }, options);

/** Description of the pool as XML: its kind, and where it is. */
export const poolXml = (rpc: Rpc, target: PoolRef, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.poolGetXml,
    doing: `read the description of storage pool "${target.name}"`,
    args: (w) => writePool(w, target).u32(0),
    reply: (r) => r.string(),
  }, options);

/** Makes the pool see files that came into its directory without libvirt. */
export const refresh = (rpc: Rpc, target: PoolRef, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.poolRefresh,
    doing: `refresh storage pool "${target.name}"`,
    args: (w) => writePool(w, target).u32(0),
  }, options);

/** All volumes of a pool. */
export const volumes = (rpc: Rpc, source: PoolRef, options?: Options): Promise<VolumeRef[]> =>
  rpc.call({
    procedure: procedure.poolListAllVolumes,
    doing: `list volumes of pool "${source.name}"`,
    args: (w) => writePool(w, source).i32(1).u32(0),
    reply: (r) => r.list(readVolume),
  }, options);

/** The volume of this name; `undefined` is proof that the pool knows none. */
export const volume = (rpc: Rpc, source: PoolRef, name: string, options?: Options): Promise<VolumeRef | undefined> =>
  absent(
    rpc.call({
      procedure: procedure.volumeLookupByName,
      doing: `look up ${quote({ pool: source.name, name })}`,
      args: (w) => writePool(w, source).string(name),
      reply: readVolume,
    }, options),
    errorCode.noStorageVol,
  );

/** The volume at this path; `undefined`: no active pool knows one. */
export const volumeByPath = (rpc: Rpc, path: string, options?: Options): Promise<VolumeRef | undefined> =>
  absent(
    rpc.call({
      procedure: procedure.volumeLookupByPath,
      doing: `look up the volume at ${path}`,
      args: (w) => w.string(path),
      reply: readVolume,
    }, options),
    errorCode.noStorageVol,
  );

/** Path of the volume on the host. */
export const path = (rpc: Rpc, target: VolumeRef, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.volumeGetPath,
    doing: `ask for the path of ${quote(target)}`,
    args: (w) => writeVolume(w, target),
    reply: (r) => r.string(),
  }, options);

/** Description of the volume as XML: format, backing store, capacity. */
export const xml = (rpc: Rpc, target: VolumeRef, options?: Options): Promise<string> =>
  rpc.call({
    procedure: procedure.volumeGetXml,
    doing: `read the description of ${quote(target)}`,
    args: (w) => writeVolume(w, target).u32(0),
    reply: (r) => r.string(),
  }, options);

/** Sizes in bytes: as the guest sees it, and as it takes on the host. */
export const info = (
  rpc: Rpc,
  target: VolumeRef,
  options?: Options,
): Promise<{ readonly capacity: number; readonly allocation: number }> =>
  rpc.call({
    procedure: procedure.volumeGetInfo,
    doing: `read the size of ${quote(target)}`,
    args: (w) => writeVolume(w, target),
    reply: (r) => {
      r.i32(); // type
      return { capacity: Number(r.u64()), allocation: Number(r.u64()) };
    },
  }, options);

/** Creates an empty volume, or, with `source`, one with the content of `source`. */
export const create = (
  rpc: Rpc,
  target: PoolRef,
  wish: {
    readonly name: string;
    readonly description: string;
    readonly source?: VolumeRef;
    /** Takes the space that the description allots at once. Default false. */
    readonly preallocate?: boolean;
  },
  options?: Options,
): Promise<VolumeRef> => {
  const { source } = wish;
  return rpc.call({
    procedure: source === undefined ? procedure.volumeCreate : procedure.volumeCreateFrom,
    doing: `create ${quote({ pool: target.name, name: wish.name })}`,
    args: (w) => {
      writePool(w, target).string(wish.description);
      if (source !== undefined) writeVolume(w, source);
      w.u32(wish.preallocate ? PREALLOCATE : 0);
    },
    reply: readVolume,
    ...(source === undefined && !wish.preallocate ? {} : { lane: "bulk", timeoutMs: COPY_TIMEOUT_MS }),
  }, options);
};

/** Grows a volume that no running domain uses, to `bytes`; what is added takes its space when it is written. */
export const resize = (rpc: Rpc, target: VolumeRef, bytes: number, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.volumeResize,
    doing: `resize ${quote(target)}`,
    args: (w) => writeVolume(w, target).u64(bytes).u32(0),
  }, options);

/** Deletes a volume; one that is gone already is a success. */
export const remove = async (rpc: Rpc, target: VolumeRef, options?: Options): Promise<void> => {
  await absent(
    rpc.call({
      procedure: procedure.volumeDelete,
      doing: `delete ${quote(target)}`,
      args: (w) => writeVolume(w, target).u32(0),
    }, options),
    errorCode.noStorageVol,
  );
};

/** Writes everything that `content` gives to the front of the volume, however much it is. */
export const uploadStream = async (
  rpc: Rpc,
  target: VolumeRef,
  content: AsyncIterable<Uint8Array>,
  options?: Options,
): Promise<void> => {
  const stream = await rpc.openStream({
    procedure: procedure.volumeUpload,
    doing: `upload to ${quote(target)}`,
    args: (w) => writeVolume(w, target).u64(0).u64(0).u32(0),
  }, options);
  await stream.upload(content);
};

/** Bytes of the volume's file from `offset` on: `length`, or fewer, but not none before its end. One call moves at most {@linkcode READ_MAX}, so that others get through. */
export const read = async (
  rpc: Rpc,
  source: VolumeRef,
  range: { readonly offset: number; readonly length: number },
  options?: Options,
): Promise<readonly Uint8Array[]> => {
  const stream = await rpc.openStream({
    procedure: procedure.volumeDownload,
    doing: `download ${quote(source)}`,
    args: (w) => writeVolume(w, source).u64(range.offset).u64(range.length).u32(0),
  }, options);
  return await stream.download();
};

/** Writes `content` to the front of the volume, or from `offset` on. */
export const upload = async (
  rpc: Rpc,
  target: VolumeRef,
  content: Uint8Array,
  { offset = 0, ...options }: Options & { readonly offset?: number } = {},
): Promise<void> => {
  const stream = await rpc.openStream({
    procedure: procedure.volumeUpload,
    doing: `upload to ${quote(target)}`,
    args: (w) => writeVolume(w, target).u64(offset).u64(content.byteLength).u32(0),
  }, options);
  await stream.upload([content]);
};
