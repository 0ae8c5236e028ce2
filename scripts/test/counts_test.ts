import { assertEquals } from "@virtrigaud/deps";
import { add, countsOf, failureReport, skippedLines, summaryLine } from "./counts.ts";

Deno.test("the summary line of deno test gives the counts, steps aside", () => {
  assertEquals(countsOf("ok | 12 passed (3 steps) | 0 failed | 2 ignored (1 step) (52ms)\n"), {
    passed: 12,
    failed: 0,
    skipped: 2,
  });
  assertEquals(countsOf("FAILED | 1 passed | 2 failed (1 step) (8ms)\n"), { passed: 1, failed: 2, skipped: 0 });
});

Deno.test("output that only looks like a summary does not count", () => {
  assertEquals(countsOf("ok | 9 passed | 9 failed (1ms)\nok | 1 passed | 0 failed (1ms)\n")?.passed, 1);
  assertEquals(countsOf("  ok | 9 passed | 9 failed\nkilled\n"), undefined);
});

Deno.test("a file that skips without ignoring tests counts once for each line it says", () => {
  const output =
    "SKIPPED e2e: libvirt because no root\nSKIPPED e2e: kubectl because none\nok | 0 passed | 0 failed | 1 ignored (0ms)";
  assertEquals(countsOf(output)?.skipped, 2);
  assertEquals(skippedLines(output).length, 2);
  assertEquals(skippedLines("SKIPPED without a reason"), []);
});

Deno.test("the last line says passed, failed and skipped", () => {
  const sum = add({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 });
  assertEquals(summaryLine(sum), "11 passed, 22 failed, 33 skipped");
});

Deno.test("the report of a failed run leaves out what went well and keeps what hung or broke", () => {
  const output = `running 3 tests from ./a_test.ts
./a_test.ts => fine ... ok (2ms)
one case ... ignored (0ms)
a step ... ok
'slow' has been running for over (1m0s)
bad ... FAILED (2ms)

 ERRORS

bad => ./a_test.ts:2:6
error: Error: boom`;
  assertEquals(
    failureReport(output),
    "'slow' has been running for over (1m0s)\nbad ... FAILED (2ms)\n\n ERRORS\n\nbad => ./a_test.ts:2:6\nerror: Error: boom",
  );
});
