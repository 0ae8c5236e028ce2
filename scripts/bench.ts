/** `deno task bench`: measures the product and prints its figures beside those of the reference. @module */
import { parseArgs } from "node:util";
import { QUICK_TASKS, runBench } from "../tests/scale/bench.ts";
import { FULL, SHORT } from "../tests/scale/figures.ts";
import { type GrowthPoint, measureGrowth } from "../tests/scale/growth.ts";
import { figureRows, growthRows, markdownTable, plainTable } from "../tests/scale/report.ts";

const USAGE = `bench: creates, watches, changes and deletes virtual machines on the mock hypervisor, and measures

  --json      print one JSON object with the figures and nothing else on standard output
  --markdown  print the table of docs/scaling.md
  --quick     leave out the figures with the task times of the reference's mock (suffix _slow): half the time
  --growth    instead: cost with 100, 1,000 and 10,000 VMs, and the power laws through them
  --short     a smoke test of the bench itself: few VMs, meaningless numbers
`;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    growth: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const table = values.markdown ? markdownTable : plainTable;
const say = (line: string) => console.error(line);

if (values.help) {
  console.log(USAGE);
} else if (values.growth) {
  const onPoint = (point: GrowthPoint) => say(JSON.stringify(point));
  const counts = values.short ? [10, 20, 40] : [100, 1_000, 10_000];
  const idleSeconds = values.short ? 3 : 60;
  const growth = await measureGrowth(counts, { world: { providerEnv: QUICK_TASKS }, idleSeconds, onPoint });
  console.log(values.json ? JSON.stringify(growth) : table(growthRows(growth)));
} else {
  const figures = await runBench({ size: values.short ? SHORT : FULL, say, quickOnly: values.quick });
  console.log(values.json ? JSON.stringify(figures) : table(figureRows(figures)));
}
