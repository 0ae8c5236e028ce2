import { assertEquals } from "@virtrigaud/deps";
import { EVENTS, type KubeObject } from "@virtrigaud/kube";
import { EventRecorder } from "./mod.ts";
import { type Harness, verb, WIDGETS, withHarness } from "./testing/harness.ts";

const widget = (name: string): KubeObject => ({ metadata: { namespace: "default", name, uid: `uid-of-${name}` } });
const recorder = (h: Harness) => new EventRecorder({ ...h, component: "widgets", instance: "pod-1" });
const written = async (h: Harness) => (await h.client.list(EVENTS)).items;

Deno.test("an event says what happened to which object, who reports and when", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    events.record(WIDGETS, widget("a"), { type: "Normal", reason: "Created", message: "made it" });
    await events.close();
    const [event] = await written(h);
    assertEquals(event?.involvedObject, {
      apiVersion: "test.example/v1",
      kind: "Widget",
      namespace: "default",
      name: "a",
      uid: "uid-of-a",
    });
    assertEquals([event?.type, event?.reason, event?.message, event?.count], ["Normal", "Created", "made it", 1]);
    assertEquals([event?.source?.component, event?.reportingInstance], ["widgets", "pod-1"]);
    assertEquals(event?.firstTimestamp, "2030-01-01T00:00:00Z");
    assertEquals(event?.metadata.namespace, "default");
  }));

Deno.test("the same event again counts up, in one request for as many as came meanwhile", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    const again = () => events.record(WIDGETS, widget("a"), { type: "Warning", reason: "Failed", message: "no" });
    again();
    await h.clock.advance(5_000);
    for (let i = 0; i < 4; i++) again();
    events.record(WIDGETS, widget("a"), { type: "Warning", reason: "Failed", message: "another reason" });
    await events.close();
    const [one, two] = await written(h);
    assertEquals([one?.count, two?.count], [5, 1]);
    assertEquals([one?.firstTimestamp, one?.lastTimestamp], ["2030-01-01T00:00:00Z", "2030-01-01T00:00:05Z"]);
    assertEquals([h.server.count("create"), h.server.count("patch")], [2, 1]);
  }));

Deno.test("a series whose event has expired on the server is begun again", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    const again = () => events.record(WIDGETS, widget("a"), { type: "Normal", reason: "Ticked", message: "tick" });
    again();
    await h.clock.settle();
    const [event] = await written(h);
    await h.client.delete(EVENTS, event?.metadata ?? { name: "" });
    again();
    await events.close();
    assertEquals((await written(h)).map(({ count }) => count), [2]);
  }));

Deno.test("recording returns at once and never throws, whatever the server does; close gives up in time", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    h.server.fail(verb("create"), { type: "hang" }, 1_000);
    for (let i = 0; i < 2_000; i++) {
      events.record(WIDGETS, widget(`w${i}`), { type: "Warning", reason: "Failed", message: "x".repeat(5_000) });
    }
    const closed = events.close({ timeoutMs: 1_000 });
    await h.clock.advance(1_000);
    await closed;
    events.record(WIDGETS, widget("late"), { type: "Normal", reason: "Created", message: "" });
    assertEquals(h.metrics.get("events_dropped_total", "queue_full"), 1_000);
    assertEquals(await written(h), []);
  }));

Deno.test("in a flood, what went well gives way at once and what went wrong is still written", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    const record = (type: "Normal" | "Warning", count: number) => {
      for (let i = 0; i < count; i++) {
        events.record(WIDGETS, widget(`${type}-${i}`), { type, reason: "Changed", message: "" });
      }
    };
    record("Normal", 500);
    record("Warning", 70);
    assertEquals(h.metrics.get("events_dropped_total", "flood"), 450);
    await h.clock.advance(10_000);
    const types = (await written(h)).map(({ type }) => type);
    assertEquals(types.filter((type) => type === "Warning").length, 70);
    assertEquals(types.length, 120);
    // Ten seconds have made room for ten more.
    record("Normal", 500);
    assertEquals(h.metrics.get("events_dropped_total", "flood"), 940);
    await events.close();
  }));

Deno.test("an object that causes a flood has events dropped, another has not", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    const flood = (name: string, count: number) => {
      for (let i = 0; i < count; i++) {
        events.record(WIDGETS, widget(name), { type: "Warning", reason: "Failed", message: `attempt ${i}` });
      }
    };
    flood("loud", 40);
    flood("quiet", 1);
    assertEquals(h.metrics.get("events_dropped_total", "object_limit"), 15);
    await h.clock.advance(300_000);
    flood("loud", 2);
    assertEquals(h.metrics.get("events_dropped_total", "object_limit"), 16);
    await events.close();
    assertEquals((await written(h)).length, 26);
  }));

Deno.test("an event that cannot be written is given up, the next one is written", () =>
  withHarness(async (h) => {
    const events = recorder(h);
    h.server.fail(verb("create"), { type: "status", code: 403 });
    events.record(WIDGETS, widget("a"), { type: "Normal", reason: "One", message: "" });
    events.record(WIDGETS, widget("a"), { type: "Normal", reason: "Two", message: "" });
    await events.close();
    assertEquals((await written(h)).map(({ reason }) => reason), ["Two"]);
    assertEquals([h.metrics.get("events_dropped_total", "write_failed"), h.log.of("warn").length], [1, 1]);
  }));
