/** Disks that clones stand on: whatever changes them would destroy the clones. @module */
import { ProviderError } from "@virtrigaud/contract";
import type { VolumeRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { standsOn } from "./identity.ts";

/** Volumes of all active pools: an overlay may be in another pool than what it stands on. */
export async function allVolumes(context: LibvirtContext, options?: CallOptions): Promise<VolumeRef[]> {
  const pools = await storage.activePools(context.session, options);
  return (await Promise.all(pools.map((pool) => storage.volumes(context.session, pool, options)))).flat();
}

/**
 * `key`: UUID of a VM, or key of an image.
 * @throws {ProviderError} `Conflict` with reason `LinkedClones` while linked clones stand on its disk.
 */
export async function refuseIfBase(
  context: LibvirtContext,
  key: string,
  participle: "started" | "deleted" | "reverted" | "replaced",
  options?: CallOptions,
): Promise<void> {
  const all = await allVolumes(context, options);
  const overlays = all.filter(({ name }) => standsOn(name, key)).map(({ pool, name }) => `${pool}/${name}`);
  if (overlays.length === 0) return;
  throw new ProviderError(
    "Conflict",
    `${
      participle === "replaced" ? "image" : "VM"
    } ${key} cannot be ${participle}: its disk is the base of ${overlays.length} linked clones ` +
      `(${overlays.slice(0, 3).join(", ")}); delete them first`,
    { reason: "LinkedClones" },
  );
}
