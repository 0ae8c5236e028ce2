import { assert, assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { readAnswer, readResult } from "./guest_exec.ts";

Deno.test("what the agent returns is read; exit by signal is told as shells do", () => {
  assertEquals(readAnswer('{"return":{"pid":7}}'), { pid: 7 });
  assertEquals(readResult({ exited: true, exitcode: 3, "out-data": btoa("a\n") }), {
    exitCode: 3,
    stdout: "a\n",
    stderr: "",
  });
  assertEquals(readResult({ exited: true, signal: 9 }).exitCode, 137);
});

Deno.test("whatever a guest sends is read without an error and cut to its limit", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.json().map((json) => `{"return":${json}}`)), (text) => {
    const answer = readAnswer(text);
    if (answer !== undefined) readResult(answer);
  }));
  fc.assert(fc.property(fc.dictionary(fc.constantFrom("exitcode", "signal", "out-data"), fc.anything()), (answer) => {
    const { exitCode, stdout } = readResult(answer);
    assert(typeof exitCode === "number" && typeof stdout === "string");
  }));
  assertEquals(readResult({ "out-data": btoa("x".repeat(200_000)) }).stdout.length, 64 * 1024);
});
