/** The whole bench: every figure, one world after the other. @module */
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { type BenchSize, type FigureName, FIGURES, type Figures } from "./figures.ts";
import { measureBirth, measureLife } from "./measure_life.ts";
import { delayRatio, measureNeighbours } from "./measure_neighbours.ts";
import { measureRestart, populate } from "./measure_restart.ts";
import { World, type WorldOptions } from "./world.ts";

/** Options of {@linkcode runBench}. */
export interface BenchOptions {
  readonly size: BenchSize;
  /** Variables of the provider processes: how long tasks take. */
  readonly providerEnv: Readonly<Record<string, string>>;
  /** Told what is being measured, and what does not go into a figure. */
  readonly say: (line: string) => void;
}

/** Tasks of 200 ms. */
export const QUICK_TASKS = { MOCK_TASK_LATENCY: "200" } as const;
/** What the reference's mock takes: 2 s for Create, 1 s until a VM runs. */
export const SLOW_TASKS = { MOCK_TASK_LATENCY: "2000", MOCK_BOOT_LATENCY: "1000" } as const;

/** Measures everything. Takes about 15 minutes in full size. */
export async function runBench({ size, providerEnv, say }: BenchOptions): Promise<Figures> {
  const tell = (figures: object) => say(`  ${JSON.stringify(figures)}`);
  const within = async <T>(what: string, options: WorldOptions, measure: (world: World) => Promise<T>): Promise<T> => {
    say(what);
    await using world = await World.start({ providerEnv, ...options });
    return await measure(world);
  };

  const life = await within(`life of ${size.vms} VMs, embedded`, {}, (world) => measureLife(world, size));
  tell(life);

  const why = await kubernetesRig.unavailable();
  if (why !== undefined) say(`ready_1000_kube_s cannot be measured here: ${why}`);
  const kube = why !== undefined ? null : await within(
    `birth of ${size.vms} VMs, kube-apiserver`,
    { plane: "kubernetes" },
    async (world) => {
      const { seconds, writesPerVm } = await measureBirth(world, size.vms);
      tell({ ready_1000_kube_s: seconds, "writes by the audit log, per VM": writesPerVm });
      return seconds;
    },
  );

  const many = await within(`${size.manyVms} VMs`, {}, async (world) => {
    const seconds = await populate(world, size.manyVms);
    const rss = await world.manager.rssMib();
    const restart = await measureRestart(world, "vm-00007", { standBy: false });
    tell({ rss_mb_10000: rss, restart_10000_s: restart, "seconds until all were Ready": seconds });
    return { rss, restart };
  });

  const neighbours = (sick: boolean) =>
    within(
      `${size.providers} providers, ${sick ? "one hangs" : "all well"}`,
      { providers: size.providers },
      (world) => measureNeighbours(world, { ...size, sick }),
    );
  const well = await neighbours(false);
  const sick = await neighbours(true);

  const measured: Record<FigureName, number | null> = {
    ...life,
    ready_1000_kube_s: kube,
    rss_mb_10000: many.rss,
    restart_10000_s: many.restart,
    sick_provider_delay_ratio: delayRatio(sick, well),
  };
  const names = Object.keys(FIGURES) as FigureName[];
  return Object.fromEntries(names.map((name) => [name, rounded(measured[name])])) as Figures;
}

/** Four significant digits: more would only pretend. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
