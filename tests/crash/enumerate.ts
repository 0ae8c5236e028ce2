/**
 * Kills a process at every point of a scenario, one point a run: the first run counts the points, so that the list is
 * what the processes did and nothing that somebody wrote down.
 *
 * The processes of these runs live in one process under fake time, and a kill is a hard cut: from that moment nothing
 * they do reaches anybody (`fault/world`). A real kill -9 of real processes costs seconds for start and connection, so
 * that the hundreds of points here would take the better part of an hour; `process_test.ts` does it at the points of one
 * life, and `libvirt_test.ts` around every change on a real host, which keeps the cut honest.
 *
 * @module
 */
import { sameJson } from "@virtrigaud/runtime";
import { judge } from "../fault/play.ts";
import { type Step, take } from "../fault/steps.ts";
import type { Point } from "../fault/world/points.ts";
import { World } from "../fault/world/world.ts";
import type { Scenario } from "./scenarios.ts";

/** A point at which a kill broke a promise. */
export interface Failure {
  readonly scenario: string;
  readonly number: number;
  readonly point: Point;
  readonly broken: readonly string[];
}

/** What was covered of one scenario. */
export interface Coverage {
  readonly scenario: string;
  readonly points: number;
  readonly killed: number;
  readonly failures: readonly Failure[];
}

/** Repetitions of one event about one object that a death may cause. */
const MAX_REPEATS = 5;

/** Counts the points of `scenario`, then kills at each of them. */
export async function enumerate(scenario: Scenario): Promise<Coverage> {
  const { points: list, broken } = await run(scenario);
  if (broken.length > 0) throw new Error(`${scenario.name} fails without any kill: ${broken.join("; ")}`);
  const failures: Failure[] = [];
  let killed = 0;
  for (let number = 0; number < list.length; number++) {
    const { killedAt, broken } = await run(scenario, number);
    // Up to the kill a run is the counted one over again; where it is not, a point would go without its kill.
    if (killedAt === undefined || !sameJson(killedAt, list[number])) continue;
    killed++;
    if (broken.length > 0) failures.push({ scenario: scenario.name, number, point: killedAt, broken });
  }
  return { scenario: scenario.name, points: list.length, killed, failures };
}

/** Plays the scenario with a kill at point `killAt`, or none; brings everything up again and judges. */
export async function run(
  scenario: Scenario,
  killAt?: number,
): Promise<{ points: Point[]; killedAt?: Point; broken: string[] }> {
  const world = new World(1);
  try {
    await world.startManager();
    await world.advance(3_000);
    for (const step of scenario.before) {
      await happen(world, step);
      await world.advance(3_000);
    }
    const first = world.points.seen.length;
    let killedAt: Point | undefined;
    world.points.onPoint = (point, number) => {
      if (number - first !== killAt || killedAt !== undefined) return;
      killedAt = point;
      kill(world, point);
    };
    for (const step of scenario.change) await happen(world, step);
    const points = world.points.seen.slice(first);
    world.points.onPoint = () => {};
    const broken = [...await judge(world), ...scenario.check(world), ...endlessEvents(world)];
    return { points, broken, ...(killedAt === undefined ? {} : { killedAt }) };
  } finally {
    await world.close();
  }
}

async function happen(world: World, step: Step | ((world: World) => void)): Promise<void> {
  if (typeof step === "function") step(world);
  else await take(world, step);
}

function kill(world: World, { process }: Point): void {
  switch (process) {
    case "manager":
      return world.managers.forEach((manager) => manager.kill());
    case "provider":
      return world.provider.kill();
    case "control plane":
      world.restartApiServer();
      // What was asked of it is carried out or not, as the phase has it; in neither case is it answered.
      throw new TypeError("connection reset by peer");
  }
}

function endlessEvents(world: World): string[] {
  return world.events().filter(({ count }) => count > MAX_REPEATS)
    .map(({ reason, count }) => `event ${reason} was told ${count} times`);
}
