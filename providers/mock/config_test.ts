import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { readConfig } from "./config.ts";

Deno.test("without any setting the mock behaves and is quick", () => {
  assertEquals(readConfig({}, "mock://"), {
    hypervisor: {},
    errorClass: "Retryable",
    errorRate: 0,
    slow: false,
    latencyMs: 0,
    jitterMs: 0,
    seed: 1,
    emptyMemory: false,
  });
});

Deno.test("settings come from the environment, and those of the endpoint win", () => {
  const env = { MOCK_FAILURE_MODE: "create", MOCK_SLOW_MODE: "true", MOCK_TASK_LATENCY: "10", MOCK_CONTROL_PORT: "0" };
  const config = readConfig(env, "mock://lab?failureMode=all&taskLatencyMs=20&errorRate=0.5");
  assertEquals(
    [config.failureMode, config.slow, config.hypervisor.taskLatencyMs, config.errorRate, config.controlPort],
    ["all", true, 20, 0.5, 0],
  );
});

Deno.test("all settings that are wrong are named at once, with what is allowed", () => {
  const error = assertThrows(
    () => readConfig({ MOCK_SEED_VMS: "-1", MOCK_SLOW_MODE: "maybe" }, "mock://?errorRate=2&colour=red"),
    Error,
  );
  for (const part of ["MOCK_SEED_VMS", "MOCK_SLOW_MODE", "true or false", "endpoint errorRate", "colour"]) {
    assertStringIncludes(error.message, part);
  }
});

Deno.test("an endpoint of another kind is refused", () => {
  assertThrows(() => readConfig({}, "qemu:///system"), Error, "expected mock://");
});
