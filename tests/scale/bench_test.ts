import { assertEquals, assertLessOrEqual } from "@virtrigaud/deps";
import { QUICK_TASKS, runBench } from "./bench.ts";
import { FIGURES, SHORT } from "./figures.ts";

Deno.test("the bench measures every figure that it names", async () => {
  const lines: string[] = [];
  const figures = await runBench({ size: SHORT, providerEnv: QUICK_TASKS, say: (line) => lines.push(line) });
  assertEquals(Object.keys(figures), Object.keys(FIGURES));
  for (const [name, value] of Object.entries(figures)) {
    const skipped = name === "ready_1000_kube_s" && lines.some((line) => line.startsWith(`${name} cannot be measured`));
    if (skipped) console.log(`SKIPPED bench: ${name} because there is no kube-apiserver on this machine`);
    else assertEquals([name, Number.isFinite(value) && Number(value) >= 0], [name, true]);
  }
  // These do not depend on how busy the machine is.
  assertLessOrEqual(Number(figures.rpcs_per_vm), 3);
  assertEquals(figures.idle_writes_per_vm_min, 0);
});
