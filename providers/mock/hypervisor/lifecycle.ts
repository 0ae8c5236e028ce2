/** Birth and end of a VM. @module */
import {
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type ImageSource,
  type MachineSpec,
  type Operation,
  ProviderError,
  type TaskResponse,
} from "@virtrigaud/contract";
import { guestInitDigest, newGuest, newNic, releaseLeases } from "./guest.ts";
import { resolveImage } from "./images.ts";
import type { DiskRecord, VmRecord, VolumeRecord } from "./model.ts";
import { startBoot } from "./power.ts";
import { checkSpec } from "./spec_check.ts";
import { invalid, ownVm, reserve, storePath, volumeOf, type World } from "./world.ts";

/** Virtual hardware version of new VMs. */
export const DEFAULT_HARDWARE_VERSION = 17;

/** What the root disk of a new VM starts from. */
export interface RootContent {
  readonly content: string;
  readonly sizeGib: number;
  readonly format: string;
  /** Set where the disk only stores its difference to this volume, image or snapshot. */
  readonly backing?: string;
  /** Set where an existing volume becomes the disk itself. */
  readonly volume?: VolumeRecord;
}

/** Creates a VM, unless one with the owner's mark exists: then that one is the answer. */
export function createVm(world: World, request: CreateRequest): CreateResponse {
  const existing = world.store.vmByOwner(request.operation.ownerUid);
  if (existing !== undefined) return alreadyCreated(world, existing);
  checkSpec(world, request.spec);
  checkName(world, request.spec.name);
  const root = rootContent(world, request.operation.ownerUid, request.spec.image);
  return bear(world, request.operation, request.spec, root, request.powerOn);
}

/** The answer for a VM that exists: with its task, if that is still under way. */
export function alreadyCreated(world: World, vm: VmRecord): CreateResponse {
  const task = vm.createdBy === undefined ? undefined : world.store.get("tasks", vm.createdBy);
  return task?.state === "Running" ? { vmId: vm.id, task: { id: task.id } } : { vmId: vm.id };
}

/** @throws ProviderError `Conflict` with reason `NameConflict`. */
export function checkName(world: World, name: string): void {
  const holder = world.store.vmByName(name);
  if (holder === undefined) return;
  throw new ProviderError(
    "Conflict",
    `a VM named ${name} exists already (${holder.id}) and belongs to ${holder.owner ?? "somebody else"}; ` +
      `it is left alone: choose another name, adopt it, or remove it`,
    { reason: "NameConflict", field: "name" },
  );
}

function rootContent(world: World, ownerUid: string, image: ImageSource): RootContent {
  if (image.type === "Blank") return { content: `blank/${ownerUid}`, sizeGib: 1, format: "qcow2" };
  return resolveImage(world, image, "image");
}

/** Makes the VM with its disks and starts the task at whose end it is complete. */
export function bear(
  world: World,
  operation: Operation,
  spec: MachineSpec,
  root: RootContent,
  powerOn: boolean,
): CreateResponse {
  const { store, options } = world;
  const id = world.id("vm");
  const { placement } = spec;
  const datastore = placement?.datastore ??
    (placement?.storagePod === undefined ? options.pools[0] ?? "default" : emptiestPool(world));
  const seed = operation.ownerUid;
  checkMacs(world, spec);
  const volumes: VolumeRecord[] = [];
  const rootSize = Math.max(root.sizeGib, spec.rootDisk.sizeGib ?? 0);
  const rootVolume = root.volume === undefined
    ? newVolume(world, id, "root", { sizeGib: rootSize, ...spec.rootDisk }, datastore, root)
    : { ...root.volume, vmId: id, sizeGib: rootSize };
  volumes.push({ ...rootVolume, sizeGib: rootSize });
  const disks: DiskRecord[] = [{ name: "root", volumeId: rootVolume.id }];
  for (const disk of spec.disks) {
    const volume = newVolume(world, id, disk.name, disk, datastore);
    volumes.push(volume);
    disks.push({ name: disk.name, volumeId: volume.id, spec: disk });
  }
  const nics = spec.nics.map((nic) => newNic(world, seed, nic));
  for (const volume of volumes) {
    reserve(world, volume.pool, volume.sizeGib - (root.volume?.id === volume.id ? root.volume.sizeGib : 0), "disks");
    store.put("volumes", volume);
    store.effect("VolumeCreated", volume.id, volume.name);
  }
  const digest = guestInitDigest(id, spec);
  const vm: VmRecord = {
    id,
    name: spec.name,
    ownerUid: operation.ownerUid,
    owner: operation.owner,
    power: "Off",
    transitional: true,
    hardware: spec.hardware,
    hardwareVersion: DEFAULT_HARDWARE_VERSION,
    disks,
    nics,
    placement: {
      host: placement?.host ?? leastLoadedHost(world),
      cluster: options.cluster,
      datastore,
      ...placement?.folder === undefined ? {} : { folder: placement.folder },
      ...placement?.resourcePool === undefined ? {} : { resourcePool: placement.resourcePool },
    },
    tags: spec.tags,
    guest: newGuest(spec),
    ...digest === undefined ? {} : { guestInitDigest: digest },
    pending: [],
  };
  store.put("vms", vm);
  store.effect("VmCreated", id, spec.name);
  const task = world.start({ type: "Create", vmId: id, powerOn }, { vmId: id, transitional: true });
  store.put("vms", { ...vm, lockedBy: task.id, createdBy: task.id });
  return { vmId: id, task };
}

/** A new volume for a disk of VM `vmId`. */
export function newVolume(
  world: World,
  vmId: string,
  disk: string,
  spec: { readonly sizeGib: number; readonly type?: string; readonly storageClass?: string },
  datastore: string,
  root?: RootContent,
): VolumeRecord {
  const id = world.id("vol");
  const pool = spec.storageClass ?? datastore;
  const name = `${vmId}-${disk}`;
  const format = root?.format ?? "qcow2";
  return {
    id,
    name,
    pool,
    path: storePath(pool, name, format),
    sizeGib: spec.sizeGib,
    type: spec.type ?? "thin",
    format,
    vmId,
    ...root?.backing === undefined ? {} : { backing: root.backing },
    content: root?.content ?? `blank/${id}`,
    ...root === undefined ? {} : { contentGib: root.sizeGib },
  };
}

/** @throws ProviderError `Conflict` when a MAC is taken by another VM. */
export function checkMacs(world: World, spec: MachineSpec, except?: string): void {
  const wanted = new Map(spec.nics.flatMap((nic) => nic.mac === undefined ? [] : [[nic.mac, nic.name] as const]));
  if (wanted.size === 0) return;
  for (const vm of world.store.list("vms")) {
    if (vm.id === except) continue;
    for (const nic of vm.nics) {
      const name = wanted.get(nic.mac);
      if (name !== undefined) throw invalid(`nics[${name}].mac`, `${nic.mac} is in use by VM ${vm.name}`);
    }
  }
}

function emptiestPool(world: World): string {
  const used = new Map(world.options.pools.map((pool) => [pool, 0]));
  for (const { pool, sizeGib } of world.store.list("volumes")) used.set(pool, (used.get(pool) ?? 0) + sizeGib);
  let best = world.options.pools[0] ?? "default";
  for (const pool of world.options.pools) if ((used.get(pool) ?? 0) < (used.get(best) ?? 0)) best = pool;
  return best;
}

function leastLoadedHost(world: World): string {
  const load = new Map(world.options.hosts.map((host) => [host, 0]));
  for (const { placement } of world.store.list("vms")) load.set(placement.host, (load.get(placement.host) ?? 0) + 1);
  let best = world.options.hosts[0] ?? "mock-host-1";
  for (const host of world.options.hosts) if ((load.get(host) ?? 0) < (load.get(best) ?? 0)) best = host;
  return best;
}

/** The end of a creation. */
export function finishCreate(world: World, vmId: string, powerOn: boolean): void {
  const vm = world.store.get("vms", vmId);
  if (vm === undefined) throw new ProviderError("NotFound", `VM ${vmId} vanished while it was created`);
  world.store.effect("VmReady", vmId);
  if (powerOn) startBoot(world, vm);
}

/** Starts the deletion of a VM; one that is gone already is a success. */
export function deleteVm(world: World, request: DeleteRequest): TaskResponse {
  if (world.store.get("vms", request.vmId) === undefined) return {};
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  checkNoDependents(world, vm);
  return { task: world.start({ type: "Delete", vmId: vm.id }, { vmId: vm.id }) };
}

function checkNoDependents(world: World, vm: VmRecord): void {
  const own = new Set([vm.id, ...vm.disks.map(({ volumeId }) => volumeId)]);
  for (const snapshot of world.store.list("snapshots")) if (snapshot.vmId === vm.id) own.add(snapshot.id);
  for (const volume of world.store.list("volumes")) {
    if (volume.backing !== undefined && own.has(volume.backing) && volume.vmId !== vm.id) {
      throw new ProviderError(
        "Conflict",
        `VM ${vm.name} is the base of the linked clone ${volume.vmId ?? volume.name}; delete the clone first`,
        { reason: "LinkedClones" },
      );
    }
  }
}

/** Removes a VM with its disks, snapshots and addresses. */
export function removeVm(world: World, vmId: string): void {
  const { store } = world;
  const vm = store.get("vms", vmId);
  if (vm === undefined) return;
  for (const { volumeId } of vm.disks) removeVolume(world, volumeId);
  for (const snapshot of [...store.list("snapshots")]) {
    if (snapshot.vmId === vmId) store.delete("snapshots", snapshot.id);
  }
  releaseLeases(world, vm.nics);
  store.delete("vms", vmId);
  store.effect("VmDeleted", vmId, vm.name);
}

/** Removes a volume, if it is there. */
export function removeVolume(world: World, volumeId: string): void {
  if (world.store.get("volumes", volumeId) === undefined) return;
  const { name } = volumeOf(world, volumeId);
  world.store.delete("volumes", volumeId);
  world.store.effect("VolumeDeleted", volumeId, name);
}
