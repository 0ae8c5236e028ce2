/** First-boot configuration that changed: the medium is made anew, and the guest takes it for that of a new instance. @module */
import { ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import * as storage from "../client/storage.ts";
import { ROOT_DISK, seedElement, seedPathOf } from "../domain_xml/devices.ts";
import { elements, find, mapElements, serializeXml } from "../domain_xml/element.ts";
import { withMark } from "../domain_xml/mark.ts";
import { readDomain } from "../domain_xml/read.ts";
import { seedVolume, withAddresses } from "../identity.ts";
import { filePoolNear } from "../images/pools.ts";
import { writeVolume } from "../images/volumes.ts";
import type { Change } from "./change.ts";
import { digestOf, makeSeed } from "../seed.ts";

/**
 * Replaces the seed of a VM that is off; a running one keeps its own until a power cycle. An adopted VM has had its first
 * boot elsewhere: there is nothing to replace.
 * @throws {ProviderError} `NotSupported` for Ignition, which looks at its configuration once in a machine's life.
 */
export async function reconcileGuestInit(change: Change): Promise<void> {
  const { context, domain, spec, stored, live, options, waiting } = change;
  const { mark } = stored;
  if (spec.guestInit === undefined || mark === undefined) return;
  const digest = digestOf(spec);
  if (mark.guestInitDigest === digest) return;
  if (spec.guestInit.type === "Ignition" || find(stored.root, "sysinfo") !== undefined) {
    throw new ProviderError("NotSupported", `domain "${domain.name}": Ignition runs once; make a new VM`, {
      field: "guestInit.ignition",
    });
  }
  if (live !== undefined) return void waiting.add("guestInit");
  const seed = makeSeed(spec, withAddresses(domain.uuid, spec.nics), `${mark.ownerUid}-${digest.slice(0, 8)}`);
  if (seed === undefined) return;
  const { session } = context;
  const devices = find(stored.root, "devices");
  const old = elements(devices, "disk").map(seedPathOf).find((path) => path !== undefined);
  const beside = old ?? stored.disks.find((disk) => disk.name === ROOT_DISK)?.source ?? "";
  const neighbour = await storage.volumeByPath(session, beside, options);
  const pool = await filePoolNear(context, neighbour?.pool ?? context.defaultPool, options);
  const volume = await writeVolume(context, { pool, name: seedVolume(domain.uuid) }, seed.image, options);
  const path = await storage.path(session, volume, options);
  // What has changed since the first look stays: only the mark and the medium are put in.
  const now = readDomain(await domains.xml(session, domain, "definition", options)).root;
  const marked = withMark(now, { ...mark, guestInitDigest: digest });
  const complete = mapElements(marked, (child) => {
    if (child.name !== "devices") return child;
    const others = mapElements(child, (device) => seedPathOf(device) === undefined ? device : undefined);
    return { ...others, children: [...others.children, seedElement(path)] };
  });
  await domains.define(session, serializeXml(complete), `give domain "${domain.name}" a new first boot`, options);
}
