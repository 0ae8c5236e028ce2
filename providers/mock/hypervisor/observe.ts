/** A VM as the contract reports it. @module */
import { isIP } from "node:net";
import type { ObservedMachine, ObservedSnapshot } from "@virtrigaud/contract";
import { addressesOf } from "./guest.ts";
import type { VmRecord } from "./model.ts";
import { volumeOf, type World } from "./world.ts";

/** Reports `vm` as it is now. */
export function observe(world: World, vm: VmRecord): ObservedMachine {
  const nics = vm.nics.map((nic) => ({
    name: nic.spec.name,
    mac: nic.mac,
    network: nic.network,
    ips: addressesOf(vm, nic),
    connected: vm.power === "On",
  }));
  const ips = nics.flatMap((nic) => nic.ips);
  const up = vm.power === "On" && vm.guest.state === "Up";
  return {
    id: vm.id,
    name: vm.name,
    ...vm.ownerUid === undefined ? {} : { ownerUid: vm.ownerUid },
    power: vm.transitional ? "Transitional" : vm.power,
    cpus: vm.hardware.cpus,
    memoryMib: vm.hardware.memoryMib,
    disks: vm.disks.map(({ name, volumeId }) => {
      const { sizeGib, format, path } = volumeOf(world, volumeId);
      return { name, id: volumeId, sizeGib, format, path };
    }),
    nics,
    ips: [...ips.filter((ip) => isIP(ip) === 4), ...ips.filter((ip) => isIP(ip) !== 4)],
    guest: !vm.guest.agentInstalled
      ? { agent: "NotInstalled" }
      : up
      ? { agent: "Running", hostname: vm.guest.hostname, os: "mock-linux" }
      : { agent: "NotRunning" },
    placement: { host: vm.placement.host, cluster: vm.placement.cluster, datastore: vm.placement.datastore },
    pendingPowerCycle: vm.pending,
    ...vm.guestInitDigest === undefined ? {} : { guestInitDigest: vm.guestInitDigest },
    details: {
      hardwareVersion: String(vm.hardwareVersion),
      ...vm.placement.folder === undefined ? {} : { folder: vm.placement.folder },
      ...vm.placement.resourcePool === undefined ? {} : { resourcePool: vm.placement.resourcePool },
    },
  };
}

/** All snapshots of a VM that are complete, oldest first. */
export function observeSnapshots(world: World, vm: VmRecord): ObservedSnapshot[] {
  return [...world.store.list("snapshots")]
    .filter((snapshot) => snapshot.vmId === vm.id && snapshot.ready)
    .map(({ id, name, description, parentId, createdAt, memory }) => ({
      id,
      name,
      ...description === undefined ? {} : { description },
      ...parentId === undefined ? {} : { parentId },
      createdAt: new Date(createdAt).toISOString(),
      hasMemory: memory,
      current: vm.currentSnapshot === id,
    }));
}
