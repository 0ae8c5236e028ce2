/** Disks of an existing VM: added, taken out, grown. Only those that carry our names are touched. @module */
import { type DataDisk, ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import * as storage from "../client/storage.ts";
import { poolNameOf, sourceOf } from "../create.ts";
import { capacityOf } from "../describe.ts";
import * as tuning from "../client/domain_tuning.ts";
import { diskElement, isOnBlock, ROOT_DISK } from "../domain_xml/devices.ts";
import { DiskPlaces } from "../domain_xml/disk_place.ts";
import { find, parseXml, serializeXml } from "../domain_xml/element.ts";
import type { DomainDisk, DomainView } from "../domain_xml/read.ts";
import { diskBus, diskDriver } from "../hardware.ts";
import { cannotGrow } from "../images/blocks.ts";
import { requireDiskPool, requirePool } from "../images/pools.ts";
import { diskVolumeIn, ensureDisk, gibBytes, isThick } from "../images/volumes.ts";
import { finishRemovals, noteRemovals } from "./removals.ts";
import type { Change } from "./change.ts";
import { attachDevice, attachTo, detachDevice } from "./devices.ts";

/** Makes the disks follow the wish. A disk that the wish does not name any more goes with the volume made for it. */
export async function reconcileDisks(change: Change): Promise<void> {
  const { spec, stored, live } = change;
  const wanted = new Map(spec.disks.map((disk) => [disk.name, disk]));
  checkPlaces(change);
  await limitDisks(change);
  const current = live?.disks ?? stored.disks;
  const all = new Map([...stored.disks, ...live?.disks ?? []].map((each) => [each.target, each])).values();
  const leaving = [...all].filter(({ name }) => name !== undefined && name !== ROOT_DISK && !wanted.has(name));
  await noteRemovals(change, leaving, new Set(wanted.keys()));
  for (const disk of leaving) await detach(change, disk);
  await finishRemovals(change.context, change.domain, change.options);
  const [row] = await domains.allStats(
    change.context.session,
    [change.domain],
    domains.stats.state | domains.stats.block,
    change.options,
  );
  const root = current.find((disk) => disk.name === ROOT_DISK);
  const growing = [
    ...(root === undefined || spec.rootDisk.sizeGib === undefined
      ? []
      : [{ disk: root, field: "rootDisk.sizeGib", sizeGib: spec.rootDisk.sizeGib, online: true }]),
    ...current.flatMap((disk) => {
      const wish = wanted.get(disk.name ?? "");
      return wish === undefined ? [] : [{
        disk,
        field: `disks[${wish.name}].sizeGib`,
        sizeGib: wish.sizeGib,
        online: wish.expandPolicy !== "Offline",
      }];
    }),
  ];
  for (const each of growing) {
    const bytes = row === undefined ? undefined : capacityOf(each.disk.target, row.params);
    await grow(change, { ...each, bytes });
  }
  const isThere = (name: string) => (disk: DomainDisk) => disk.name === name;
  for (const wish of spec.disks) {
    const running = live?.disks.find(isThere(wish.name));
    if (stored.disks.some(isThere(wish.name))) {
      if (live !== undefined && running === undefined) change.waiting.add(`disks[${wish.name}]`);
    } else if (running === undefined) await attach(change, wish);
    // It was to go with the next power cycle, and somebody wants it back.
    else await attachTo(change, serializeXml(running.element), domains.affect.config);
  }
}

async function attach(change: Change, wish: DataDisk): Promise<void> {
  const { context, domain, spec, options, stored, live } = change;
  const poolName = poolNameOf(context, spec, wish.storageClass);
  const pool = await requireDiskPool(context, poolName, `disks[${wish.name}].storageClass`, options);
  const target = {
    pool,
    name: diskVolumeIn(pool, domain.uuid, wish.name),
    bytes: gibBytes(wish.sizeGib),
    thick: isThick(wish),
  };
  const volume = await ensureDisk(context, target, options);
  const field = `disks[${wish.name}]`;
  // Earlier disks of this very call may be attached already: look again.
  const now = parseXml(await domains.xml(context.session, domain, "inactive", options));
  const places = new DiskPlaces(...[stored.root, live?.root, now].map((root) => find(root, "devices")));
  const controller = places.controllerFor(diskBus(spec), wish);
  const place = places.next(diskBus(spec), wish.scsi);
  if (place === undefined) {
    throw new ProviderError("InvalidSpec", `domain "${domain.name}" has no place for another disk`, { field });
  }
  const device = serializeXml(diskElement({
    name: wish.name,
    ...await sourceOf(context, volume, options),
    place,
    driver: diskDriver(spec),
    ...(wish.iops === undefined ? {} : { iops: wish.iops }),
  }));
  const plugged = controller === undefined || await attachDevice(change, serializeXml(controller), field);
  await attachDevice(change, device, field, { onlyStored: !plugged });
}

/** @throws {ProviderError} `InvalidSpec` for a disk that would have to move to another controller. */
function checkPlaces({ domain, spec, stored }: Change): void {
  const places = new DiskPlaces(find(stored.root, "devices"));
  for (const wish of spec.disks) {
    const disk = stored.disks.find(({ name }) => name === wish.name);
    if (disk === undefined || places.isAsWished(disk.element, wish)) continue;
    throw new ProviderError(
      "InvalidSpec",
      `disk ${wish.name} of domain "${domain.name}" hangs on another controller; a disk cannot move: make a new one`,
      { field: `disks[${wish.name}].scsi` },
    );
  }
}

/** Limits of I/O operations, which change while the VM runs. */
async function limitDisks({ context, domain, spec, stored, live, options }: Change): Promise<void> {
  const wishes = [{ name: ROOT_DISK, iops: spec.rootDisk.iops }, ...spec.disks];
  const limit = async (view: DomainView | undefined, where: number) => {
    for (const { name, iops } of wishes) {
      const disk = view?.disks.find((each) => each.name === name);
      if (disk === undefined || disk.iops === iops) continue;
      const params = [{ field: "total_iops_sec", type: "ullong", value: iops ?? 0 }] as const;
      await tuning.setBlockLimits(context.session, domain, { target: disk.target, params, where }, options);
    }
  };
  await limit(live, domains.affect.live);
  await limit(stored, domains.affect.config);
}

async function detach(change: Change, disk: DomainDisk): Promise<void> {
  await detachDevice(change, serializeXml(disk.element), {
    field: `disks[${disk.name}]`,
    isIn: ({ disks }) => disks.some(({ target }) => target === disk.target),
  });
}

async function grow(
  change: Change,
  wish: {
    readonly disk: DomainDisk;
    readonly field: string;
    readonly sizeGib: number;
    readonly online: boolean;
    readonly bytes: number | undefined;
  },
): Promise<void> {
  const { context, domain, live, options } = change;
  const { disk, field, bytes } = wish;
  const wanted = gibBytes(wish.sizeGib);
  if (bytes === undefined || bytes === wanted) return;
  if (bytes > wanted) {
    // The root disk is "at least": an image that is larger than the wish is not an error.
    if (disk.name === ROOT_DISK) return;
    throw new ProviderError(
      "InvalidSpec",
      `disk ${disk.name} of domain "${domain.name}" has ${bytes} bytes; it cannot shrink to ${wanted}`,
      { field },
    );
  }
  const block = isOnBlock(disk.element);
  const volume = live !== undefined && !block
    ? undefined
    : await storage.volumeByPath(context.session, disk.source, options);
  if (live === undefined && volume === undefined) {
    throw new ProviderError("NotFound", `no active pool has the volume of disk ${disk.name} (${disk.source})`, {
      reason: "DependencyMissing",
      field,
    });
  }
  if (volume !== undefined && !block) return await storage.resize(context.session, volume, wanted, options);
  if (volume !== undefined) {
    // Somebody may have grown it on the host.
    await storage.refresh(context.session, await requirePool(context, volume.pool, field, options), options);
    const { capacity } = await storage.info(context.session, volume, options);
    if (capacity < wanted) throw cannotGrow(disk.source, { bytes: wanted, capacity, field });
    if (live === undefined) return;
  }
  if (!wish.online) return void change.waiting.add(field);
  await domains.resizeBlock(context.session, domain, { target: disk.target, bytes: wanted }, options);
}
