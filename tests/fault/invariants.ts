/** What has to hold: at every moment, and once all faults are over. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import { CATALOG, type CatalogKind } from "./world/catalog.ts";
import type { World } from "./world/world.ts";

/** What is wrong at this very moment, whatever is going on. */
export function brokenNow(world: World): string[] {
  const { vms, volumes } = world.provider.hypervisor;
  const broken = [...world.broken];
  const owners = vms.flatMap(({ ownerUid }) => ownerUid ?? []);
  const { copies } = world.ownership;
  for (const owner of new Set(owners)) {
    const count = vms.filter(({ ownerUid, id }) => ownerUid === owner && !copies.has(id)).length;
    if (count > 1) broken.push(`${count} VMs carry the mark of ${owner}`);
  }
  const used = new Set(vms.flatMap(({ disks }) => disks.map(({ volumeId }) => volumeId)));
  for (const { id, vmId, name } of volumes) {
    if (vmId !== undefined && !used.has(id)) broken.push(`volume ${name} was left behind by ${vmId}`);
  }
  const foreign = vms.filter(({ ownerUid }) => ownerUid === undefined);
  if (!foreign.some(({ name }) => name === "demo-vm-1")) broken.push("the VM of somebody else, demo-vm-1, was removed");
  for (const id of world.ownership.foreign) {
    if (!foreign.some((vm) => vm.id === id)) broken.push(`the VM of somebody else, ${id}, was taken over or removed`);
  }
  return broken;
}

/** What is wrong in a system without faults that had time enough. */
export function brokenAtRest(world: World): string[] {
  const broken = brokenNow(world);
  const { vms, world: { store } } = world.provider.hypervisor;
  for (const { state, id } of store.list("tasks")) if (state === "Running") broken.push(`task ${id} is under way`);
  const objects = world.vms();
  for (const object of objects) broken.push(...brokenObject(world, object));
  broken.push(...brokenCatalog(world));
  for (const { ownerUid, id, name } of vms) {
    if (ownerUid === undefined || world.ownership.isReleased(ownerUid) || world.ownership.copies.has(id)) continue;
    if (!objects.some(({ metadata }) => metadata.uid === ownerUid)) {
      broken.push(`VM ${name} (${id}) of ${ownerUid} is an orphan: its object is gone`);
    }
  }
  return broken;
}

function brokenObject(world: World, object: VirtualMachine): string[] {
  const { metadata, spec, status } = object;
  const uid = metadata.uid ?? "";
  const say = (what: string) => `VM ${metadata.name}: ${what} (status: ${JSON.stringify(status)})`;
  // While its provider cannot be asked, a VM stays what it was last known to be.
  if (world.isSpoilt("provider") || world.isSpoilt("secret")) return [];
  if (metadata.deletionTimestamp !== undefined) {
    // Its hypervisor has lost it, and the Provider that could have said so is gone: a person has to.
    const provider = world.catalog("provider").find(({ metadata: { name } }) => name === spec.providerRef.name);
    const isReplaced = provider !== undefined && provider.metadata.uid !== status?.providerUID;
    return isReplaced && world.ownership.isLost(uid) ? [] : [say("is still being deleted")];
  }
  const { hypervisor } = world.provider;
  const ours = hypervisor.vms.filter(({ ownerUid }) => ownerUid === uid);
  const machine = ours.find(({ id }) => id === status?.id) ?? ours.find(({ id }) => !world.ownership.copies.has(id)) ??
    ours[0];
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  if (ready === undefined || ready.observedGeneration !== metadata.generation) {
    return [say("Ready does not speak of its generation")];
  }
  if (ready.status === "False" && ready.reason !== "TaskInProgress" && (blocked(world, object) || isRefused(object))) {
    return [];
  }
  if (machine === undefined) {
    if (ready.reason === "Missing" && world.ownership.isLost(uid)) return [];
    if (ready.status === "False" && foreignHolds(world, object)) return [];
    return [say("has no VM and does not say why")];
  }
  if (status?.operation !== undefined) return [say("still waits for a task")];
  // A change that nobody asked for is not undone at the price of an outage that nobody asked for.
  if (ready.reason === "ReconfigurePendingPowerCycle" && world.ownership.isResized(uid)) return [];
  // Renamed behind our back, and somebody else has its name now: it cannot have it back, and nothing else is forced.
  if (ready.reason === "NameConflict" && foreignHolds(world, object)) return [];
  const broken: string[] = [];
  if (ready.status !== "True") broken.push(say("is not Ready"));
  if (status?.id !== machine.id) broken.push(say(`does not name its VM, ${machine.id}`));
  const wanted = (spec.powerState ?? "On") === "On" ? "On" : "Off";
  if (machine.power !== wanted) broken.push(say(`is ${machine.power}, asked for ${wanted}`));
  if (status?.powerState !== machine.power) broken.push(say(`is ${machine.power} at the hypervisor`));
  const cpus = spec.classRef.name === "large" ? 2 : 1;
  if (machine.hardware.cpus !== cpus) broken.push(say(`has ${machine.hardware.cpus} CPUs, asked for ${cpus}`));
  const userData = world.wantedUserData(object);
  const isHeld = status?.conditions?.some(({ type }) => type === "UserDataHeld") === true;
  if (isHeld !== (userData === undefined)) broken.push(say(`user-data is ${isHeld ? "" : "not "}held`));
  const hostname = /hostname: (\w+)/.exec(userData ?? "")?.[1] ?? metadata.name;
  const told = machine.nextHostname ?? machine.guest.hostname;
  if (userData !== undefined && told !== hostname) broken.push(say(`its guest is told ${told}, asked for ${hostname}`));
  for (const { name = "", sizeGiB } of spec.disks ?? []) {
    const disk = machine.disks.find((each) => each.name === name);
    const volume = hypervisor.volumes.find(({ id }) => id === disk?.volumeId);
    if (volume?.sizeGib !== sizeGiB) broken.push(say(`disk ${name} has ${volume?.sizeGib} GiB, asked for ${sizeGiB}`));
  }
  return broken;
}

function foreignHolds(world: World, { metadata }: VirtualMachine): boolean {
  return world.provider.hypervisor.vms.some(({ name, ownerUid }) =>
    name === metadata.name && ownerUid !== metadata.uid
  );
}

/** Something that it refers to is missing or cannot be used, so that not all of it can be as asked. */
function blocked(world: World, object: VirtualMachine): boolean {
  const { spec } = object;
  return world.isSpoilt("image") || (object.status?.id === undefined && world.wantedUserData(object) === undefined) ||
    (spec.classRef.name === CATALOG.class.name && world.isSpoilt("class")) ||
    (spec.networks?.some(({ name }) => name === CATALOG.network.name) === true && world.isSpoilt("network"));
}

/** The provider has called a part of it impossible: only another wish makes it try again. */
function isRefused({ status }: VirtualMachine): boolean {
  return status?.failures?.some(({ retryAfter, class: refused }) =>
    retryAfter === undefined && (refused === "InvalidSpec" || refused === "NotSupported")
  ) === true;
}

/** The objects that VMs refer to, and what is run for the Provider. */
function brokenCatalog(world: World): string[] {
  const users = (uses: (vm: VirtualMachine) => boolean) => world.vms().filter(uses).length;
  const counts: Readonly<Record<string, (name: string) => number>> = {
    class: (name) => users(({ spec }) => spec.classRef.name === name),
    image: (name) => users(({ spec }) => spec.imageRef?.name === name),
    network: (name) => users(({ spec }) => spec.networks?.some(({ networkRef }) => networkRef?.name === name) === true),
    provider: () => world.vms().length,
  };
  const broken: string[] = [];
  for (const [kind, count] of Object.entries(counts)) {
    for (const object of world.catalog(kind as CatalogKind)) {
      const { metadata, status } = object;
      const { name, generation, deletionTimestamp } = metadata;
      const say = (what: string) => broken.push(`${kind} ${name}: ${what} (status: ${JSON.stringify(status)})`);
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      if (deletionTimestamp !== undefined && count(name) === 0) say("is still being deleted although nobody uses it");
      if (count(name) > 0 && deletionTimestamp === undefined && (metadata.finalizers ?? []).length === 0) {
        say("is used and not protected");
      }
      if ((status?.usedByVMs ?? status?.connectedVMs ?? 0) !== count(name)) {
        say(`does not count its ${count(name)} VMs`);
      }
      if (ready?.observedGeneration !== generation) say("Ready does not speak of its generation");
      const spoilt = name === CATALOG[kind as CatalogKind].name && world.isSpoilt(kind as CatalogKind);
      const fine = !spoilt && deletionTimestamp === undefined && (kind !== "provider" || !world.isSpoilt("secret"));
      if ((ready?.status === "True") !== fine) say(`Ready is ${ready?.status}, and it is ${fine ? "" : "not "}fine`);
    }
  }
  return broken;
}
