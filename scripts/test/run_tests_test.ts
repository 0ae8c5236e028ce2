import { assertEquals, assertMatch } from "@virtrigaud/deps";
import { runTests } from "./run_tests.ts";

const program = (code: string, minutes = 1) => runTests("sample", ["eval", "--no-config", code], minutes);
const summary = (line: string) => `console.log(${JSON.stringify(line)});`;

Deno.test("a run that passes is counted", async () => {
  const { counts, problem } = await program(summary("ok | 3 passed | 0 failed | 1 ignored (1ms)"));
  assertEquals([counts, problem], [{ passed: 3, failed: 0, skipped: 1 }, undefined]);
});

Deno.test("a run that breaks off before its result counts as a failure and shows its output", async () => {
  const { counts, problem, output } = await program("console.error('out of memory'); Deno.exit(7)");
  assertEquals(counts.failed, 1);
  assertMatch(problem ?? "", /sample ended with code 7 and without a result/);
  assertMatch(output, /out of memory/);
});

Deno.test("a run that ends badly although no test failed counts as a failure", async () => {
  const { counts, problem } = await program(`${summary("ok | 3 passed | 0 failed (1ms)")} Deno.exit(1)`);
  assertEquals(counts, { passed: 3, failed: 1, skipped: 0 });
  assertMatch(problem ?? "", /although no test failed/);
});

Deno.test("a run that hangs is ended at its time limit and says so", async () => {
  const { counts, problem } = await program("await new Promise((done) => setTimeout(done, 60_000))", 0.01);
  assertEquals(counts.failed, 1);
  assertMatch(problem ?? "", /not done after 0.01 min, its time limit/);
});
