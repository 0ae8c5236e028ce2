/**
 * Draws scripts until a number of steps has been played, and shrinks the first that breaks a promise:
 * `deno task faults [--steps=100000] [--seed=N]`. Exit code 1 with the short script and its seed.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fc } from "@virtrigaud/deps/testing.ts";
import { play, type Verdict } from "./play.ts";
import { anyStep, type Step } from "./steps.ts";

/** What a campaign found. */
export interface Finding {
  readonly seed: number;
  readonly script: readonly Step[];
  readonly verdict: Verdict;
}

/** How a campaign went. */
export interface Report {
  readonly scripts: number;
  readonly steps: number;
  readonly finding?: Finding;
}

const scripts = fc.array(anyStep, { minLength: 8, maxLength: 60, size: "max" });
/** Scripts drawn from one seed. */
const BATCH = 20;

/** Plays scripts drawn from `seed` on until `steps` steps have gone by or a promise is broken. */
export async function campaign(options: { readonly steps: number; readonly seed: number }): Promise<Report> {
  let [steps, count] = [0, 0];
  for (let seed = options.seed; steps < options.steps; seed++) {
    for (const script of fc.sample(scripts, { seed, numRuns: BATCH })) {
      const verdict = await play(script, seed);
      [steps, count] = [steps + script.length, count + 1];
      if (verdict.broken.length > 0) {
        return { scripts: count, steps, finding: await shrink({ seed, script, verdict }) };
      }
      if (steps >= options.steps) break;
    }
  }
  return { scripts: count, steps };
}

/**
 * The same finding with as few steps as possible: takes parts out, large ones first, as long as a promise still breaks.
 * A step is never changed, so that this takes tens of runs where shrinking every value of every step takes thousands.
 */
async function shrink(found: Finding): Promise<Finding> {
  const { seed } = found;
  const end = found.verdict.after === undefined ? found.script.length : found.verdict.after + 1;
  let best: Finding = { ...found, script: found.script.slice(0, end) };
  for (let size = Math.ceil(end / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.script.length;) {
      const script = best.script.toSpliced(from, size);
      const verdict = await play(script, seed);
      if (verdict.broken.length > 0) best = { seed, script, verdict };
      else from += size;
    }
  }
  return best;
}

/** A finding as a person, and a regression test, can use it. */
export function explain({ seed, script, verdict }: Finding): string {
  const where = verdict.after === undefined ? "at rest" : `after step ${verdict.after + 1}`;
  return [
    `with seed ${seed}, ${where}:`,
    ...verdict.broken.map((what) => `  ${what}`),
    "script:",
    ...script.map((step) => `  ${JSON.stringify(step)},`),
  ].join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { steps: { type: "string", default: "100000" }, seed: { type: "string", default: `${Date.now() % 1e6}` } },
  });
  const report = await campaign({ steps: Number(values.steps), seed: Number(values.seed) });
  console.log(`${report.scripts} scripts with ${report.steps} steps, from seed ${values.seed}`);
  if (report.finding !== undefined) {
    console.log(explain(report.finding));
    Deno.exit(1);
  }
}
