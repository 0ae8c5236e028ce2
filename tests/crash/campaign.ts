/**
 * Kills at every point of every scenario and prints what was covered:
 * `deno run -A tests/crash/campaign.ts [--stride=1] [--only=name]`. Exit code 1 when a promise was broken.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { enumerate } from "./enumerate.ts";
import { SCENARIOS } from "./scenarios.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { stride: { type: "string", default: "1" }, only: { type: "string", default: "" } },
});
let failed = false;
for (const [index, scenario] of SCENARIOS.entries()) {
  if (values.only !== "" && scenario.name !== values.only) continue;
  const stride = Number(values.stride);
  const { points, killed, failures } = await enumerate(scenario, { stride, offset: index % stride });
  console.log(`${scenario.name}: killed at ${killed} of ${points} points, ${failures.length} broke a promise`);
  for (const { number, point, broken } of failures) {
    failed = true;
    console.log(`  point ${number}, ${point.phase} ${point.what} of the ${point.process}: ${broken.join("; ")}`);
  }
}
Deno.exit(failed ? 1 : 0);
