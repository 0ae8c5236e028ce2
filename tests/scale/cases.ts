/**
 * What broke the reference implementation, done to this one: each case returns what there is to count afterwards. Short
 * forms run with the tests, long ones (`deno task campaign`) in the reference's own numbers.
 *
 * @module
 */
import { getCondition } from "@virtrigaud/runtime";
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { until } from "@virtrigaud/resilience";
import { createAll, deleteAll, inParallel, namesOf, NAMESPACE, vmManifest } from "./fleet.ts";
import { settled } from "./measure_life.ts";
import { measureNeighbours } from "./measure_neighbours.ts";
import { electLeader, measureFailover, populate } from "./measure_restart.ts";
import { LOOKS, pause, World } from "./world.ts";

/** What a case ends with. */
export interface CaseResult {
  readonly objects: number;
  readonly ready: number;
  /** Our VMs at the hypervisor. */
  readonly machines: number;
  /** VMs whose owner has another VM too, or no object. */
  readonly surplus: number;
}

async function resultOf(world: World): Promise<CaseResult> {
  const machines = await world.mock().vms();
  const owners = new Set(world.fleet.list().map(({ metadata }) => metadata.uid));
  const owned = new Set(machines.map(({ ownerUid }) => ownerUid).filter((uid) => owners.has(uid)));
  return {
    objects: owners.size,
    ready: world.fleet.readyAt.size,
    machines: machines.length,
    surplus: machines.length - owned.size,
  };
}

/** kill -9 of manager and provider while `count` VMs are being created; both are started again. */
export async function killedDuringCreates(count: number): Promise<CaseResult> {
  // Slow enough for every kill to hit something under way.
  const providerEnv = { MOCK_TASK_LATENCY: "1000", MOCK_LATENCY: "50" };
  await using world = await World.start({ persistent: true, providerEnv });
  const creating = createAll(world.client, namesOf(count).map((name) => vmManifest(name, "mock-0")));
  const some = (share: number) =>
    until("some VMs", async () => (await world.mock().vms()).length >= share * count, LOOKS);
  await some(0.1);
  await world.endManager(world.manager, "SIGKILL");
  world.startManager();
  await some(0.4);
  await world.killProvider();
  await some(0.7);
  await world.endManager(world.manager, "SIGKILL");
  world.startManager();
  await creating;
  await world.fleet.untilReady(count);
  return await resultOf(world);
}

/** `count` VMs are created, and each object is annotated a second later, in the middle of its creation. */
export async function annotatedDuringCreates(count: number): Promise<CaseResult> {
  await using world = await World.start({ providerEnv: { MOCK_TASK_LATENCY: "2000" } });
  const names = namesOf(count);
  await createAll(world.client, names.map((name) => vmManifest(name, "mock-0")));
  await pause(1_000);
  await inParallel(names, async (name) => {
    const body = { metadata: { annotations: { "example.com/touched": "yes" } } };
    await world.client.patch(VIRTUAL_MACHINES, { namespace: NAMESPACE, name }, { type: "merge", body });
  });
  await world.fleet.untilReady(count);
  await settled(world);
  return await resultOf(world);
}

/** A provider with `count` Ready VMs comes back with empty memory. `held`: objects that say that their VM is missing. */
export async function memoryLost(count: number): Promise<CaseResult & { readonly held: number }> {
  await using world = await World.start();
  await createAll(world.client, namesOf(count).map((name) => vmManifest(name, "mock-0")));
  await world.fleet.untilReady(count);
  await settled(world);
  await world.killProvider();
  const held = () =>
    world.fleet.list().filter(({ status }) => getCondition(status?.conditions, "Ready")?.reason === "Missing").length;
  await world.fleet.until("all VMs are known to be missing", () => held() === count, 90_000);
  await settled(world);
  return { ...await resultOf(world), held: held() };
}

/** Short enough for many calls to time out while the provider hangs: that is what must not pass for an answer. */
const IMPATIENT = {
  RPC_TIMEOUT_DESCRIBE: "1s",
  RPC_TIMEOUT_MUTATING: "1s",
  RPC_TIMEOUT_TASK_STATUS: "1s",
  CB_RESET_SECONDS: "2",
} as const;

/**
 * `count` objects are deleted while their provider does not answer; later it does. `waited`: objects that were still
 * there when many calls had timed out.
 */
export async function deletedWhileHanging(count: number): Promise<CaseResult & { readonly waited: number }> {
  await using world = await World.start({ managerEnv: IMPATIENT });
  const names = namesOf(count);
  await createAll(world.client, names.map((name) => vmManifest(name, "mock-0")));
  await world.fleet.untilReady(count);
  await settled(world);
  await world.mock().hang();
  await deleteAll(world.client, names);
  await pause(8_000);
  const waited = world.fleet.list().length;
  await world.mock().heal();
  await world.fleet.until("all objects are gone", () => world.fleet.list().length === 0);
  return { ...await resultOf(world), waited };
}

/** `sickVms` VMs on a provider that hangs, created just before `count` on a healthy one; and these without the former. */
export async function besideDeadProvider(sickVms: number, count: number): Promise<{ sick: number[]; well: number[] }> {
  const load = { providers: 2, vmsPerProvider: count, sickVms };
  const run = async (sick: boolean) => {
    await using world = await World.start({ providers: 2 });
    return await measureNeighbours(world, { ...load, sick, ...(sick ? {} : { sickVms: 0 }) });
  };
  return { well: await run(false), sick: await run(true) };
}

/**
 * Two managers elect a leader, `count` VMs are there; kill -9 of the leader while a VM changes and another is created.
 * `seconds`: from the kill until the stand-by has the provider called. `seen`: it saw the end of the leader, and did not
 * wait for that of its lease.
 */
export async function leaderKilled(
  count: number,
): Promise<CaseResult & { readonly seconds: number; readonly seen: boolean }> {
  await using world = await World.start();
  await populate(world, count);
  await electLeader(world);
  const [last = ""] = namesOf(count).slice(-1);
  const creating = createAll(world.client, [vmManifest("late", "mock-0")]);
  const seconds = await measureFailover(world, last);
  await creating;
  await world.fleet.untilReady(count + 1);
  await settled(world);
  const seen = (await Deno.readTextFile(`${world.folder}/manager.log`)).includes("the holder of the lease has ended");
  return { ...await resultOf(world), seconds, seen };
}
