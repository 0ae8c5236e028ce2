/** Deleting a VM and the volumes that were made for it, and nothing else. @module */
import { type DeleteRequest, ProviderError, type TaskResponse } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import * as storage from "./client/storage.ts";
import { refuseIfBase } from "./bases.ts";
import { type CallOptions, checkOwner, createKey, findDomain, type LibvirtContext } from "./context.ts";
import { unlessGone } from "./describe.ts";
import { seedOf } from "./domain_xml/devices.ts";
import { readDomain } from "./domain_xml/read.ts";
import { refuseIfHalfStarted } from "./half_started.ts";
import { domainUuid, isImported, isVmId, seedVolume, volumePrefix } from "./identity.ts";

/** How long a delete waits for a create to end before it asks to be tried again. */
const PATIENCE_MS = 5_000;

/**
 * Stops and removes the domain, then every volume whose name begins with its UUID: also those that a create which was
 * cut off has left, and those of disks that were taken out of the VM. Disks of an adopted VM carry other names and stay.
 */
export async function deleteVm(
  context: LibvirtContext,
  request: DeleteRequest,
  options: CallOptions,
): Promise<TaskResponse> {
  if (!isVmId(request.vmId)) return {};
  const vmId = request.vmId.toLowerCase();
  // Volumes carry the UUID that follows from their owner, so that nobody else's are in reach.
  const isOwner = domainUuid(request.operation.ownerUid) === vmId;
  if (isOwner) await stopCreate(context, vmId);
  return await context.locks.hold(vmId, async () => {
    if (isOwner) await refuseIfBase(context, vmId, "deleted", options);
    await removeDomain(context, request, isOwner, options);
    if (isOwner) await removeVolumes(context, vmId, options);
    context.agents.forget(vmId);
    context.starts.over(vmId);
    return {};
  });
}

/** Ends a create that is under way. A copy that libvirt has begun cannot be called off; it is waited for, but not long. */
async function stopCreate(context: LibvirtContext, vmId: string): Promise<void> {
  const patience = new AbortController();
  const ended = context.tasks.cancel(createKey(vmId)).then(() => true);
  const waited = context.clock.sleep(PATIENCE_MS, { signal: patience.signal }).then(() => false, () => false);
  const hasEnded = await Promise.race([ended, waited]);
  patience.abort();
  if (hasEnded) return;
  throw new ProviderError("Conflict", `VM ${vmId} is still being created; its disk is being copied`, {
    reason: "Locked",
    retryAfterMs: PATIENCE_MS,
  });
}

async function removeDomain(
  context: LibvirtContext,
  request: DeleteRequest,
  isOwner: boolean,
  options: CallOptions,
): Promise<void> {
  const domain = await findDomain(context, request.vmId, options);
  if (domain === undefined) return;
  await unlessGone(async () => {
    await checkOwner(context, domain, request.operation, options);
    await refuseIfHalfStarted(context, domain, options);
    await domains.destroy(context.session, domain, options).catch((error: unknown) => {
      if (!LibvirtError.hasCode(error, errorCode.operationInvalid)) throw error;
    });
    // Before the domain, which is all that tells whose it was.
    if (isOwner) await removeImported(context, domain, options);
    else await removeSeed(context, domain, options);
    await domains.undefine(context.session, domain, options);
  });
}

/** Disks that this provider has imported, and that became this VM's. */
async function removeImported(context: LibvirtContext, domain: DomainRef, options: CallOptions): Promise<void> {
  const { disks } = readDomain(await domains.xml(context.session, domain, "inactive", options));
  for (const { source } of disks) {
    if (!isImported(source.slice(source.lastIndexOf("/") + 1))) continue;
    const volume = await storage.volumeByPath(context.session, source, options);
    if (volume !== undefined) await storage.remove(context.session, volume, options);
  }
}

/** The medium that an adopted VM was given; all else of it is its own. */
async function removeSeed(context: LibvirtContext, domain: DomainRef, options: CallOptions): Promise<void> {
  const { path } = seedOf(readDomain(await domains.xml(context.session, domain, "inactive", options)).root);
  if (path === undefined || !path.endsWith(`/${seedVolume(domain.uuid)}`)) return;
  const volume = await storage.volumeByPath(context.session, path, options);
  if (volume !== undefined) await storage.remove(context.session, volume, options);
}

async function removeVolumes(context: LibvirtContext, vmId: string, options: CallOptions): Promise<void> {
  const prefix = volumePrefix(vmId);
  for (const pool of await storage.activePools(context.session, options)) {
    for (const volume of await storage.volumes(context.session, pool, options)) {
      if (volume.name.startsWith(prefix)) await storage.remove(context.session, volume, options);
    }
  }
}
