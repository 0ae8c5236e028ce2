import { assertEquals, assertStrictEquals } from "@virtrigaud/deps";
import { type Condition } from "./meta.ts";
import { getCondition, isConditionTrue, removeCondition, setCondition } from "./conditions.ts";

const at = (second: number) => Date.UTC(2026, 0, 1, 0, 0, second, 123);
const ready = { type: "Ready", status: "True", reason: "Running", message: "is up", observedGeneration: 1 } as const;

Deno.test("a condition that is said for the first time gets the time of now, in whole seconds", () => {
  const list = setCondition(undefined, ready, at(1));
  assertEquals(list, [{ ...ready, lastTransitionTime: "2026-01-01T00:00:01Z" }]);
});

Deno.test("a new reason under the same status keeps the time of transition", () => {
  const list = setCondition(setCondition([], ready, at(1)), { ...ready, reason: "Idle", observedGeneration: 2 }, at(9));
  assertEquals(list, [{
    ...ready,
    reason: "Idle",
    observedGeneration: 2,
    lastTransitionTime: "2026-01-01T00:00:01Z",
  }]);
});

Deno.test("a new status moves the time of transition and keeps the place in the list", () => {
  const before = setCondition(setCondition([], ready, at(1)), { ...ready, type: "Progressing" }, at(1));
  const after = setCondition(before, { ...ready, status: "False", reason: "Stopped" }, at(9));
  assertEquals(after.map((c) => [c.type, c.status, c.lastTransitionTime]), [
    ["Ready", "False", "2026-01-01T00:00:09Z"],
    ["Progressing", "True", "2026-01-01T00:00:01Z"],
  ]);
});

Deno.test("saying the same twice changes nothing, and the given list is never touched", () => {
  const list: readonly Condition[] = Object.freeze(setCondition([], ready, at(1)));
  assertEquals(setCondition(list, ready, at(50)), [...list]);
  assertEquals(removeCondition(list, "Ready"), []);
  assertEquals(list.length, 1);
});

Deno.test("conditions are found by type", () => {
  const list = setCondition([], ready, at(1));
  assertStrictEquals(getCondition(list, "Ready"), list[0]);
  assertEquals(isConditionTrue(list, "Ready"), true);
  assertEquals(isConditionTrue(list, "Progressing"), false);
  assertEquals(isConditionTrue(undefined, "Ready"), false);
});
