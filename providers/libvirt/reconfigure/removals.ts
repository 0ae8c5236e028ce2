/**
 * Disks that leave a VM for good. What is to go is noted in the domain first, then the disk is unplugged, then its volume
 * is deleted, then the note: whoever dies when, and however long the guest holds on to the disk, nothing is left over,
 * and no volume goes that a description of the domain still names.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import type { DomainRef } from "../client/objects.ts";
import * as snapshots from "../client/snapshot.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { type DomainDisk, readDomain } from "../domain_xml/read.ts";
import { readRemovals, type Removal, removalsMetadata, removalsXml } from "../domain_xml/removals.ts";
import { blockVolume, diskVolume } from "../identity.ts";
import type { Change } from "./change.ts";

/**
 * Notes the disks of `leaving` whose volumes were made for this VM; others are unplugged only. Names in `wanted` are
 * taken off the note: somebody wants the disk back.
 * @throws {ProviderError} `Conflict` with reason `HasSnapshots` where a snapshot needs the disk.
 */
export async function noteRemovals(
  change: Change,
  leaving: readonly DomainDisk[],
  wanted: ReadonlySet<string>,
): Promise<void> {
  const { context, domain, stored, options } = change;
  const before = readRemovals(stored.root);
  const kept = before.filter(({ name }) => !wanted.has(name));
  const added = leaving.flatMap(({ name, source }): Removal[] =>
    name !== undefined && isOwn(domain, { name, path: source }) && !kept.some((other) => other.name === name)
      ? [{ name, path: source }]
      : []
  );
  if (added.length === 0 && kept.length === before.length) return;
  await refuseIfInSnapshot(context, domain, added, options);
  await write(context, domain, [...kept, ...added], options);
}

/** Deletes the volumes that are noted and that nothing names any more. Only under the domain's lock. */
export async function finishRemovals(
  context: LibvirtContext,
  domain: DomainRef,
  options: CallOptions,
): Promise<void> {
  const { session } = context;
  const stored = readDomain(await domains.xml(session, domain, "inactive", options));
  const noted = readRemovals(stored.root);
  if (noted.length === 0) return;
  const live = readDomain(await domains.xml(session, domain, "current", options));
  const used = new Set([...stored.disks, ...live.disks].map(({ source }) => source));
  const ready = noted.filter(({ path }) => !used.has(path));
  for (const removal of ready) {
    if (!isOwn(domain, removal)) continue;
    const volume = await storage.volumeByPath(session, removal.path, options);
    if (volume !== undefined) await storage.remove(session, volume, options);
  }
  if (ready.length > 0) await write(context, domain, noted.filter((each) => !ready.includes(each)), options);
}

/** Made by us, for this VM: the volume's name says so. */
const isOwn = ({ uuid }: DomainRef, { name, path }: Removal): boolean =>
  [diskVolume, blockVolume].some((volume) => path.endsWith(`/${volume(uuid, name)}`));

const write = (context: LibvirtContext, domain: DomainRef, removals: readonly Removal[], options: CallOptions) =>
  domains.setMetadata(context.session, domain, {
    ...removalsMetadata,
    content: removalsXml(removals),
    where: domains.affect.config,
  }, options);

async function refuseIfInSnapshot(
  context: LibvirtContext,
  domain: DomainRef,
  removals: readonly Removal[],
  options: CallOptions,
): Promise<void> {
  if (removals.length === 0) return;
  for (const snapshot of await snapshots.list(context.session, domain, options)) {
    const description = await snapshots.xml(context.session, snapshot, options);
    const needed = removals.find(({ path }) => description.includes(path));
    if (needed === undefined) continue;
    throw new ProviderError(
      "Conflict",
      `disk ${needed.name} of domain "${domain.name}" is in snapshot "${snapshot.name}"; delete the snapshot first`,
      { reason: "HasSnapshots", field: `disks[${needed.name}]` },
    );
  }
}
