/** Clones of a VM or of one of its snapshots. @module */
import { type CloneRequest, type CreateResponse, ProviderError } from "@virtrigaud/contract";
import { alreadyCreated, bear, checkName } from "./lifecycle.ts";
import { checkSpec } from "./spec_check.ts";
import { notSupported, snapshotOf, vmOf, volumeOf, type World } from "./world.ts";

/** Clones a VM, unless one with the owner's mark exists: then that one is the answer. */
export function cloneVm(world: World, request: CloneRequest): CreateResponse {
  const existing = world.store.vmByOwner(request.operation.ownerUid);
  if (existing !== undefined) return alreadyCreated(world, existing);
  if (request.linked && !world.capabilities.linkedClones) throw notSupported("linked", "linked clones");
  const source = vmOf(world, request.sourceVmId);
  if (source.lockedBy !== undefined) {
    throw new ProviderError("Conflict", `VM ${source.name} is held by task ${source.lockedBy}; wait for its end`, {
      reason: "Locked",
    });
  }
  const snapshot = request.snapshotId === undefined ? undefined : snapshotOf(world, source.id, request.snapshotId);
  checkSpec(world, request.spec);
  checkName(world, request.spec.name);
  const root = (snapshot?.disks ?? source.disks).find(({ name }) => name === "root");
  if (root === undefined) {
    throw new ProviderError("Conflict", `VM ${source.name} has no root disk to clone`, { reason: "NoRootDisk" });
  }
  const volume = volumeOf(world, root.volumeId);
  return bear(world, request.operation, request.spec, {
    content: volume.content,
    sizeGib: volume.sizeGib,
    format: volume.format,
    ...request.linked ? { backing: snapshot?.id ?? volume.id } : {},
  }, request.powerOn);
}
