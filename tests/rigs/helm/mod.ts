/** Programs that chart tests run: Helm and promtool. @module */
import type { Need } from "../skip.ts";
import { type ChartTool, findChartTool } from "./tools.ts";

export { CHART_TOOLS, type ChartTool, findChartTool, makeChartTool } from "./tools.ts";

const needOf = (name: ChartTool["name"]): Need => ({
  unavailable: () =>
    Promise.resolve(
      findChartTool(name) === undefined ? `${name} is missing on this machine (deno task setup)` : undefined,
    ),
});

/** Helm as a need of a test suite. */
export const helmRig = needOf("helm");
/** promtool as a need of a test suite. */
export const promtoolRig = needOf("promtool");
