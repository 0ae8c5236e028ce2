/** Figures with very many VMs: memory, and how soon a manager that starts or takes over acts. @module */
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { until } from "@virtrigaud/resilience";
import { createAll, namesOf, NAMESPACE, vmManifest } from "./fleet.ts";
import { settled } from "./measure_life.ts";
import { freePorts, LOOKS, pause, type World } from "./world.ts";

/** Creates `count` VMs on `mock-0`, waits until all are Ready and the manager has settled. Seconds up to Ready. */
export async function populate(world: World, count: number): Promise<number> {
  const start = performance.now();
  await createAll(world.client, namesOf(count).map((name) => vmManifest(name, "mock-0")));
  const end = await world.fleet.untilReady(count, 1_800_000);
  await settled(world);
  return (end - start) / 1000;
}

/** Kills the manager (kill -9), changes a VM and starts a manager again. Seconds from that start, see below. */
export async function measureRestart(world: World, name: string): Promise<number> {
  await world.endManager(world.manager, "SIGKILL");
  await change(world, name);
  const start = Date.now();
  world.startManager();
  return await secondsUntilActed(world, name, start);
}

/** Replaces the manager of `world` by two that elect a leader; returns when one leads and the other is ready to. */
export async function electLeader(world: World): Promise<void> {
  await world.endManager();
  for (const [index, port] of freePorts(2).entries()) {
    world.startManager(["--leader-elect", `--health-probe-bind-address=127.0.0.1:${port}`]);
    await until("the manager to be ready", async () => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`);
      await response.body?.cancel();
      return response.ok;
    }, LOOKS);
    // The first acts: its writes show that it leads. The second looks at the lease every two seconds.
    if (index === 0) await settled(world);
    else await pause(STANDBY_MS);
  }
}

/** Two looks at the lease. */
const STANDBY_MS = 5_000;

/** Kills the leader (kill -9) and changes a VM. Seconds from that kill, see below. */
export async function measureFailover(world: World, name: string): Promise<number> {
  const killed = Date.now();
  await world.endManager(world.manager, "SIGKILL");
  await change(world, name);
  return await secondsUntilActed(world, name, killed);
}

async function change(world: World, name: string): Promise<void> {
  const powerState = world.fleet.get(name)?.spec.powerState === "Off" ? "On" : "Off";
  const patch = { type: "merge", body: { spec: { powerState } } } as const;
  await world.client.patch(VIRTUAL_MACHINES, { namespace: NAMESPACE, name }, patch);
}

/** Seconds from `start` until the provider is called to switch a VM, by the clock of this machine. */
async function secondsUntilActed(world: World, name: string, start: number): Promise<number> {
  const uid = world.fleet.get(name)?.metadata.uid;
  let called = Number.NaN;
  await until("the changed VM to be acted on", async () => {
    const { mutating } = await world.mock().calls();
    called = mutating.find((call) => call.ownerUid === uid && call.method === "power" && call.at >= start)?.at ?? NaN;
    return !Number.isNaN(called);
  }, LOOKS);
  return (called - start) / 1000;
}
