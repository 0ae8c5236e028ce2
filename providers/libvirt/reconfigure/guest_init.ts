/**
 * First-boot configuration of a machine that exists. The medium is compared with what it is to be, and written anew where
 * it lies: a guest that boots sees it then, however it came to boot, and snapshots go on naming a file that is there. It
 * keeps the instance id, so that cloud-init does not take the guest for a new one.
 *
 * @module
 */
import { type GuestInitChange, ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import { LibvirtError } from "../client/errors.ts";
import type { VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import { ROOT_DISK, seedElement, seedOf } from "../domain_xml/devices.ts";
import { DiskPlaces } from "../domain_xml/disk_place.ts";
import { elements, find, mapElements, serializeXml, type XmlElement } from "../domain_xml/element.ts";
import { type Mark, markMetadata } from "../domain_xml/mark.ts";
import { readDomain } from "../domain_xml/read.ts";
import { seedVolume, withAddresses } from "../identity.ts";
import { filePoolNear } from "../images/pools.ts";
import { writeVolume } from "../images/volumes.ts";
import { DESCRIPTORS } from "../iso9660.ts";
import { makeSeed, newSeedToken } from "../seed.ts";
import { type Change, isImpossibleLive } from "./change.ts";

/** A medium that a machine has. */
interface Medium {
  readonly volume: VolumeRef;
  readonly bytes: number;
}

/**
 * Makes the medium follow the wish, whether the machine runs or not.
 * @throws {ProviderError} `NotSupported` for Ignition, which looks at its configuration once in a machine's life, and for
 * static addresses of a machine that reads no medium; `Conflict` with reason `PowerState` where a running machine has a
 * medium that is too small.
 */
export async function reconcileGuestInit(change: Change, ownerUid: string): Promise<GuestInitChange> {
  const { domain, spec, stored } = change;
  const ignition = ignitionPath(stored.root);
  if (ignition !== undefined || spec.guestInit?.type === "Ignition") return await checkIgnition(change, ignition);
  const medium = await mediumOf(change);
  const instanceId = stored.mark?.ownerUid ?? ownerUid;
  const seed = makeSeed(spec, withAddresses(domain.uuid, spec.nics), instanceId, medium?.bytes);
  if (medium === undefined) {
    if (seed === undefined) return "Unchanged";
    checkReadsMedia(change);
    await addMedium(change, seed.image);
    return "Replaced";
  }
  // A medium that is taken away stays as an empty one: a drive cannot be taken out of a machine that runs.
  const image = seed?.image ?? new Uint8Array(medium.bytes);
  if (await holds(change, medium.volume, image)) return "Unchanged";
  if (image.byteLength > medium.bytes) await enlarge(change, medium.volume, image.byteLength);
  // First, so that the token is another one whenever the content is.
  await noteToken(change, seed === undefined ? undefined : newSeedToken());
  await overwrite(change, medium.volume, image);
  return seed === undefined ? "Removed" : "Replaced";
}

async function mediumOf({ context, stored, options }: Change): Promise<Medium | undefined> {
  const { path } = seedOf(stored.root);
  const volume = path === undefined ? undefined : await storage.volumeByPath(context.session, path, options);
  if (volume === undefined) return undefined;
  return { volume, bytes: (await storage.info(context.session, volume, options)).capacity };
}

function checkReadsMedia({ domain, spec, stored }: Change): void {
  const wired = spec.nics.find(({ addresses }) => addresses.length > 0);
  if (seedOf(stored.root).device !== undefined || spec.guestInit !== undefined || wired === undefined) return;
  const field = `nics[${wired.name}].addresses`;
  throw new ProviderError(
    "NotSupported",
    `${field}: domain "${domain.name}" has no first-boot medium, so that nothing in its guest would take the address ` +
      "from one; give it user-data for cloud-init, or set the address in the guest and leave it out here",
    { field },
  );
}

async function checkIgnition(
  { context, domain, spec, options }: Change,
  path: string | undefined,
): Promise<GuestInitChange> {
  const { guestInit } = spec;
  if (guestInit?.type === "Ignition" && path !== undefined) {
    const wish = new TextEncoder().encode(guestInit.config.reveal());
    const volume = await storage.volumeByPath(context.session, path, options);
    if (volume !== undefined && await holds({ context, options }, volume, wish)) return "Unchanged";
  }
  throw new ProviderError(
    "NotSupported",
    `guestInit.ignition: Ignition has read its configuration when domain "${domain.name}" booted for the first time and ` +
      "does not look again; put it back as it was, or make a new VM",
    { field: "guestInit.ignition" },
  );
}

/** Path of the configuration that Ignition finds with the firmware. */
const ignitionPath = (domain: XmlElement): string | undefined =>
  elements(domain, "sysinfo").filter(({ attributes }) => attributes["type"] === "fwcfg")
    .flatMap((info) => elements(info, "entry"))
    .find(({ attributes }) => attributes["name"] === "opt/com.coreos/config")?.attributes["file"];

/** Whether the volume begins with these bytes. One that cannot be read does not: writing it anew harms nobody. */
async function holds(
  { context, options }: Pick<Change, "context" | "options">,
  volume: VolumeRef,
  wish: Uint8Array,
): Promise<boolean> {
  const range = { offset: 0, length: wish.byteLength };
  const pieces = await storage.read(context.session, volume, range, options).catch((error: unknown) => {
    if (error instanceof LibvirtError && !["Unavailable", "Timeout"].includes(error.class)) return [];
    throw error;
  });
  let at = 0;
  for (const piece of pieces) {
    for (const byte of piece) if (byte !== wish[at++]) return false;
  }
  return at === wish.byteLength;
}

/** QEMU does not see that a file grows that it has open. */
async function enlarge({ context, domain, live, options }: Change, volume: VolumeRef, bytes: number): Promise<void> {
  if (live === undefined) return await storage.resize(context.session, volume, bytes, options);
  throw new ProviderError(
    "Conflict",
    `user-data of domain "${domain.name}" needs ${bytes} bytes, more than its medium has while it runs: power it off once`,
    { reason: "PowerState", field: "guestInit" },
  );
}

/**
 * What makes it a medium goes first and comes last: a guest that boots meanwhile, or after we died half-way, finds none
 * rather than half of one.
 */
async function overwrite({ context, options }: Change, volume: VolumeRef, image: Uint8Array): Promise<void> {
  const { from, to } = DESCRIPTORS;
  const write = (content: Uint8Array, offset: number) =>
    storage.upload(context.session, volume, content, { ...options, offset });
  await write(new Uint8Array(to - from), from);
  await write(image.subarray(to), to);
  await write(image.subarray(from, to), from);
}

async function noteToken({ context, domain, live, options }: Change, token: string | undefined): Promise<void> {
  const { session } = context;
  const { mark } = readDomain(await domains.xml(session, domain, "inactive", options));
  if (mark === undefined) return;
  const where = domains.affect.config | (live === undefined ? 0 : domains.affect.live);
  await domains.setMetadata(session, domain, { ...markMetadata(withToken(mark, token)), where }, options);
}

function withToken({ guestInitDigest: _, ...mark }: Mark, token: string | undefined): Mark {
  return token === undefined ? mark : { ...mark, guestInitDigest: token };
}

/** A medium for a machine that was born without: in its drive at the next start, and now where the machine can. */
async function addMedium(change: Change, image: Uint8Array): Promise<void> {
  const { context, domain, stored, live, options } = change;
  const { session } = context;
  const root = stored.disks.find(({ name }) => name === ROOT_DISK) ?? stored.disks[0];
  const neighbour = await storage.volumeByPath(session, root?.source ?? "", options);
  const pool = await filePoolNear(context, neighbour?.pool ?? context.defaultPool, options);
  const volume = await writeVolume(context, { pool, name: seedVolume(domain.uuid) }, image, options);
  const path = await storage.path(session, volume, options);
  await noteToken(change, newSeedToken());
  // What has changed since the first look stays: only the medium is put in.
  const now = readDomain(await domains.xml(session, domain, "definition", options)).root;
  const { device } = seedOf(now);
  const complete = mapElements(now, (child) => {
    if (child.name !== "devices") return child;
    const others = mapElements(child, (each) => each === device ? undefined : each);
    return { ...others, children: [...others.children, ...driveFor(change, path)] };
  });
  await domains.define(session, serializeXml(complete), `give domain "${domain.name}" user-data`, options);
  // Where somebody else has laid out the machine, the drive comes with the next start.
  if (live === undefined || stored.mark === undefined || seedOf(live.root).device !== undefined) return;
  const drive = { how: "Attach", device: serializeXml(seedElement(path)), where: domains.affect.live } as const;
  await domains.changeDevice(session, domain, drive, options).catch((error: unknown) => {
    if (!(error instanceof LibvirtError) || !isImpossibleLive(error)) throw error;
  });
}

function driveFor({ domain, stored, live }: Change, path: string): XmlElement[] {
  if (stored.mark !== undefined) return [seedElement(path)];
  const places = new DiskPlaces(...[stored.root, live?.root].map((root) => find(root, "devices")));
  const controller = places.controllerFor("scsi", {});
  const place = places.next("scsi");
  if (place === undefined) {
    const why = `domain "${domain.name}" has no place for a drive with user-data`;
    throw new ProviderError("NotSupported", why, { field: "guestInit" });
  }
  return [...(controller === undefined ? [] : [controller]), seedElement(path, place)];
}
