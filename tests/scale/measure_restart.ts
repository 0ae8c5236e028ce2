/** Figures with very many VMs: memory, and how soon a manager that starts acts. @module */
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { createAll, namesOf, NAMESPACE, vmManifest } from "./fleet.ts";
import { settled } from "./measure_life.ts";
import { until, type World } from "./world.ts";

/** Creates `count` VMs on `mock-0`, waits until all are Ready and the manager has settled. Seconds up to Ready. */
export async function populate(world: World, count: number): Promise<number> {
  const start = performance.now();
  await createAll(world.client, namesOf(count).map((name) => vmManifest(name, "mock-0")));
  const end = await world.fleet.untilReady(count, 1_800_000);
  await settled(world);
  return (end - start) / 1000;
}

/**
 * Kills the acting manager (kill -9), changes `powerState` of one VM, and starts another with `args`, or leaves it to the
 * stand-by if there is one. Seconds from the start of that process (with a stand-by: from the kill) until the provider
 * is called for the changed VM.
 */
export async function measureRestart(
  world: World,
  name: string,
  options: { readonly standBy: boolean },
): Promise<number> {
  const uid = world.fleet.get(name)?.metadata.uid;
  const powerState = world.fleet.get(name)?.spec.powerState === "Off" ? "On" : "Off";
  const killed = Date.now();
  await world.endManager(world.manager, "SIGKILL");
  const change = { type: "merge", body: { spec: { powerState } } } as const;
  await world.client.patch(VIRTUAL_MACHINES, { namespace: NAMESPACE, name }, change);
  const start = options.standBy ? killed : Date.now();
  if (!options.standBy) world.startManager();
  let called = Number.NaN;
  await until("the changed VM is acted on", async () => {
    const { mutating } = await world.mock().calls();
    called = mutating.find((call) => call.ownerUid === uid && call.method === "power" && call.at >= start)?.at ?? NaN;
    return !Number.isNaN(called);
  });
  return (called - start) / 1000;
}
