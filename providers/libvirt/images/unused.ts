/**
 * Fetched images that nobody uses any more. When an image was last read cannot be seen: every refresh of a pool reads all
 * of its files. So each use is noted by writing an empty volume beside the image.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import { allVolumes } from "../bases.ts";
import type { PoolRef, VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { LibvirtContext } from "../context.ts";
import { readBacking, readWrittenAt, volumeXml } from "../domain_xml/volume.ts";
import { isImportPart, standsOn } from "../identity.ts";
import { keyOfAny, usedVolume } from "./names.ts";
import { diskUsers } from "../usage.ts";
import { removeVolume } from "./volumes.ts";

const DAY_MS = 24 * 60 * 60_000;
/** An image that nobody has used for so long is fetched again when it is needed. */
const UNUSED_MS = 30 * DAY_MS;
const SECTOR_BYTES = 512;

/** Notes that the image is used, once a day at most. */
export async function markUsed(context: LibvirtContext, pool: PoolRef, key: string): Promise<void> {
  const { session, clock } = context;
  const name = usedVolume(key);
  await context.locks.hold(`used/${pool.uuid}/${key}`, async () => {
    const noted = await storage.volume(session, pool, name);
    const at = noted === undefined ? undefined : await writtenAt(context, noted);
    if (at !== undefined && clock.now() - at < DAY_MS) return;
    await removeVolume(context, pool, name);
    await storage.create(session, pool, {
      name,
      description: volumeXml({ name, bytes: SECTOR_BYTES, format: "raw" }),
    });
  });
}

/**
 * Deletes images of the pool, and parts that a crash has left, that no disk of the host needs and nobody has used for
 * long. Never in the way of the one just made, and not while a pool is off, which may hold disks that stand on them.
 */
export async function collectUnused(context: LibvirtContext, pool: PoolRef, keep: string): Promise<void> {
  const { session } = context;
  if ((await storage.inactivePools(session)).length > 0) return;
  const everywhere = await allVolumes(context);
  const leftovers = Map.groupBy(
    everywhere.filter((volume) => volume.pool === pool.name),
    ({ name }) => keyOfAny(name) ?? (isImportPart(name) ? name : undefined),
  );
  let needed: Promise<ReadonlySet<string>> | undefined;
  for (const [key, volumes] of leftovers) {
    if (key === undefined || key === keep || everywhere.some(({ name }) => standsOn(name, key))) continue;
    try {
      if (!(await areOld(context, volumes))) continue;
      // Reads every description on the host, so only where something is about to go.
      const used = await (needed ??= neededPaths(context, everywhere));
      const paths = await Promise.all(volumes.map((volume) => storage.path(session, volume)));
      if (paths.some((path) => used.has(path))) continue;
      for (const volume of volumes) await storage.remove(session, volume);
    } catch (error) {
      // Somebody reads or removes it right now; next time is soon enough.
      if (!(error instanceof ProviderError) || error.class === "Unavailable") throw error;
    }
  }
}

/** What volumes stand on and domains have as disks, whoever made them: names tell only of what this provider made. */
async function neededPaths(context: LibvirtContext, volumes: readonly VolumeRef[]): Promise<ReadonlySet<string>> {
  const bases = await Promise.all(
    volumes.map(async (volume) => readBacking(await storage.xml(context.session, volume))),
  );
  return new Set([...bases.filter((path) => path !== undefined), ...(await diskUsers(context, {})).keys()]);
}

async function areOld(context: LibvirtContext, volumes: readonly VolumeRef[]): Promise<boolean> {
  const times = await Promise.all(volumes.map((volume) => writtenAt(context, volume)));
  return times.every((at) => at !== undefined && context.clock.now() - at > UNUSED_MS);
}

const writtenAt = async (context: LibvirtContext, volume: VolumeRef): Promise<number | undefined> =>
  readWrittenAt(await storage.xml(context.session, volume));
