/** Storage pools of the host: which ones disks can be made in, and where files go that belong to them. @module */
import { ProviderError } from "@virtrigaud/contract";
import type { PoolRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { readPoolKind, readPoolSource } from "../domain_xml/pool.ts";

/** A pool that disks can be made in. */
export type DiskPool = FilePool | BlockPool;

/** Its volumes are files: qcow2 for disks, and anything else. */
export interface FilePool extends PoolRef {
  readonly volumes: "Files";
}

/** Its volumes are logical volumes of LVM: block devices that hold raw content. */
export interface BlockPool extends PoolRef {
  readonly volumes: "BlockDevices";
  /** Name of the volume group. */
  readonly group: string;
}

/** Kinds of pool whose volumes are files, which is what qcow2 needs. */
const FILE_POOLS: readonly string[] = ["dir", "fs", "netfs", "vstorage"];
const LOGICAL = "logical";

/** The thing is there, but nobody has started it: no reason to give up, and nothing that this provider may change. */
export const inactive = (what: string, field: string): ProviderError =>
  new ProviderError("Retryable", `${what} of the libvirt host is not active; start it`, {
    reason: "DependencyInactive",
    field,
  });

/** @throws {ProviderError} `NotFound` with reason `DependencyMissing`; `Retryable` when it is not active. */
export async function requirePool(
  context: LibvirtContext,
  name: string,
  field: string,
  options?: CallOptions,
): Promise<PoolRef> {
  return await requireActive(context, await findPool(context, name, field, options), field, options);
}

/**
 * A pool that disks can be made in.
 * @throws {ProviderError} as {@linkcode requirePool}, and `NotSupported` for pools of other kinds.
 */
export async function requireDiskPool(
  context: LibvirtContext,
  name: string,
  field: string,
  options?: CallOptions,
): Promise<DiskPool> {
  const pool = await findPool(context, name, field, options);
  const description = await storage.poolXml(context.session, pool, options);
  const disks = asDiskPool(pool, description);
  if (disks === undefined) {
    // The kind first: starting a pool that is of no use helps nobody.
    throw new ProviderError(
      "NotSupported",
      `storage pool "${name}" is of kind ${readPoolKind(description)}; disks are made in pools of kind ${
        [...FILE_POOLS, LOGICAL].join(", ")
      }`,
      { field },
    );
  }
  await requireActive(context, pool, field, options);
  return disks;
}

/**
 * A pool that files can be made in.
 * @throws {ProviderError} as {@linkcode requireDiskPool}.
 */
export async function requireFilePool(
  context: LibvirtContext,
  name: string,
  field: string,
  options?: CallOptions,
): Promise<FilePool> {
  const pool = await requireDiskPool(context, name, field, options);
  if (pool.volumes === "Files") return pool;
  throw new ProviderError(
    "NotSupported",
    `storage pool "${name}" is of kind ${LOGICAL}, and this takes a pool of kind ${FILE_POOLS.join(", ")}`,
    { field },
  );
}

/**
 * Where files go that belong to something in the pool `near`: into that pool if it keeps files, else into the default
 * one, else into the first by name that is active and does.
 * @throws {ProviderError} `NotFound` with reason `DependencyMissing` where the host has none.
 */
export async function filePoolNear(
  context: LibvirtContext,
  near: string,
  options?: CallOptions,
): Promise<FilePool> {
  const active = await storage.activePools(context.session, options);
  const rank = ({ name }: PoolRef): number => name === near ? 0 : name === context.defaultPool ? 1 : 2;
  for (const pool of active.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))) {
    const found = asDiskPool(pool, await storage.poolXml(context.session, pool, options));
    if (found?.volumes === "Files") return found;
  }
  throw new ProviderError(
    "NotFound",
    `storage pool "${near}" keeps no files, and no other active pool of the libvirt host does: disks of logical pools are ` +
      `filled through a file, and first-boot media are files; define and start a pool of kind ${FILE_POOLS.join(", ")}`,
    { reason: "DependencyMissing", field: "rootDisk.storageClass" },
  );
}

/** Where files go that belong to a disk in `pool`. @throws {ProviderError} as {@linkcode filePoolNear}. */
export const filePoolFor = async (context: LibvirtContext, pool: DiskPool, options?: CallOptions): Promise<FilePool> =>
  pool.volumes === "Files" ? pool : await filePoolNear(context, pool.name, options);

function asDiskPool(pool: PoolRef, description: string): DiskPool | undefined {
  const kind = readPoolKind(description);
  if (FILE_POOLS.includes(kind)) return { ...pool, volumes: "Files" };
  return kind === LOGICAL ? { ...pool, volumes: "BlockDevices", group: readPoolSource(description) } : undefined;
}

async function findPool(
  context: LibvirtContext,
  name: string,
  field: string,
  options?: CallOptions,
): Promise<PoolRef> {
  const pool = await storage.pool(context.session, name, options);
  if (pool !== undefined) return pool;
  throw new ProviderError(
    "NotFound",
    `storage pool "${name}" does not exist on the libvirt host; define and start it`,
    { reason: "DependencyMissing", field },
  );
}

async function requireActive<P extends PoolRef>(
  context: LibvirtContext,
  pool: P,
  field: string,
  options?: CallOptions,
): Promise<P> {
  if (await storage.isActive(context.session, pool, options)) return pool;
  throw inactive(`storage pool "${pool.name}"`, field);
}
