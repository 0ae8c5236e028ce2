/** How cost grows with the number of VMs. @module */
import { measureBirth, measureRest } from "./measure_life.ts";
import { shippedManager } from "./shipped_manager.ts";
import { powerFit } from "./statistics.ts";
import { World, type WorldOptions } from "./world.ts";

/** What one number of VMs cost; see `measure_life.ts`. */
export interface GrowthPoint {
  readonly vms: number;
  readonly readySeconds: number;
  readonly cpuMs: number;
  readonly writes: number;
  readonly rpcs: number;
  readonly idleCpuMsPerMin: number;
  readonly rssMib: number;
}

/** Points, and per cost the `a` and `b` of `cost = a * vms^b`. */
export interface Growth {
  readonly points: readonly GrowthPoint[];
  readonly fits: Readonly<Record<string, { readonly factor: number; readonly exponent: number }>>;
}

/** Measures each number of VMs in a world of its own. */
export async function measureGrowth(
  counts: readonly number[],
  options: { readonly world?: WorldOptions; readonly idleSeconds: number; readonly onPoint: (p: GrowthPoint) => void },
): Promise<Growth> {
  const points: GrowthPoint[] = [];
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-bench-" });
  await using _cleanup = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const managerProgram = await shippedManager(folder);
  for (const vms of counts) {
    await using world = await World.start({ managerProgram, ...options.world });
    const birth = await measureBirth(world, vms);
    const rest = await measureRest(world, vms, options.idleSeconds);
    const point: GrowthPoint = {
      vms,
      readySeconds: birth.seconds,
      cpuMs: birth.cpuMsPerVm * vms,
      writes: birth.writesPerVm * vms,
      rpcs: birth.rpcsPerVm * vms,
      idleCpuMsPerMin: rest.cpuMs * vms,
      rssMib: await world.manager.rssMib(),
    };
    points.push(point);
    options.onPoint(point);
  }
  const costs = ["readySeconds", "cpuMs", "writes", "rpcs", "rssMib"] as const;
  const fits = Object.fromEntries(
    costs.map((cost) => [cost, powerFit(points.map((point) => [point.vms, point[cost]] as const))]),
  );
  return { points, fits };
}
