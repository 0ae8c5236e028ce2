/** Snapshots: a tree per VM. @module */
import {
  ProviderError,
  type SnapshotCreateRequest,
  type SnapshotCreateResponse,
  type SnapshotRequest,
  type TaskResponse,
} from "@virtrigaud/contract";
import { releaseLeases, withLease } from "./guest.ts";
import { removeVolume } from "./lifecycle.ts";
import type { SnapshotRecord, VmRecord } from "./model.ts";
import { invalid, notSupported, ownVm, snapshotOf, vmOf, volumeOf, type World } from "./world.ts";

/** Snapshots that a VM can have. */
const MAX_SNAPSHOTS = 64;

/** Takes a snapshot. */
export function createSnapshot(world: World, request: SnapshotCreateRequest): SnapshotCreateResponse {
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  if (request.name.length === 0 || request.name.length > 80) throw invalid("name", "expected 1 to 80 characters");
  if (request.includeMemory && !world.capabilities.memorySnapshots) {
    throw notSupported("includeMemory", "memory snapshots");
  }
  if (request.quiesce && !world.capabilities.quiescedSnapshots) throw notSupported("quiesce", "quiesced snapshots");
  const present = snapshotsOf(world, vm.id);
  if (present.some(({ name }) => name === request.name)) {
    throw new ProviderError("Conflict", `VM ${vm.name} has a snapshot ${request.name} already; use another name`, {
      reason: "NameConflict",
      field: "name",
    });
  }
  if (present.length >= MAX_SNAPSHOTS) {
    throw new ProviderError("QuotaExceeded", `VM ${vm.name} has ${MAX_SNAPSHOTS} snapshots, which is the limit`);
  }
  if (request.includeMemory && vm.power !== "On") {
    throw new ProviderError("Conflict", `VM ${vm.name} is ${vm.power}: there is no memory to include`, {
      reason: "PowerState",
      field: "includeMemory",
    });
  }
  if (request.quiesce && vm.power === "On" && (vm.guest.state !== "Up" || !vm.guest.agentInstalled)) {
    throw new ProviderError("Conflict", `the agent of VM ${vm.name} does not answer, so that it cannot be quiesced`, {
      reason: "AgentNotRunning",
      field: "quiesce",
    });
  }
  const snapshot: SnapshotRecord = {
    id: world.id("snap"),
    vmId: vm.id,
    name: request.name,
    ...request.description === undefined ? {} : { description: request.description },
    ...vm.currentSnapshot === undefined ? {} : { parentId: vm.currentSnapshot },
    createdAt: world.clock.now(),
    memory: request.includeMemory,
    ready: false,
    hardware: vm.hardware,
    disks: vm.disks.map((disk) => {
      const { sizeGib, content } = volumeOf(world, disk.volumeId);
      return { ...disk, sizeGib, content };
    }),
    nics: vm.nics,
  };
  world.store.put("snapshots", snapshot);
  const task = world.start({ type: "SnapshotCreate", vmId: vm.id, snapshotId: snapshot.id }, { vmId: vm.id });
  return { snapshotId: snapshot.id, task };
}

/** The end of taking a snapshot. */
export function finishSnapshotCreate(world: World, vmId: string, snapshotId: string): void {
  const vm = vmOf(world, vmId);
  world.store.put("snapshots", { ...snapshotOf(world, vmId, snapshotId), ready: true });
  world.store.put("vms", { ...vm, currentSnapshot: snapshotId });
  world.store.effect("SnapshotCreated", snapshotId, vmId);
}

/** Deletes a snapshot; its children move to its parent. One that is gone already is a success. */
export function deleteSnapshot(world: World, request: SnapshotRequest): TaskResponse {
  const { vmId, snapshotId } = request;
  if (world.store.get("vms", vmId) === undefined) return {};
  const vm = ownVm(world, vmId, request.operation.ownerUid);
  if (world.store.get("snapshots", snapshotId)?.vmId !== vm.id) return {};
  for (const volume of world.store.list("volumes")) {
    if (volume.backing === snapshotId) {
      throw new ProviderError("Conflict", `snapshot ${snapshotId} is the base of the linked clone ${volume.vmId}`, {
        reason: "LinkedClones",
      });
    }
  }
  return { task: world.start({ type: "SnapshotDelete", vmId, snapshotId }, { vmId }) };
}

/** The end of a deletion. */
export function finishSnapshotDelete(world: World, vmId: string, snapshotId: string): void {
  const { store } = world;
  const { parentId } = snapshotOf(world, vmId, snapshotId);
  const reparent = <T extends object>(record: T, key: keyof T): T => {
    const { [key]: _old, ...rest } = record;
    return { ...rest, ...parentId === undefined ? {} : { [key]: parentId } } as T;
  };
  for (const child of snapshotsOf(world, vmId)) {
    if (child.parentId === snapshotId) store.put("snapshots", reparent(child, "parentId"));
  }
  const vm = vmOf(world, vmId);
  if (vm.currentSnapshot === snapshotId) store.put("vms", reparent<VmRecord>(vm, "currentSnapshot"));
  store.delete("snapshots", snapshotId);
  store.effect("SnapshotDeleted", snapshotId, vmId);
}

/** Goes back to a snapshot. */
export function revertSnapshot(world: World, request: SnapshotRequest): TaskResponse {
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  const { id: snapshotId } = snapshotOf(world, vm.id, request.snapshotId);
  return {
    task: world.start({ type: "SnapshotRevert", vmId: vm.id, snapshotId }, { vmId: vm.id, transitional: true }),
  };
}

/** The end of going back: disks and hardware as they were; running if memory was included, else off. */
export function finishSnapshotRevert(world: World, vmId: string, snapshotId: string): void {
  const { store } = world;
  const vm = vmOf(world, vmId);
  const snapshot = snapshotOf(world, vmId, snapshotId);
  const kept = new Set(snapshot.disks.map(({ volumeId }) => volumeId));
  for (const { volumeId } of vm.disks) if (!kept.has(volumeId)) removeVolume(world, volumeId);
  const disks = snapshot.disks.flatMap(({ sizeGib, content, ...disk }) => {
    const volume = store.get("volumes", disk.volumeId);
    if (volume === undefined) return []; // was removed from the VM after the snapshot: its content is gone
    store.put("volumes", { ...volume, sizeGib, content });
    return [disk];
  });
  // Leases are the network's and not the VM's: they do not go back in time.
  const nics = snapshot.nics.map(({ lease: _then, ...nic }) =>
    vm.nics.find(({ mac, network }) => mac === nic.mac && network === nic.network) ?? nic
  );
  releaseLeases(world, vm.nics.filter((nic) => !nics.includes(nic)));
  const reverted: VmRecord = {
    ...vm,
    hardware: snapshot.hardware,
    disks,
    nics,
    power: snapshot.memory ? "On" : "Off",
    guest: { ...vm.guest, state: snapshot.memory ? "Up" : "Down" },
    currentSnapshot: snapshotId,
  };
  store.put("vms", {
    ...reverted,
    nics: snapshot.memory ? nics.map((nic) => withLease(world, reverted, nic)) : nics,
  });
  store.effect("SnapshotReverted", snapshotId, vmId);
}

function snapshotsOf(world: World, vmId: string): SnapshotRecord[] {
  return [...world.store.list("snapshots")].filter((snapshot) => snapshot.vmId === vmId);
}
