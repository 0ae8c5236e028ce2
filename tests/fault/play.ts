/** Plays a script against a new system, lets it come to rest, and judges it. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import { brokenAtRest, brokenNow } from "./invariants.ts";
import { type Step, take } from "./steps.ts";
import { CATALOG_KINDS } from "./world/catalog.ts";
import { type CatalogObject, World } from "./world/world.ts";

/** What came of a script. */
export interface Verdict {
  /** Nothing, when every promise was kept. */
  readonly broken: readonly string[];
  /** Index of the step after which a promise was broken; absent when that showed at rest. */
  readonly after?: number;
}

const isReady = ({ status }: Pick<VirtualMachine, "status"> | CatalogObject): boolean =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;

/** Longest time, in fake milliseconds, that a system without faults may need to come to rest. */
const PATIENCE_MS = 3 * 3_600_000;
/** How long it has to stay quiet then. */
const QUIET_MS = 5 * 60_000;

/** Plays `script`. The same script and seed give the same run. */
export async function play(script: readonly Step[], seed: number): Promise<Verdict> {
  const world = new World(seed);
  try {
    await world.startManager();
    await world.advance(5_000);
    for (const [after, step] of script.entries()) {
      await take(world, step);
      await world.clock.settle();
      const broken = brokenNow(world);
      if (broken.length > 0) return { broken, after };
    }
    return { broken: await judge(world) };
  } finally {
    await world.close();
  }
}

/** Takes all faults away, waits for rest and says what is wrong then. */
export async function judge(world: World): Promise<string[]> {
  world.api.heal();
  world.networkFaults.length = 0;
  world.provider.faults.clear();
  // A task that hangs ends when its hypervisor is started anew.
  world.restartProvider();
  const broken = await rest(world);
  if (broken.length > 0 || !CATALOG_KINDS.some((kind) => world.isSpoilt(kind))) return broken;
  // Whatever users did wrong: when they put it right, all comes right.
  for (const kind of CATALOG_KINDS) world.restore(kind);
  return await rest(world);
}

async function rest(world: World): Promise<string[]> {
  let broken = ["nothing has happened yet"];
  for (let waited = 0, step = 1_000; waited < PATIENCE_MS && broken.length > 0; waited += step, step *= 2) {
    await world.advance(step);
    broken = brokenAtRest(world);
    if (brokenNow(world).length > 0) break;
  }
  return broken.length > 0 ? broken : await restlessness(world);
}

/** What a system at rest does although nothing changes; a new manager, which looks at everything, changes nothing too. */
async function restlessness(world: World): Promise<string[]> {
  const countBlocked = () => world.vms().filter(({ status }) => (status?.failures ?? []).length > 0).length;
  const blockedBefore = countBlocked();
  // What is settled may still be written down: events are sent a little later.
  await world.advance(60_000);
  const { api } = world;
  const [mutations, requests] = [world.mutations, api.requests.length];
  // One that cannot go on tries again after a restart, which shows; only who is content has to stay silent.
  if ([...world.vms(), ...world.catalog("provider")].every(isReady)) {
    world.managers.forEach((manager) => manager.kill());
  }
  await world.advance(QUIET_MS);
  const writes = api.requests.slice(requests).filter(({ verb, plural }) =>
    plural !== "leases" && !["get", "list", "watch", "other"].includes(verb)
  );
  // What stands in the way at the hypervisor (a name that is taken) is tried again, slowly, and may succeed; that is no
  // unrest.
  const blocked = Math.max(blockedBefore, countBlocked());
  if (blocked > 0 && writes.length <= blocked * QUIET_MS / 60_000) return brokenAtRest(world);
  return [
    ...brokenAtRest(world),
    ...(world.mutations > mutations ? [`${world.mutations - mutations} mutating RPCs at rest`] : []),
    ...(writes.length > 0 ? [`writes at rest: ${writes.map(({ verb, path }) => `${verb} ${path}`).join(", ")}`] : []),
  ];
}
