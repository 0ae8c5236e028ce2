/** Changing a VM: what differs from the wish, what can be changed now, what has to wait for the VM to be off. @module */
import {
  type GuestInitChange,
  type Hardware,
  type HardwareUpgradeRequest,
  type MachineSpec,
  ProviderError,
  type ReconfigureRequest,
  type ReconfigureResponse,
  type TaskResponse,
} from "@virtrigaud/contract";
import { guestInitDigest, hostnameOf, newNic, releaseLeases, withLease } from "./guest.ts";
import { checkMacs, checkName, newVolume, removeVolume } from "./lifecycle.ts";
import type { Action, DiskRecord, NicRecord, VmRecord, VolumeRecord } from "./model.ts";
import { checkSpec } from "./spec_check.ts";
import { invalid, ownVm, reserve, vmOf, volumeOf, type World } from "./world.ts";

type Change = Extract<Action, { type: "Reconfigure" }>;

/** What is to change, collected field by field. */
class Plan {
  change: { -readonly [K in keyof VmRecord]?: VmRecord[K] } = {};
  readonly addVolumes: VolumeRecord[] = [];
  readonly resize: { volumeId: string; sizeGib: number }[] = [];
  readonly dropVolumes: string[] = [];
  readonly needsPowerCycle: string[] = [];
  readonly running: boolean;

  constructor(running: boolean) {
    this.running = running;
  }

  /** Whether a change may be made now; otherwise the field is noted as waiting. */
  may(field: string, online: boolean): boolean {
    if (!this.running || online) return true;
    this.needsPowerCycle.push(field);
    return false;
  }

  get empty(): boolean {
    return Object.keys(this.change).length + this.addVolumes.length + this.resize.length + this.dropVolumes.length ===
      0;
  }
}

/**
 * Compares the wish with what is and starts a task for the difference. The image is what a VM is born from: a change of
 * it is no difference. A disk or card that the wish does not name any more is removed.
 */
export function reconfigure(world: World, request: ReconfigureRequest): ReconfigureResponse {
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  const { spec } = request;
  checkSpec(world, spec);
  checkMacs(world, spec, vm.id);
  if (spec.name !== vm.name) checkName(world, spec.name);
  const plan = new Plan(vm.power !== "Off");
  planHardware(world, vm, spec.hardware, plan);
  planDisks(world, vm, spec, plan);
  planNics(world, vm, spec, plan);
  planRest(vm, spec, plan);
  const guestInit = request.followGuestInit === true ? planGuestInit(vm, spec, plan) : undefined;
  const told = guestInit === undefined ? {} : { guestInit };
  const { needsPowerCycle } = plan;
  if (!same(vm.pending, needsPowerCycle)) plan.change.pending = needsPowerCycle;
  if (plan.empty) return { needsPowerCycle, ...told };
  const { change, addVolumes, resize, dropVolumes } = plan;
  const action: Change = { type: "Reconfigure", vmId: vm.id, change, addVolumes, resize, dropVolumes };
  if (same(Object.keys(change), ["pending"]) && addVolumes.length + resize.length + dropVolumes.length === 0) {
    applyReconfigure(world, action);
    return { needsPowerCycle, ...told };
  }
  return { task: world.start(action, { vmId: vm.id }), needsPowerCycle, ...told };
}

function planHardware(world: World, vm: VmRecord, wish: Hardware, plan: Plan): void {
  const has = vm.hardware;
  const online = world.capabilities.reconfigureOnline;
  const next = { ...has };
  const hot = (flag: boolean | undefined, grows: boolean) => online && flag === true && grows;
  if (
    wish.cpus !== has.cpus &&
    plan.may("hardware.cpus", hot(has.performance?.cpuHotAdd, wish.cpus > has.cpus))
  ) next.cpus = wish.cpus;
  if (
    wish.memoryMib !== has.memoryMib &&
    plan.may("hardware.memoryMib", hot(has.performance?.memoryHotAdd, wish.memoryMib > has.memoryMib))
  ) next.memoryMib = wish.memoryMib;
  if (wish.firmware !== has.firmware && plan.may("hardware.firmware", false)) next.firmware = wish.firmware;
  const set = <K extends "limits" | "performance" | "security" | "guestTools" | "gpu" | "extraConfig">(
    key: K,
    isOnline: boolean,
  ) => {
    if (same(has[key], wish[key]) || !plan.may(`hardware.${key}`, isOnline)) return;
    if (wish[key] === undefined) delete next[key];
    else next[key] = wish[key];
  };
  set("limits", online);
  set("performance", false);
  set("security", false);
  set("gpu", false);
  set("guestTools", online);
  set("extraConfig", online);
  if (same(has, next)) return;
  plan.change.hardware = next;
  const agentInstalled = (next.guestTools ?? "install") === "install" || next.guestTools === "upgrade";
  plan.change.guest = {
    ...vm.guest,
    agentInstalled: agentInstalled && next.extraConfig?.["mock.noAgent"] !== "true",
    ignoresShutdown: next.extraConfig?.["mock.ignoreShutdown"] === "true",
    withoutAddress: next.extraConfig?.["mock.noAddress"] === "true",
  };
}

function planDisks(world: World, vm: VmRecord, spec: MachineSpec, plan: Plan): void {
  const disks: DiskRecord[] = [];
  for (const disk of vm.disks) {
    const volume = volumeOf(world, disk.volumeId);
    if (disk.name === "root") {
      disks.push(disk);
      planSize(world, plan, volume, "rootDisk.sizeGib", spec.rootDisk.sizeGib, true);
      continue;
    }
    const wish = spec.disks.find(({ name }) => name === disk.name);
    if (wish === undefined) {
      plan.dropVolumes.push(volume.id);
      continue;
    }
    const path = `disks[${disk.name}]`;
    planSize(world, plan, volume, `${path}.sizeGib`, wish.sizeGib, wish.expandPolicy === "Online");
    for (const key of ["type", "storageClass"] as const) {
      if (wish[key] !== disk.spec?.[key] && disk.spec !== undefined) {
        throw invalid(`${path}.${key}`, "cannot be changed once the disk exists; add a disk of another name");
      }
    }
    disks.push({ ...disk, spec: wish });
  }
  for (const wish of spec.disks) {
    if (vm.disks.some(({ name }) => name === wish.name)) continue;
    const volume = newVolume(world, vm.id, wish.name, wish, vm.placement.datastore);
    reserve(world, volume.pool, volume.sizeGib, `disks[${wish.name}]`);
    plan.addVolumes.push(volume);
    disks.push({ name: wish.name, volumeId: volume.id, spec: wish });
  }
  if (!same(disks, vm.disks)) plan.change.disks = disks;
}

function planSize(
  world: World,
  plan: Plan,
  volume: VolumeRecord,
  field: string,
  wish: number | undefined,
  online: boolean,
): void {
  if (wish === undefined || wish === volume.sizeGib) return;
  if (wish < volume.sizeGib) {
    // As large as its image at least: a smaller wish from the first day is no wish to shrink.
    if (volume.sizeGib === volume.contentGib) return;
    throw invalid(
      field,
      `${wish} GiB is less than the ${volume.sizeGib} GiB that the disk has; disks are never shrunk`,
    );
  }
  for (const snapshot of world.store.list("snapshots")) {
    if (snapshot.vmId === volume.vmId) {
      throw new ProviderError("Conflict", `${field}: a disk with snapshots cannot grow; delete the snapshots first`, {
        reason: "HasSnapshots",
        field,
      });
    }
  }
  reserve(world, volume.pool, wish - volume.sizeGib, field);
  if (plan.may(field, online && world.capabilities.diskExpansionOnline)) {
    plan.resize.push({ volumeId: volume.id, sizeGib: wish });
  }
}

function planNics(world: World, vm: VmRecord, spec: MachineSpec, plan: Plan): void {
  const nics: NicRecord[] = spec.nics.map((wish) => {
    const fresh = newNic(world, vm.ownerUid ?? vm.id, wish);
    const has = vm.nics.find((nic) => nic.spec.name === wish.name);
    if (has === undefined || has.network !== fresh.network || wish.mac !== undefined && wish.mac !== has.mac) {
      return fresh;
    }
    return { ...has, spec: wish };
  });
  if (same(nics, vm.nics)) return;
  plan.change.nics = nics;
}

function planRest(vm: VmRecord, spec: MachineSpec, plan: Plan): void {
  if (spec.name !== vm.name) plan.change.name = spec.name;
  if (!same(spec.tags, vm.tags)) plan.change.tags = spec.tags;
  const { cluster: _only, storagePod: _none, ...wish } = spec.placement ?? {};
  const placement = { ...vm.placement, ...withoutUndefined(wish) };
  if (placement.datastore !== vm.placement.datastore) {
    throw invalid("placement.datastore", "storage of an existing VM is not moved; create the VM anew");
  }
  if (!same(placement, vm.placement)) plan.change.placement = placement;
}

/** The medium is replaced at once; the guest looks at it when it boots next. */
function planGuestInit(vm: VmRecord, spec: MachineSpec, plan: Plan): GuestInitChange {
  const digest = guestInitDigest(vm.id, spec);
  if (digest === vm.guestInitDigest) return "Unchanged";
  const wired = spec.nics.find(({ addresses }) => addresses.length > 0);
  if (vm.guestInitDigest === undefined && spec.guestInit === undefined && wired !== undefined) {
    const field = `nics[${wired.name}].addresses`;
    throw new ProviderError(
      "NotSupported",
      `${field}: VM ${vm.name} was made without first-boot configuration and reads none; give it user-data, or set the ` +
        "address in the guest",
      { field },
    );
  }
  plan.change.guestInitDigest = digest;
  plan.change.nextHostname = hostnameOf(spec);
  return digest === undefined ? "Removed" : "Replaced";
}

/** The end of a change. */
export function applyReconfigure(world: World, action: Change): void {
  const { store } = world;
  const vm = vmOf(world, action.vmId);
  for (const volume of action.addVolumes) {
    store.put("volumes", volume);
    store.effect("VolumeCreated", volume.id, volume.name);
  }
  for (const { volumeId, sizeGib } of action.resize) {
    store.put("volumes", { ...volumeOf(world, volumeId), sizeGib });
    store.effect("VolumeResized", volumeId, String(sizeGib));
  }
  for (const volumeId of action.dropVolumes) removeVolume(world, volumeId);
  const guest = action.change.guest === undefined ? vm.guest : {
    ...vm.guest,
    agentInstalled: action.change.guest.agentInstalled,
    ignoresShutdown: action.change.guest.ignoresShutdown,
    withoutAddress: action.change.guest.withoutAddress,
  };
  let changed: VmRecord = { ...vm, ...action.change, guest };
  if (action.change.nics !== undefined) {
    const kept = new Set(action.change.nics.map(({ lease }) => lease));
    releaseLeases(world, vm.nics.filter(({ lease }) => !kept.has(lease)));
    const addresses = Object.fromEntries(
      changed.nics.map(({ spec }) => [spec.name, spec.addresses.map(({ address }) => address)]),
    );
    changed = { ...changed, guest: { ...guest, addresses } };
    if (guest.state === "Up") changed = { ...changed, nics: changed.nics.map((nic) => withLease(world, changed, nic)) };
  }
  store.put("vms", changed);
  store.effect("Reconfigured", vm.id, Object.keys(action.change).join(","));
}

/** Newest virtual hardware that the mock knows. */
const NEWEST_HARDWARE_VERSION = 22;

/** Upgrades the virtual hardware of a VM that is off. */
export function upgradeHardware(world: World, request: HardwareUpgradeRequest): TaskResponse {
  const vm = ownVm(world, request.vmId, request.operation.ownerUid);
  const { targetVersion: version } = request;
  if (!Number.isInteger(version) || version > NEWEST_HARDWARE_VERSION || version < vm.hardwareVersion) {
    throw invalid(
      "targetVersion",
      `${version} is not a version from ${vm.hardwareVersion} (present) to ${NEWEST_HARDWARE_VERSION} (newest)`,
    );
  }
  if (version === vm.hardwareVersion) return {};
  if (vm.power !== "Off") {
    throw new ProviderError("Conflict", `VM ${vm.name} is ${vm.power}; switch it off to upgrade its hardware`, {
      reason: "PowerState",
    });
  }
  return { task: world.start({ type: "HardwareUpgrade", vmId: vm.id, version }, { vmId: vm.id }) };
}

/** The end of an upgrade. */
export function finishUpgrade(world: World, vmId: string, version: number): void {
  world.store.put("vms", { ...vmOf(world, vmId), hardwareVersion: version });
  world.store.effect("HardwareUpgraded", vmId, String(version));
}

/** Deep equality of plain data; order of keys does not matter, absent and `undefined` are the same. */
function same(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, inner) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  ) ?? "";
}

function withoutUndefined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Partial<T>;
}
