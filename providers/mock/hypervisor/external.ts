/** What somebody else does to the hypervisor behind our back. @module */
import { ProviderError } from "@virtrigaud/contract";
import { DEFAULT_HARDWARE_VERSION, removeVm } from "./lifecycle.ts";
import { startBoot } from "./power.ts";
import { storePath, vmOf, volumeOf, type World } from "./world.ts";

/** A change from outside. Locks and marks do not hinder it. */
export type ExternalChange =
  | { readonly type: "PowerOn"; readonly vmId: string }
  | { readonly type: "PowerOff"; readonly vmId: string }
  | { readonly type: "Delete"; readonly vmId: string }
  | { readonly type: "Rename"; readonly vmId: string; readonly name: string }
  | { readonly type: "Resize"; readonly vmId: string; readonly cpus?: number; readonly memoryMib?: number }
  /** Somebody copies a VM with everything that is written into it, its mark too. */
  | { readonly type: "Duplicate"; readonly vmId: string; readonly name: string }
  /** A VM that is not ours appears. */
  | { readonly type: "AddForeignVm"; readonly name: string; readonly poweredOn?: boolean };

/** Makes the change. Returns the id of the VM that it is about. */
export function applyExternal(world: World, change: ExternalChange): string {
  const { store } = world;
  const name = "name" in change ? change.name : undefined;
  if (name !== undefined && store.vmByName(name) !== undefined) {
    throw new ProviderError("Conflict", `a VM named ${name} exists already`, { reason: "NameConflict" });
  }
  switch (change.type) {
    case "PowerOn":
      startBoot(world, vmOf(world, change.vmId));
      return change.vmId;
    case "PowerOff": {
      const vm = vmOf(world, change.vmId);
      store.put("vms", { ...vm, power: "Off", guest: { ...vm.guest, state: "Down" } });
      store.effect("PoweredOff", vm.id, "external");
      return vm.id;
    }
    case "Delete":
      vmOf(world, change.vmId);
      removeVm(world, change.vmId);
      return change.vmId;
    case "Rename":
      store.put("vms", { ...vmOf(world, change.vmId), name: change.name });
      store.effect("Renamed", change.vmId, change.name);
      return change.vmId;
    case "Resize": {
      const vm = vmOf(world, change.vmId);
      const { cpus = vm.hardware.cpus, memoryMib = vm.hardware.memoryMib } = change;
      store.put("vms", { ...vm, hardware: { ...vm.hardware, cpus, memoryMib } });
      store.effect("Reconfigured", vm.id, "external");
      return vm.id;
    }
    case "Duplicate":
      return duplicate(world, change.vmId, change.name);
    case "AddForeignVm":
      return addForeignVm(world, change.name, change.poweredOn ?? false);
  }
}

function duplicate(world: World, vmId: string, name: string): string {
  const { store } = world;
  const { lockedBy: _lock, createdBy: _task, currentSnapshot: _snapshot, ...vm } = vmOf(world, vmId);
  const id = world.id("vm");
  const disks = vm.disks.map((disk) => {
    const volumeId = world.id("vol");
    const { path: _path, ...volume } = volumeOf(world, disk.volumeId);
    const copy = `${id}-${disk.name}`;
    const path = storePath(volume.pool, copy, volume.format);
    store.put("volumes", { ...volume, id: volumeId, name: copy, path, vmId: id });
    return { ...disk, volumeId };
  });
  const nics = vm.nics.map((nic, index) => ({ ...nic, mac: `52:54:01:${macTail(id, index)}` }));
  const guest = { ...vm.guest, state: "Down", addresses: {} } as const;
  store.put("vms", { ...vm, id, name, power: "Off", transitional: false, disks, nics, guest });
  store.effect("VmCreated", id, name);
  return id;
}

/** Three bytes that differ between VMs and between their cards. */
function macTail(vmId: string, card: number): string {
  return [vmId.slice(-4, -2), vmId.slice(-2), card.toString(16).padStart(2, "0")].join(":");
}

function addForeignVm(world: World, name: string, poweredOn: boolean): string {
  const { store, options } = world;
  const id = world.id("vm");
  const pool = options.pools[0] ?? "default";
  const volumeId = world.id("vol");
  const network = options.networks[0] ?? "default";
  store.put("volumes", {
    id: volumeId,
    name: `${name}-disk`,
    pool,
    path: storePath(pool, `${name}-disk`, "qcow2"),
    sizeGib: 10,
    type: "thin",
    format: "qcow2",
    vmId: id,
    content: `foreign/${name}`,
  });
  const number = store.next("foreign");
  const mac = `52:54:00:ff:${(number >> 8).toString(16).padStart(2, "0")}:${
    (number & 255).toString(16).padStart(2, "0")
  }`;
  store.put("vms", {
    id,
    name,
    power: "Off",
    transitional: false,
    hardware: { cpus: 2, memoryMib: 4096, firmware: "BIOS" },
    hardwareVersion: DEFAULT_HARDWARE_VERSION,
    disks: [{ name: "root", volumeId }],
    nics: [{ spec: { name: "nic0", addresses: [] }, mac, network }],
    placement: { host: options.hosts[0] ?? "mock-host-1", cluster: options.cluster, datastore: pool },
    tags: [],
    guest: {
      state: "Down",
      bootNumber: 0,
      hostname: name,
      addresses: {},
      agentInstalled: true,
      ignoresShutdown: false,
      withoutAddress: false,
    },
    pending: [],
  });
  store.effect("ForeignVmAdded", id, name);
  if (poweredOn) startBoot(world, vmOf(world, id));
  return id;
}
