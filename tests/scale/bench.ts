/** The whole bench: every figure, one world after the other. @module */
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { type BenchSize, type FigureName, FIGURES, type Figures, TASKLESS } from "./figures.ts";
import { measureBirth, measureLife } from "./measure_life.ts";
import { delayRatio, measureNeighbours } from "./measure_neighbours.ts";
import { electLeader, measureFailover, measureRestart, populate } from "./measure_restart.ts";
import { namesOf } from "./fleet.ts";
import { shippedManager } from "./shipped_manager.ts";
import { World, type WorldOptions } from "./world.ts";

/** Options of {@linkcode runBench}. */
export interface BenchOptions {
  readonly size: BenchSize;
  /** Told what is being measured, and what does not go into a figure. */
  readonly say: (line: string) => void;
  /** Leave out the tasks that take as long as the reference's. */
  readonly quickOnly?: boolean;
}

/** Tasks of 200 ms. */
export const QUICK_TASKS = { MOCK_TASK_LATENCY: "200" } as const;
/** What the reference's mock takes: 2 s for Create, 1 s until a VM runs. */
const SLOW_TASKS = { MOCK_TASK_LATENCY: "2000", MOCK_BOOT_LATENCY: "1000" } as const;
/** What the short tasks have shown need not be shown as thoroughly again. */
const SLOW_LIMITS = { idleSeconds: 60, pairs: 3, samples: 50 } as const;

/**
 * Measures everything: with short tasks, then what depends on tasks with those of the reference's mock, under the same
 * keys with the suffix `_slow`.
 */
export async function runBench({ size, say, quickOnly = false }: BenchOptions): Promise<Record<string, number | null>> {
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-bench-" });
  try {
    const managerProgram = await shippedManager(folder);
    const quick = await runPass({ size, say, world: { managerProgram, providerEnv: QUICK_TASKS } }, true);
    if (quickOnly) return quick;
    say("once more with the task times of the reference's mock");
    const less = {
      idleSeconds: Math.min(size.idleSeconds, SLOW_LIMITS.idleSeconds),
      pairs: Math.min(size.pairs, SLOW_LIMITS.pairs),
      samples: Math.min(size.samples, SLOW_LIMITS.samples),
    };
    const world = { managerProgram, providerEnv: SLOW_TASKS };
    const slow = await runPass({ size: { ...size, ...less }, say, world }, false);
    return { ...quick, ...Object.fromEntries(Object.entries(slow).map(([name, value]) => [`${name}_slow`, value])) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Pass {
  readonly size: BenchSize;
  readonly say: (line: string) => void;
  readonly world: WorldOptions;
}

async function runPass(
  { size, say, world: options }: Pass,
  withTaskless: boolean,
): Promise<Record<string, number | null>> {
  const tell = (figures: object) => say(`  ${JSON.stringify(figures)}`);
  const within = async <T>(what: string, more: WorldOptions, measure: (world: World) => Promise<T>): Promise<T> => {
    say(what);
    await using world = await World.start({ ...options, ...more });
    return await measure(world);
  };

  const life = await within(`life of ${size.vms} VMs, embedded`, {}, (world) => measureLife(world, size, tell));
  tell(life);

  const why = await kubernetesRig.unavailable();
  if (why !== undefined) say(`ready_1000_kube_s cannot be measured here: ${why}`);
  const kube = why !== undefined ? null : await within(
    `birth of ${size.vms} VMs, kube-apiserver`,
    { plane: "kubernetes" },
    async (world) => {
      const { seconds, writesPerVm, writes } = await measureBirth(world, size.vms);
      tell({ ready_1000_kube_s: seconds, "writes by the audit log, per VM": writesPerVm, writes });
      return seconds;
    },
  );

  const many = !withTaskless ? {} : await within(`${size.manyVms} VMs`, {}, async (world) => {
    const seconds = await populate(world, size.manyVms);
    tell({ "seconds until all were Ready": seconds });
    const rss = await world.manager.rssMib();
    const [one = "", other = ""] = namesOf(size.manyVms).slice(-2);
    const restart = await measureRestart(world, one);
    await electLeader(world);
    const failover = await measureFailover(world, other);
    const figures = { rss_mb_10000: rss, restart_10000_s: restart, restart_10000_failover_s: failover };
    tell(figures);
    return figures;
  });

  const { providers, pairs } = size;
  const ratio = await delayRatio(pairs, async (sick) => {
    const what = `${providers} providers, ${sick ? "one hangs" : "all well"}`;
    return await within(what, { providers }, (world) => measureNeighbours(world, { ...size, sick }));
  });

  const measured: Figures = { ...life, ready_1000_kube_s: kube, ...many, sick_provider_delay_ratio: ratio };
  const names = (Object.keys(FIGURES) as FigureName[]).filter((name) => withTaskless || !TASKLESS.has(name));
  return Object.fromEntries(names.map((name) => [name, rounded(measured[name] ?? null)]));
}

/** Four significant digits: more would only pretend. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
