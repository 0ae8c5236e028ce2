/** Kills a real process at the points of a machine's life, and looks after every part of that life. @module */
import type { Site } from "./site.ts";
import type { Victim } from "./victim.ts";

/** A part of a machine's life: something is asked for and waited for, then everything is compared. */
export interface Part {
  readonly name: string;
  /** @throws when what came of it is not what was asked for */
  readonly play: (site: Site, machine: string) => Promise<void>;
}

/** What is killed when. */
export interface StrikeOptions {
  readonly site: Site;
  readonly victim: Victim;
  /** One life: the last part leaves nothing behind. */
  readonly life: readonly Part[];
  /** Every how many points somebody dies; 1: at all of them. */
  readonly every: number;
  /** Which of them: the first point is this one. Taken modulo `every`. */
  readonly first: number;
}

/** What was covered. */
export interface Coverage {
  /** Points of a life without a kill. */
  readonly points: readonly string[];
  /** Points of each part. */
  readonly parts: readonly { readonly name: string; readonly points: number; readonly killed: number }[];
  readonly killed: number;
  /** Points that were to be killed at in a life that ended before them: two lives differ a little. */
  readonly missed: number;
  readonly failures: readonly string[];
}

/**
 * Lives once to warm up and once to count the points of a life, then lives once more for each of those that `every` and
 * `first` choose. Where such a life ends before its point, the points before it stand in for it, as far as they are
 * nobody else's.
 */
export async function strike({ site, victim, life, every, first }: StrikeOptions): Promise<Coverage> {
  const machine = (n: number | string) => `m-${victim.name.replaceAll(" ", "-")}-${n}`;
  await live(site, victim, life, machine("first"), "none");
  const counted = await live(site, victim, life, machine("counted"), "none");
  const chosen = counted.points.map((_, n) => n).filter((n) => n % every === first % every);
  const failures: string[] = [];
  const kills: number[] = [];
  for (const n of chosen) {
    try {
      for (let at = n; at > n - every && at >= 0; at--) {
        const { killedAt } = await live(site, victim, life, machine(at), at);
        if (killedAt === undefined) continue;
        kills.push(at);
        break;
      }
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      failures.push(`killed at point ${n} or before it, ${victim.points().at(-1)}: ${what}`);
      // What it left behind would be held against the next one.
      break;
    }
  }
  const parts = life.map(({ name }, index) => {
    const [from, to] = [counted.ends[index - 1] ?? 0, counted.ends[index] ?? 0];
    return { name, points: to - from, killed: kills.filter((n) => n >= from && n < to).length };
  });
  const missed = chosen.length - kills.length - failures.length;
  return { points: counted.points, parts, killed: kills.length, missed, failures };
}

/** One line for a person. */
export function coverageLine(victim: Victim, { points, parts, killed }: Coverage): string {
  const each = parts.map(({ name, points, killed }) => `${name} ${killed} of ${points}`).join(", ");
  return `${victim.name}: kill -9 at ${killed} of ${points.length} points (${each})`;
}

async function live(
  site: Site,
  victim: Victim,
  life: readonly Part[],
  machine: string,
  killAt: number | "none",
): Promise<{ points: string[]; ends: number[]; killedAt: string | undefined }> {
  const before = victim.kills;
  const ends: number[] = [];
  victim.arm(killAt);
  try {
    for (const { name, play } of life) {
      try {
        await play(site, machine);
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      ends.push(victim.points().length);
    }
  } finally {
    victim.disarm();
  }
  const points = victim.points();
  return { points, ends, killedAt: victim.kills > before ? points.at(-1) : undefined };
}
