import { assertEquals, assertStrictEquals } from "@virtrigaud/deps";
import { ProviderError, type ValidateResponse } from "@virtrigaud/contract";
import { count, type Health, judge, nextCheckMs, type Run } from "./health.ts";

const policy = { enabled: true, intervalMs: 30_000, timeoutMs: 1_000, failureThreshold: 3, successThreshold: 2 };
const ok: ValidateResponse = { hypervisor: "h", version: "1" };
const bad = new ProviderError("Unavailable", "away");

function after(results: readonly (ValidateResponse | ProviderError)[], start: Health = { type: "Unknown" }) {
  let health = start;
  let run: Run = { failures: 0, successes: 0 };
  const seen = results.map((result) => {
    run = count(run, result);
    return (health = judge(health, result, run, policy, 1)).type;
  });
  return { seen, health, run };
}

Deno.test("health turns after as many results in a row as its thresholds say", () => {
  assertEquals(after([bad, bad, bad]).seen, ["Unknown", "Unknown", "Unhealthy"]);
  assertEquals(after([ok, bad, bad, ok, bad, bad, bad]).seen.at(-1), "Unhealthy");
  assertEquals(after([ok, bad, bad, ok]).seen, ["Healthy", "Healthy", "Healthy", "Healthy"]);
  assertEquals(after([bad, bad, bad, ok, bad, ok, ok]).seen.slice(3), [
    "Unhealthy",
    "Unhealthy",
    "Unhealthy",
    "Healthy",
  ]);
});

Deno.test("saying the same again is no change, another reason is", () => {
  const { health, run } = after([bad, bad, bad]);
  assertStrictEquals(judge(health, bad, run, policy, 9), health);
  const other = judge(health, new ProviderError("Unauthorized", "wrong"), run, policy, 9);
  assertEquals(other.type === "Unhealthy" ? [other.error.class, other.since] : [], ["Unauthorized", 1]);
  const { health: fine } = after([ok]);
  assertStrictEquals(judge(fine, ok, { failures: 0, successes: 2 }, policy, 9), fine);
});

Deno.test("the next check comes soon while somebody waits for it, and never later than the interval", () => {
  const { health } = after([ok]);
  assertEquals(nextCheckMs(health, { failures: 0, successes: 1 }, policy), 30_000);
  assertEquals(nextCheckMs({ type: "Unknown" }, { failures: 1, successes: 0 }, policy), 500);
  assertEquals(nextCheckMs({ type: "Unknown" }, { failures: 99, successes: 0 }, policy), 30_000);
});
