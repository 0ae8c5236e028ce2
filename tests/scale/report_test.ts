import { assertEquals } from "@virtrigaud/deps";
import { figureRows, growthRows, markdownTable, plainTable } from "./report.ts";

Deno.test("a figure stands beside its aim, its slow form and the reference's; what cannot be measured says so", () => {
  const [head, ...rows] = figureRows({ ready_1000_s: 8.4, ready_1000_s_slow: 23, ready_1000_kube_s: null });
  assertEquals(head?.slice(3), ["measured", "`_slow`", "aim", "reference"]);
  assertEquals(rows.map((cells) => [cells[0], ...cells.slice(3)]), [
    ["`ready_1000_s`", "8.4", "23", "10", "231"],
    ["`ready_1000_kube_s`", "not here", "", "15", "231"],
  ]);
});

Deno.test("growth ends with the exponents of its power laws", () => {
  const point = {
    vms: 1_000,
    readySeconds: 8.44,
    cpuMs: 3_700,
    writes: 3_030,
    rpcs: 1_000,
    idleCpuMsPerMin: 1,
    rssMib: 150,
  };
  const fits = Object.fromEntries(
    ["readySeconds", "cpuMs", "writes", "rpcs", "rssMib"].map((cost) => [cost, { factor: 1, exponent: 0.5 }]),
  );
  const [, row, last] = growthRows({ points: [point], fits });
  assertEquals(row, ["1,000", "8.4 s", "3.7 s", "3,030", "1,000", "150 MiB"]);
  assertEquals(last, ["exponent", "0.50", "0.50", "0.50", "0.50", "0.50"]);
});

Deno.test("a table can be pasted into a document or read on a terminal", () => {
  const rows = [["key", "value"], ["`a`", "1"]];
  assertEquals(markdownTable(rows), "| key | value |\n| --- | ----- |\n| `a` | 1     |");
  assertEquals(plainTable(rows), "key  value\na    1");
});
