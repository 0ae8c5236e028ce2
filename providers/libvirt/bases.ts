/** Disks that clones stand on: whatever changes them would destroy the clones. @module */
import { ProviderError } from "@virtrigaud/contract";
import * as storage from "./client/storage.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { standsOn } from "./identity.ts";

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
  const overlays: string[] = [];
  for (const pool of await storage.activePools(context.session, options)) {
    const volumes = await storage.volumes(context.session, pool, options);
    overlays.push(...volumes.filter(({ name }) => standsOn(name, key)).map(({ name }) => `${pool.name}/${name}`));
  }
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
