/** Evaluates PromQL with promtool, over series that a test gives. @module */
import { run } from "../../rigs/command.ts";
import { findChartTool } from "../../rigs/helm/mod.ts";

/** A series and its values in promtool's notation, one a minute: `0+1x30`. */
export interface InputSeries {
  readonly series: string;
  readonly values: string;
}

/** Whether something is there when these series are. */
export interface Expectation {
  readonly name: string;
  readonly input: readonly InputSeries[];
  readonly expr: string;
  /** When it is asked: `30m`. */
  readonly at: string;
  /** Whether the expression has a result then. */
  readonly something: boolean;
}

/** Runs `promtool` with these arguments. */
export async function promtool(...args: string[]): Promise<string> {
  return await run([findChartTool("promtool") ?? "promtool", ...args], { signal: AbortSignal.timeout(120_000) });
}

/** Checks expectations with the rules of a file loaded; rejects with what promtool found otherwise. */
export async function expectSeries(rules: string | undefined, expectations: readonly Expectation[]): Promise<void> {
  const test = {
    rule_files: rules === undefined ? [] : [rules],
    evaluation_interval: "1m",
    tests: expectations.map(({ name, input, expr, at, something }) => ({
      name,
      interval: "1m",
      input_series: input,
      promql_expr_test: [{
        expr: `(count(${expr}) or vector(0)) > bool 0`,
        eval_time: at,
        exp_samples: [{ labels: "{}", value: something ? 1 : 0 }],
      }],
    })),
  };
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(test));
    await promtool("test", "rules", file);
  } finally {
    await Deno.remove(file);
  }
}
