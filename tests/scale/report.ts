/** Figures as tables for people. @module */
import { type FigureInfo, FIGURES } from "./figures.ts";
import type { Growth } from "./growth.ts";

type Measured = Readonly<Record<string, number | null>>;

/** Figures beside their aims and the reference's, those with long tasks in a column of their own. */
export function figureRows(measured: Measured): string[][] {
  const cell = (value: number | null | undefined) =>
    value === null ? "not here" : value === undefined ? "" : `${value}`;
  const rows = Object.entries<FigureInfo>(FIGURES)
    .filter(([name]) => name in measured)
    .map(([name, { what, unit, aim, reference }]) => [
      `\`${name}\``,
      what,
      unit,
      cell(measured[name]),
      cell(measured[`${name}_slow`]),
      cell(aim),
      reference ?? "",
    ]);
  return [["key", "what", "unit", "measured", "`_slow`", "aim", "reference"], ...rows];
}

/** What each number of VMs cost, and in the last row the exponents of the power laws through the points. */
export function growthRows({ points, fits }: Growth): string[][] {
  const count = (value: number) => Math.round(value).toLocaleString("en");
  const exponent = (cost: string) => fits[cost]?.exponent.toFixed(2) ?? "";
  return [
    ["VMs", "all Ready", "CPU of the manager", "its API writes", "calls to the provider", "memory, settled"],
    ...points.map(({ vms, readySeconds, cpuMs, writes, rpcs, rssMib }) => [
      count(vms),
      `${readySeconds.toFixed(1)} s`,
      `${(cpuMs / 1000).toFixed(1)} s`,
      ...[count(writes), count(rpcs), `${count(rssMib)} MiB`],
    ]),
    ["exponent", ...["readySeconds", "cpuMs", "writes", "rpcs", "rssMib"].map(exponent)],
  ];
}

/** As Markdown, in the form that `deno fmt` gives it. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = widthsOf(rows).map((width) => Math.max(width, 3));
  const line = (cells: readonly string[], fill = " ") =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line([], "-"), ...body.map((cells) => line(cells))].join("\n");
}

/** For a terminal. */
export function plainTable(rows: readonly (readonly string[])[]): string {
  const bare = rows.map((cells) => cells.map((cell) => cell.replaceAll("`", "")));
  const widths = widthsOf(bare);
  return bare.map((cells) => widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join("  ").trimEnd())
    .join("\n");
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  const columns = Math.max(0, ...rows.map(({ length }) => length));
  return Array.from({ length: columns }, (_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
}
