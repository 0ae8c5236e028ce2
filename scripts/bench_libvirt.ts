/** `deno task bench:libvirt`: measures the libvirt provider on a real host and prints docs/libvirt-figures.md. @module */
import { parseArgs } from "node:util";
import { measureAtApi } from "../tests/libvirt/measure_api.ts";
import {
  FULL,
  type LibvirtBenchSize,
  measured,
  measureDescribe,
  measureList,
  measureOperations,
  measureRest,
  SHORT,
} from "../tests/libvirt/measure.ts";
import { libvirtRig } from "../tests/rigs/libvirt/mod.ts";

const USAGE = `bench:libvirt: operations, reactions and rest of the libvirt provider, over SSH to a real host;
ends with 1 if a figure misses its aim

  --write   writes docs/libvirt-figures.md instead of printing it
  --short   a smoke test of the bench itself: few samples, meaningless numbers
`;
const PAGE = new URL("../docs/libvirt-figures.md", import.meta.url);

/** A Markdown table; `deno fmt` gives it its columns. */
const table = (rows: readonly (readonly string[])[]): string =>
  [rows[0] ?? [], (rows[0] ?? []).map(() => "---"), ...rows.slice(1)].map((row) => `| ${row.join(" | ")} |`).join("\n");

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/** A figure with what it is to be at most, ms. */
const AIMS = { describe: 10, list: 1_000, stopped: 1_000 } as const;

/** Measures everything, and says it as a page of documentation, with the figures that miss their aims. */
async function page(
  size: LibvirtBenchSize,
  say: (line: string) => void,
): Promise<{ readonly text: string; readonly missed: readonly string[] }> {
  say("operations, describes, rest");
  const warm = await (async () => {
    await using bench = await measured();
    return {
      operations: await measureOperations(bench, size.rounds),
      describe: await measureDescribe(bench, size.describes),
      rest: await measureRest(bench, size.idleSeconds),
    };
  })();
  say(`${size.domains} domains`);
  const list = await (async () => {
    await using bench = await measured({ image: false });
    return await measureList(bench, size.domains);
  })();
  say(`${size.events} domains destroyed behind our back, seen at the API`);
  const api = await measureAtApi(size.events);

  const { describe, rest } = warm;
  const missed = ([
    ["p99 of describe, VM off", describe.off.p99, AIMS.describe],
    ["p99 of describe, VM runs", describe.agent.p99, AIMS.describe],
    [`list of ${size.domains} domains`, list.worstMs, AIMS.list],
    ["p99 from `virsh destroy` to Stopped", api.p99, AIMS.stopped],
  ] as const).flatMap(([what, measuredMs, aim]) =>
    measuredMs > aim ? [`${what}: ${ms(measuredMs)}, aim ${ms(aim)}`] : []
  );
  const text = `# Figures of the libvirt provider

Written by \`deno task bench:libvirt --write\` on ${navigator.hardwareConcurrency} cores shared with other work: a real libvirtd with QEMU in software
emulation, reached over SSH, everything on one machine. Take the times as an upper bound and the ratios as they are.

## Operations

Medians of ${size.rounds} lives of one VM. "libvirt" is the time in which libvirt was at work on a change, read off the wire; the rest is
ours: questions asked before, our own computing, and the way through SSH.

${
    table([
      ["operation", "total", "libvirt", "ratio", "calls"],
      ...warm.operations.map(({ name, totalMs, libvirtMs, ratio, calls }) => [
        name,
        ms(totalMs),
        libvirtMs === 0 ? "-" : ms(libvirtMs),
        libvirtMs === 0 ? "-" : ratio.toFixed(2),
        `${calls}`,
      ]),
    ])
  }

## Reactions and rest

${
    table([
      ["figure", "measured", "aim"],
      ["describe, VM off, p50 / p99", `${ms(describe.off.p50)} / ${ms(describe.off.p99)}`, "10 ms"],
      [
        "describe, VM runs and its agent answers, p50 / p99",
        `${ms(describe.agent.p50)} / ${ms(describe.agent.p99)}`,
        "10 ms",
      ],
      [
        `list of ${size.domains} domains in full detail, best / worst of 5`,
        `${ms(list.bestMs)} / ${ms(list.worstMs)}`,
        "1 s",
      ],
      [`${size.domains} domains created at once`, `${(list.createdMs / 1000).toFixed(1)} s`, ""],
      ["VirtualMachine created until the API says On", ms(api.createMs), ""],
      [
        `\`virsh destroy\` until the API says Stopped, p50 / p99 / max of ${size.events}`,
        `${ms(api.p50)} / ${ms(api.p99)} / ${ms(api.max)}`,
        "1 s",
      ],
      ["of it, `virsh destroy` itself, p50", ms(api.virshP50), ""],
      [`calls to libvirt in ${size.idleSeconds} s of rest, one VM running, a watch open`, `${rest.calls}`, "0"],
      ["pings in that time, ours and libvirt's with their answers", `${rest.keepAlives}`, ""],
      ["bytes a minute over SSH at rest", `${Math.round(rest.bytesPerMinute)}`, ""],
      ["SSH connections made, all that is above together", `${rest.connections}`, "1"],
    ])
  }
`;
  return { text, missed };
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { write: { type: "boolean" }, short: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) {
    console.log(USAGE);
    Deno.exit(0);
  }
  const why = await libvirtRig.unavailable();
  if (why !== undefined) {
    console.error(`bench:libvirt needs hypervisor hosts: ${why}`);
    Deno.exit(1);
  }
  const { text, missed } = await page(values.short ? SHORT : FULL, (line) => console.error(line));
  if (!values.write) console.log(text);
  else {
    await Deno.writeTextFile(PAGE, text);
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", PAGE.pathname] }).output();
  }
  for (const figure of missed) console.error(`misses its aim: ${figure}`);
  if (missed.length > 0) Deno.exitCode = 1;
}
