/** What a provider that hangs costs those beside it. @module */
import { createAll, namesOf, vmManifest } from "./fleet.ts";
import { percentile } from "./statistics.ts";
import type { World } from "./world.ts";

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
 * Creates VMs on all providers at once, those of `mock-0` first, so that they stand in front of everybody else. Seconds
 * per VM of the other providers, from its creation until it is Ready.
 */
export async function measureNeighbours(world: World, load: Neighbourhood): Promise<number[]> {
  const { providers, vmsPerProvider, sick, sickVms = vmsPerProvider } = load;
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

/** p99 with a sick provider and without. */
export function delayRatio(sick: readonly number[], well: readonly number[]): number {
  return percentile(sick, 0.99) / percentile(well, 0.99);
}
