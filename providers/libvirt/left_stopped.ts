/**
 * Machines that were stopped for a moment, while their memory was saved, and that nobody lets go on: the libvirtd that
 * had to is gone, and the next one does not do it.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { isStoppedToSave, powerOfRow } from "./describe.ts";

/**
 * Lets the domain go on if it stands stopped for a snapshot, a dump or a save. Should one be in the making, libvirt has
 * this wait until that is over, and the machine runs by then. The caller holds the domain's lock.
 * @throws {ProviderError} `Conflict` with reason `Locked` if it still stands: what was saved now would come back stopped.
 */
export async function goOn(context: LibvirtContext, domain: DomainRef, options: CallOptions = {}): Promise<void> {
  const look = async () => {
    const [row] = await domains.allStats(context.session, [domain], domains.stats.state, options);
    return row?.params;
  };
  const before = await look();
  if (before === undefined || powerOfRow(before) !== "Transitional") return;
  if (isStoppedToSave(before)) {
    await domains.resume(context.session, domain, options).catch((error: unknown) => {
      if (!LibvirtError.hasCode(error, errorCode.operationInvalid)) throw error;
    });
  }
  const after = await look();
  if (after === undefined || powerOfRow(after) !== "Transitional") return;
  throw new ProviderError("Conflict", `domain "${domain.name}" is stopped for something else at this moment`, {
    reason: "Locked",
  });
}
