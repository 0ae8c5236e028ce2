/**
 * Draws scripts until a number of steps has been played, and shrinks the first that breaks a promise:
 * `deno run -A tests/fault/campaign.ts [--steps=100000] [--seed=N]`. Exit code 1 with the short script and its seed.
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

const LONGEST = 40;

/** Plays scripts drawn from `seed` on until `steps` steps have gone by or a promise is broken. */
export async function campaign(options: { readonly steps: number; readonly seed: number }): Promise<Report> {
  let [steps, scripts] = [0, 0];
  for (let batch = 0; steps < options.steps; batch++) {
    const seed = options.seed + batch;
    const property = fc.asyncProperty(
      fc.array(anyStep, { minLength: 5, maxLength: LONGEST, size: "max" }),
      async (script) => {
        [steps, scripts] = [steps + script.length, scripts + 1];
        return (await play(script, seed)).broken.length === 0;
      },
    );
    const details = await fc.check(property, { seed, numRuns: 10, endOnFailure: false });
    if (details.failed) {
      const script = details.counterexample?.[0] ?? [];
      return { scripts, steps, finding: { seed, script, verdict: await play(script, seed) } };
    }
  }
  return { scripts, steps };
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
