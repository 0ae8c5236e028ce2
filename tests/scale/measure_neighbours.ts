/** What a provider that hangs costs those beside it. @module */
import { createAll, namesOf, vmManifest } from "./fleet.ts";
import { median, percentile } from "./statistics.ts";
import { pause, type World } from "./world.ts";

/** Load of one run. */
export interface Neighbourhood {
  readonly providers: number;
  readonly vmsPerProvider: number;
  /** Whether `mock-0` hangs. */
  readonly sick: boolean;
  /** VMs on `mock-0`. Default as many as on each other. */
  readonly sickVms?: number;
}

/**
 * Creates one VM on each provider first, so that no process is measured while it still compiles itself.
 *
 * Then creates VMs on all providers at once, those of `mock-0` first, so that they stand in front of everybody else. Seconds
 * per VM of the other providers, from its creation until it is Ready.
 */
export async function measureNeighbours(world: World, load: Neighbourhood): Promise<number[]> {
  const { providers, vmsPerProvider, sick, sickVms = vmsPerProvider } = load;
  const first = namesOf(providers, "first");
  await createAll(world.client, first.map((name, index) => vmManifest(name, `mock-${index}`)));
  await world.fleet.untilReady(providers);
  await pause(1_000);
  if (sick) await world.mock(0).hang();
  const vms = Array.from(
    { length: providers },
    (_, provider) =>
      namesOf(provider === 0 ? sickVms : vmsPerProvider, `p${provider}`)
        .map((name) => vmManifest(name, `mock-${provider}`)),
  );
  const healthy = vms.slice(1).flat().map(({ metadata: { name } }) => name);
  const sent = await createAll(world.client, vms.flat());
  const { readyAt } = world.fleet;
  await world.fleet.until("all VMs of healthy providers are Ready", () => healthy.every((name) => readyAt.has(name)));
  return healthy.map((name) => ((readyAt.get(name) ?? NaN) - (sent.get(name) ?? NaN)) / 1000);
}

/**
 * p99 with a sick provider over p99 without, the median of `pairs`: one run of each right after the other, in turns the
 * one or the other first, so that what else goes on at the machine falls on both.
 */
export async function delayRatio(pairs: number, run: (sick: boolean) => Promise<number[]>): Promise<number> {
  const ratios: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const sickFirst = pair % 2 === 1;
    const p99 = async (sick: boolean) => percentile(await run(sick), 0.99);
    const [one, two] = [await p99(sickFirst), await p99(!sickFirst)];
    ratios.push(sickFirst ? one / two : two / one);
  }
  return median(ratios);
}
