import { assertEquals, assertRejects, assertStrictEquals } from "@virtrigaud/deps";
import { KubeError } from "@virtrigaud/kube";
import {
  addFinalizer,
  type ConditionLike,
  getCondition,
  isTrue,
  removeCondition,
  removeFinalizer,
  sameJson,
  setCondition,
  StatusWriter,
} from "./mod.ts";
import { WIDGETS, withHarness } from "./testing/harness.ts";

const name = { namespace: "default", name: "a" };

Deno.test("a status that is the same is not written, whatever the order of its fields", () =>
  withHarness(async (h) => {
    h.create("a");
    const writer = new StatusWriter(h.client, WIDGETS);
    const written = await writer.put(await h.client.get(WIDGETS, name), { phase: "Ready", seen: 1 });
    const again = await writer.put(written, { seen: 1, phase: "Ready" });
    assertStrictEquals(again, written);
    assertEquals(h.server.count("update"), 1);
  }));

Deno.test("a status is written only over the version that it was computed from, and nothing else with it", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1 });
    const read = await h.client.get(WIDGETS, name);
    h.update("a", { size: 2 });
    const writer = new StatusWriter(h.client, WIDGETS);
    await assertRejects(() => writer.put(read, { seen: 1 }), KubeError, "replace status of Widget default/a: 409");
    const fresh = await h.client.get(WIDGETS, name);
    await writer.put({ ...fresh, spec: { size: 99 } }, { seen: 2 });
    const { spec, status } = await h.client.get(WIDGETS, name);
    assertEquals([spec, status], [{ size: 2 }, { seen: 2 }]);
  }));

Deno.test("finalizers are added once, removed, and never over another writer's change", () =>
  withHarness(async (h) => {
    h.create("a");
    const context = { client: h.client, type: WIDGETS };
    const read = await h.client.get(WIDGETS, name);
    const held = await addFinalizer(context, read, "test/hold");
    assertEquals(held.metadata.finalizers, ["test/hold"]);
    assertStrictEquals(await addFinalizer(context, held, "test/hold"), held);
    await assertRejects(() => addFinalizer(context, read, "test/other"), KubeError, "409");
    await h.client.delete(WIDGETS, name);
    const deleting = await h.client.get(WIDGETS, name);
    assertStrictEquals(await addFinalizer(context, deleting, "test/late"), deleting);
    await removeFinalizer(context, deleting, "test/hold");
    assertEquals(await h.client.find(WIDGETS, name), undefined);
  }));

Deno.test("a condition's time moves with its status only, and an unchanged list is the same list", () => {
  const [t1, t2] = [Date.UTC(2030, 0, 1), Date.UTC(2030, 0, 2)];
  const ready = { type: "Ready", status: "False", reason: "Booting", message: "", observedGeneration: 1 } as const;
  const first = setCondition<ConditionLike>(undefined, ready, t1);
  assertEquals(first, [{ ...ready, lastTransitionTime: "2030-01-01T00:00:00Z" }]);
  assertStrictEquals(setCondition(first, ready, t2), first);
  const reason = setCondition(first, { ...ready, reason: "Waiting", observedGeneration: 2 }, t2);
  assertEquals([reason[0]?.reason, reason[0]?.lastTransitionTime], ["Waiting", "2030-01-01T00:00:00Z"]);
  const flipped = setCondition(reason, { ...ready, status: "True" }, t2);
  assertEquals([isTrue(flipped, "Ready"), flipped[0]?.lastTransitionTime], [true, "2030-01-02T00:00:00Z"]);
  assertEquals([isTrue(flipped, "Other"), removeCondition(flipped, "Ready")], [false, []]);
  assertStrictEquals(removeCondition(flipped, "Other"), flipped);
  assertStrictEquals(getCondition(flipped, "Ready"), flipped[0]);
});

Deno.test("equality is that of JSON", () => {
  assertEquals(sameJson({ a: [1, { b: null }], c: undefined }, { a: [1, { b: null }] }), true);
  const differing: [unknown, unknown][] = [
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [[1, 2], [2, 1]],
    [[1], { 0: 1 }],
    [{ a: null }, {}],
    ["1", 1],
    [{ a: {} }, { a: [] }],
  ];
  assertEquals(differing.filter(([a, b]) => sameJson(a, b)), []);
});
