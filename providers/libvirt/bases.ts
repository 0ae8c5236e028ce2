/** Disks that clones stand on: whatever changes them would destroy the clones. @module */
import { ProviderError } from "@virtrigaud/contract";
import * as storage from "./client/storage.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { standsOn } from "./identity.ts";

/** @throws {ProviderError} `Conflict` with reason `LinkedClones` while linked clones stand on the disks of this VM. */
export async function refuseIfBase(
  context: LibvirtContext,
  uuid: string,
  participle: "started" | "deleted" | "reverted",
  options?: CallOptions,
): Promise<void> {
  const overlays: string[] = [];
  for (const pool of await storage.activePools(context.session, options)) {
    const volumes = await storage.volumes(context.session, pool, options);
    overlays.push(...volumes.filter(({ name }) => standsOn(name, uuid)).map(({ name }) => `${pool.name}/${name}`));
  }
  if (overlays.length === 0) return;
  throw new ProviderError(
    "Conflict",
    `VM ${uuid} cannot be ${participle}: its disk is the base of ${overlays.length} linked clones ` +
      `(${overlays.slice(0, 3).join(", ")}); delete them first`,
    { reason: "LinkedClones" },
  );
}
