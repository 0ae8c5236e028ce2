/** What every capability of the mock hypervisor works on. @module */
import type { Clock } from "@virtrigaud/resilience";
import { type Capabilities, ProviderError, type ProviderErrorOptions, type TaskRef } from "@virtrigaud/contract";
import type { Faults } from "../faults.ts";
import type { Action, SnapshotRecord, VmRecord, VolumeRecord } from "./model.ts";
import type { HypervisorOptions } from "./options.ts";
import type { Store } from "./store.ts";

/** How a task is started. */
export interface StartTask {
  readonly vmId?: string;
  /** Default: {@linkcode HypervisorOptions.taskLatencyMs}. */
  readonly durationMs?: number;
  /** Not visible to callers, and holds no VM. */
  readonly internal?: boolean;
  /** The VM shows as `Transitional` while the task goes on. */
  readonly transitional?: boolean;
  /** The duration is how long somebody waits in vain: a slow hypervisor does not stretch it. */
  readonly isTimeout?: boolean;
}

/** Memory, time and configuration of one hypervisor. All functions on it run inside a transaction of its store. */
export interface World {
  readonly store: Store;
  readonly clock: Clock;
  readonly options: HypervisorOptions;
  readonly capabilities: Capabilities;
  readonly faults: Faults;
  /** A new id that was never used. */
  id(prefix: string): string;
  /** Starts a task; with a `vmId`, it holds that VM until its end. */
  start(action: Action, options?: StartTask): TaskRef;
}

/** A `NotSupported` that names the field. */
export function notSupported(field: string, what: string): ProviderError {
  return new ProviderError("NotSupported", `${field}: the mock hypervisor has no ${what}; remove the field`, { field });
}

/** An `InvalidSpec` that names the field. */
export function invalid(field: string, message: string, options: ProviderErrorOptions = {}): ProviderError {
  return new ProviderError("InvalidSpec", `${field}: ${message}`, { ...options, field });
}

/** A `NotFound` for something that a request names. */
export function missing(field: string, what: string): ProviderError {
  return new ProviderError("NotFound", `${field}: ${what} does not exist; create it or name another`, {
    reason: "DependencyMissing",
    field,
  });
}

/** The VM with this id. @throws ProviderError `NotFound`. */
export function vmOf(world: World, vmId: string): VmRecord {
  const vm = world.store.get("vms", vmId);
  if (vm === undefined) throw new ProviderError("NotFound", `VM ${vmId} does not exist`, { field: "vmId" });
  return vm;
}

/**
 * The VM with this id, for a change by `ownerUid`. A VM without a mark is open to whoever addresses it by id (that is
 * how adopted VMs are managed); one that is marked by another owner is not.
 * @throws ProviderError `NotFound`, or `Conflict`: `OwnedByAnother`, or `Locked` while a task holds it.
 */
export function ownVm(world: World, vmId: string, ownerUid: string): VmRecord {
  const vm = vmOf(world, vmId);
  if (vm.ownerUid !== undefined && vm.ownerUid !== ownerUid) {
    throw new ProviderError("Conflict", `VM ${vmId} belongs to ${vm.owner ?? vm.ownerUid}, not to ${ownerUid}`, {
      reason: "OwnedByAnother",
    });
  }
  if (vm.lockedBy !== undefined) {
    throw new ProviderError("Conflict", `VM ${vmId} is held by task ${vm.lockedBy}; wait for its end`, {
      reason: "Locked",
      retryAfterMs: world.options.taskLatencyMs,
    });
  }
  return vm;
}

/** The snapshot with this id, of this VM. @throws ProviderError `NotFound`. */
export function snapshotOf(world: World, vmId: string, snapshotId: string): SnapshotRecord {
  const snapshot = world.store.get("snapshots", snapshotId);
  if (snapshot === undefined || snapshot.vmId !== vmId) {
    throw new ProviderError("NotFound", `snapshot ${snapshotId} of VM ${vmId} does not exist`, { field: "snapshotId" });
  }
  return snapshot;
}

/** The volume behind a disk, which exists as long as the VM does. */
export function volumeOf(world: World, volumeId: string): VolumeRecord {
  const volume = world.store.get("volumes", volumeId);
  if (volume === undefined) throw new ProviderError("NotFound", `volume ${volumeId} does not exist`);
  return volume;
}

/** Whether anything in `pool` of that much more fits. @throws ProviderError `QuotaExceeded`. */
export function reserve(world: World, pool: string, moreGib: number, field: string): void {
  const size = world.faults.poolSizeGib ?? world.options.poolSizeGib;
  let used = 0;
  for (const volume of world.store.list("volumes")) if (volume.pool === pool) used += volume.sizeGib;
  if (used + moreGib > size) {
    throw new ProviderError(
      "QuotaExceeded",
      `${field}: pool ${pool} has ${Math.max(0, size - used)} of ${size} GiB free, ${moreGib} GiB are needed`,
      { reason: "PoolFull", field },
    );
  }
}

/** `base` and a number that makes the name of a volume unique in `pool`. */
export function storePath(pool: string, name: string, format: string): string {
  return `/mock/${pool}/${name}.${format}`;
}
