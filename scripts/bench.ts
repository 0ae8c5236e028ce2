/** `deno task bench`: measures the product and prints its figures beside those of the reference. @module */
import { parseArgs } from "node:util";
import { QUICK_TASKS, runBench, SLOW_TASKS } from "../tests/scale/bench.ts";
import { type GrowthPoint, measureGrowth } from "../tests/scale/growth.ts";
import { type FigureInfo, FIGURES, type Figures, FULL, SHORT } from "../tests/scale/figures.ts";

const USAGE = `bench: creates, watches, changes and deletes virtual machines on the mock hypervisor, and measures

  --json    print one JSON object with the figures and nothing else on standard output
  --short   a smoke test of the bench itself: few VMs, meaningless numbers
  --growth  instead: cost with 100, 1,000 and 10,000 VMs, and the power laws through them
  --slow    once more with the task times of the reference's mock; keys with the suffix _slow
`;

/** Rows of the printed table. */
export function table(figures: Readonly<Record<string, number | null>>): string {
  const rows = [["figure", "measured", "aim", "reference", "what"]];
  for (const [key, value] of Object.entries(figures)) {
    const info: FigureInfo | undefined = Object.entries(FIGURES)
      .find(([name]) => name === key.replace(/_slow$/, ""))?.[1];
    const measured = value === null ? "not here" : `${value} ${info?.unit ?? ""}`.trimEnd();
    const aim = info?.aim === undefined ? "" : String(info.aim);
    rows.push([key, measured, aim, info?.reference ?? "", info?.what ?? ""]);
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      json: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
      slow: { type: "boolean", default: false },
      growth: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    Deno.exit(0);
  }
  if (values.growth) {
    const onPoint = (point: GrowthPoint) => console.error(JSON.stringify(point));
    const world = { providerEnv: QUICK_TASKS };
    console.log(
      JSON.stringify(await measureGrowth([100, 1_000, 10_000], { world, idleSeconds: 60, onPoint }), null, 2),
    );
    Deno.exit(0);
  }
  const size = values.short ? SHORT : FULL;
  const say = (line: string) => console.error(line);
  const quick = await runBench({ size, say, providerEnv: QUICK_TASKS });
  const slow: Partial<Figures> = values.slow ? await runBench({ size, say, providerEnv: SLOW_TASKS }) : {};
  const all = { ...quick, ...Object.fromEntries(Object.entries(slow).map(([key, value]) => [`${key}_slow`, value])) };
  console.log(values.json ? JSON.stringify(all) : table(all));
}
