/** Figures over the life of many VMs: creation, rest, change, deletion. @module */
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { until } from "@virtrigaud/resilience";
import { sumOf, type WriteCounts, writesBetween } from "./api_server.ts";
import { createAll, deleteAll, namesOf, NAMESPACE, vmManifest } from "./fleet.ts";
import { percentile } from "./statistics.ts";
import { LOOKS, pause, type World } from "./world.ts";

/** What the creation of many VMs took. */
export interface Birth {
  readonly names: readonly string[];
  /** From the first request until the last VM is Ready, as a watch of the administrator sees it. */
  readonly seconds: number;
  /** Per VM, from just before its creation is sent until that watch sees it Ready. */
  readonly perVm: readonly number[];
  readonly cpuMsPerVm: number;
  readonly writesPerVm: number;
  /** The same writes, of all VMs, by verb and resource. */
  readonly writes: WriteCounts;
  readonly rpcsPerVm: number;
}

/**
 * Creates `count` VMs at once on `mock-0` and waits until all are Ready. CPU time is that of the manager process up to
 * then; writes are all that it sends until it has settled, events and failed attempts included; calls are all that the
 * provider gets, health checks included.
 */
export async function measureBirth(world: World, count: number): Promise<Birth> {
  const names = namesOf(count);
  const mock = world.mock();
  const [writes, calls, cpu] = [await world.writes(), await mock.callCount(), await world.manager.cpuMs()];
  const start = performance.now();
  const sent = await createAll(world.client, names.map((name) => vmManifest(name, "mock-0")));
  const end = await world.fleet.untilReady(count, 1_800_000);
  const [cpuThen, callsThen] = [await world.manager.cpuMs(), await mock.callCount()];
  const { readyAt } = world.fleet;
  const perVm = names.map((name) => ((readyAt.get(name) ?? end) - (sent.get(name) ?? start)) / 1000);
  await settled(world);
  const between = writesBetween(writes, await world.writes());
  return {
    names,
    seconds: (end - start) / 1000,
    perVm,
    cpuMsPerVm: (cpuThen - cpu) / count,
    writesPerVm: sumOf(between) / count,
    writes: between,
    rpcsPerVm: (callsThen - calls) / count,
  };
}

/** Longer than anything that the manager puts off: it counts users every 3 s. */
const QUIET_MS = 4_000;

/** Waits until the manager has written nothing for 4 s, but for the renewal of its lease. */
export async function settled(world: World): Promise<void> {
  let [last, since] = [-1, performance.now()];
  await until("the manager to settle", async () => {
    const { "update leases": _, ...writes } = await world.writes();
    const now = sumOf(writes);
    if (now !== last) [last, since] = [now, performance.now()];
    return performance.now() - since > QUIET_MS;
  }, LOOKS);
}

/** What VMs cost that nobody touches, per VM and minute. */
export interface Rest {
  readonly writes: number;
  readonly rpcs: number;
  readonly cpuMs: number;
}

/** Looks away for `seconds`. */
export async function measureRest(world: World, vms: number, seconds: number): Promise<Rest> {
  const mock = world.mock();
  const sample = async () =>
    [sumOf(await world.writes()), await mock.callCount(), await world.manager.cpuMs()] as const;
  const before = await sample();
  await pause(seconds * 1000);
  const after = await sample();
  const per = (index: 0 | 1 | 2) => (after[index] - before[index]) / vms / (seconds / 60);
  return { writes: per(0), rpcs: per(1), cpuMs: per(2) };
}

/**
 * Patches `powerState` to Off on `names`, one after the other. Per VM, ms: from just before the patch is sent until the
 * provider has the call, by the clock of this machine (1 ms).
 */
export async function measureSpecToRpc(world: World, names: readonly string[]): Promise<number[]> {
  const patched = new Map<string, number>();
  for (const name of names) {
    patched.set(world.fleet.get(name)?.metadata.uid ?? "", Date.now());
    const body = { spec: { powerState: "Off" } };
    await world.client.patch(VIRTUAL_MACHINES, { namespace: NAMESPACE, name }, { type: "merge", body });
    await pause(20);
  }
  const taken = new Map<string, number>();
  await until("the provider to be called for every patched VM", async () => {
    for (const { method, ownerUid, at } of (await world.mock().calls()).mutating) {
      const from = patched.get(ownerUid);
      if (method === "power" && from !== undefined && at >= from) taken.set(ownerUid, at - from);
    }
    return taken.size === patched.size;
  }, LOOKS);
  return [...taken.values()];
}

/**
 * Switches VMs off at the hypervisor, one after the other. Per VM, ms: from just before that until a watch of the
 * administrator sees a power state other than On. (The manager then switches them on again, as their spec says.)
 */
export async function measureEventToStatus(world: World, names: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const name of names) {
    const start = performance.now();
    const seen = world.fleet.until(`${name} is seen powered off`, () => {
      const power = world.fleet.get(name)?.status?.powerState;
      return power !== undefined && power !== "On";
    }, 60_000);
    const [end] = await Promise.all([seen, world.mock().powerOff(world.fleet.get(name)?.status?.id ?? "")]);
    times.push(end - start);
  }
  return times;
}

/** Deletes all; seconds until the last object is gone and the hypervisor has none of our VMs left. */
export async function measureDeletion(world: World, names: readonly string[]): Promise<number> {
  const start = performance.now();
  await deleteAll(world.client, names);
  await world.fleet.until("all VirtualMachines are gone", () => world.fleet.list().length === 0);
  await until("the hypervisor to be empty", async () => (await world.mock().vms()).length === 0, LOOKS);
  return (performance.now() - start) / 1000;
}

/** Figures that come from one world: see `figures.ts`. */
export async function measureLife(
  world: World,
  size: { readonly vms: number; readonly samples: number; readonly idleSeconds: number },
  tell: (details: object) => void,
) {
  const rss0 = await world.manager.rssMib();
  const birth = await measureBirth(world, size.vms);
  tell({ "writes of the manager": birth.writes });
  const rest = await measureRest(world, size.vms, size.idleSeconds);
  const rss = await world.manager.rssMib();
  const step = Math.max(1, Math.floor(birth.names.length / size.samples / 2));
  const chosen = birth.names.filter((_, index) => index % step === 0);
  const patched = chosen.filter((_, index) => index % 2 === 0).slice(0, size.samples);
  const switched = chosen.filter((_, index) => index % 2 === 1).slice(0, size.samples);
  const specToRpc = await measureSpecToRpc(world, patched);
  await settled(world);
  const eventToStatus = await measureEventToStatus(world, switched);
  await settled(world);
  return {
    ready_1000_s: birth.seconds,
    ready_p50_s: percentile(birth.perVm, 0.5),
    ready_p99_s: percentile(birth.perVm, 0.99),
    manager_cpu_ms_per_vm: birth.cpuMsPerVm,
    writes_per_vm: birth.writesPerVm,
    rpcs_per_vm: birth.rpcsPerVm,
    idle_writes_per_vm_min: rest.writes,
    idle_rpcs_per_vm_min: rest.rpcs,
    idle_cpu_ms_per_vm_min: rest.cpuMs,
    spec_to_rpc_p50_ms: percentile(specToRpc, 0.5),
    spec_to_rpc_p99_ms: percentile(specToRpc, 0.99),
    event_to_status_p99_ms: percentile(eventToStatus, 0.99),
    delete_1000_s: await measureDeletion(world, birth.names),
    rss_mb_0: rss0,
    rss_mb_1000: rss,
  };
}
