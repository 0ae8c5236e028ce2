import { assert, assertEquals, assertThrows } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { WorkQueue, type WorkQueueOptions } from "./mod.ts";
import { MemoryMetrics } from "./testing/harness.ts";

function setUp(options: Partial<WorkQueueOptions> = {}) {
  const clock = new FakeClock();
  const metrics = new MemoryMetrics();
  const queue = new WorkQueue({ name: "q", clock, metrics, random: () => 0, ...options });
  /** Takes all that can be taken now. */
  const drain = async () => {
    const taken: string[] = [];
    while (queue.depth > 0) taken.push((await queue.take())?.key ?? "closed");
    return taken;
  };
  return { clock, metrics, queue, drain };
}

Deno.test("a key that is added twice is given out once", async () => {
  const { queue, drain, metrics } = setUp();
  queue.add("a");
  queue.add("b");
  queue.add("a");
  assertEquals(await drain(), ["a", "b"]);
  assertEquals(metrics.get("workqueue_adds_total", "q"), 3);
});

Deno.test("a key that a worker has is not given to another; added meanwhile, it comes again after done", async () => {
  const { queue, drain } = setUp();
  queue.add("a");
  await queue.take();
  queue.add("a");
  queue.add("a");
  assertEquals(queue.depth, 0);
  queue.done("a");
  assertEquals(await drain(), ["a"]);
  queue.done("a");
  assertEquals(queue.depth, 0);
  assertThrows(() => queue.done("a"), Error, '"a" is not with a worker');
});

Deno.test("a worker that waits is given the next key at once", async () => {
  const { queue } = setUp();
  const taken = queue.take();
  queue.add("a", { priority: "low" });
  assertEquals(await taken, { key: "a", priority: "low" });
});

Deno.test("high goes before normal before low, a second addition raises the priority", async () => {
  const { queue, drain } = setUp();
  queue.add("a", { priority: "low" });
  queue.add("b");
  queue.add("c", { priority: "high" });
  queue.add("d", { priority: "low" });
  queue.add("d", { priority: "high" });
  queue.add("c", { priority: "low" });
  assertEquals(await drain(), ["c", "d", "b", "a"]);
});

Deno.test("low priority waits but does not starve", async () => {
  const { queue, clock } = setUp();
  queue.add("old", { priority: "low" });
  await clock.advance(1);
  const taken: string[] = [];
  for (let i = 0; i < 20; i++) {
    queue.add(`k${i}`, { priority: "high" });
    const item = await queue.take();
    taken.push(item?.key ?? "");
    queue.done(item?.key ?? "");
  }
  assertEquals(taken.indexOf("old"), 9);
});

Deno.test("a delayed key comes when its time has come; of two delays the shorter counts", async () => {
  const { queue, clock } = setUp();
  queue.add("a", { afterMs: 1_000 });
  queue.add("a", { afterMs: 100 });
  queue.add("a", { afterMs: 500 });
  await clock.advance(99);
  assertEquals([queue.depth, queue.delayed], [0, 1]);
  await clock.advance(1);
  assertEquals([queue.depth, queue.delayed, clock.pending], [1, 0, 0]);
  await clock.advance(5_000);
  assertEquals(queue.depth, 1);
});

Deno.test("taking a key takes back its delay: who works on it decides anew", async () => {
  const { queue, clock, drain } = setUp();
  queue.add("a", { afterMs: 1_000 });
  queue.add("a");
  assertEquals(await drain(), ["a"]);
  queue.done("a");
  await clock.advance(2_000);
  assertEquals([queue.depth, clock.pending], [0, 0]);
});

Deno.test("a thousand delayed keys come in order, on one timer", async () => {
  const { queue, clock, drain } = setUp();
  const delays = Array.from({ length: 1_000 }, (_, i) => (i * 7919) % 1_000 + 1);
  for (const delay of delays) queue.add(`k${String(delay).padStart(4, "0")}`, { afterMs: delay });
  assertEquals(clock.pending, 1);
  await clock.advance(1_000);
  const taken = await drain();
  assertEquals([taken.length, taken.every((key, i) => i === 0 || key > (taken[i - 1] ?? ""))], [1_000, true]);
});

Deno.test("failures of a key back off by themselves, and start over after success", () => {
  const { queue, clock, metrics } = setUp({ backoff: { baseMs: 100, maxMs: 300 } });
  assertEquals([1, 2, 3, 4].map(() => queue.retry("a")), [100, 200, 300, 300]);
  assertEquals(queue.retry("b"), 100);
  assertEquals([queue.failures("a"), metrics.get("workqueue_retries_total", "q")], [4, 5]);
  queue.forget("a");
  assertEquals([queue.failures("a"), queue.retry("a")], [0, 100]);
  queue.close();
  assertEquals(clock.pending, 0);
});

Deno.test("groups take turns, however many keys one of them has", async () => {
  const { queue, drain } = setUp({ groupOf: (key) => key.slice(0, 1) });
  for (let i = 0; i < 6; i++) queue.add(`a${i}`);
  queue.add("b0");
  queue.add("b1");
  assertEquals(await drain(), ["a0", "b0", "a1", "b1", "a2", "a3", "a4", "a5"]);
});

Deno.test("a group whose keys never end leaves workers for others, and takes up what is free again", async () => {
  const { queue } = setUp({ workers: 8, groupOf: (key) => key.slice(0, 1) });
  const taken: string[] = [];
  for (let worker = 0; worker < 8; worker++) void queue.take().then((item) => taken.push(item?.key ?? "closed"));
  for (let i = 0; i < 20; i++) queue.add(`a${i}`);
  await Promise.resolve();
  assertEquals(taken.length, 4);
  queue.add("b0");
  await Promise.resolve();
  assertEquals(taken.slice(4), ["b0"]);
  queue.done("b0");
  queue.add("c0");
  await Promise.resolve();
  assertEquals(taken.slice(5), ["c0"]);
  queue.close();
  await Promise.resolve();
});

Deno.test("one worker is enough for many groups", async () => {
  const { queue } = setUp({ workers: 1, groupOf: (key) => key });
  for (const key of ["a", "b", "c"]) queue.add(key);
  const taken: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    const item = await queue.take();
    taken.push(item?.key);
    queue.done(item?.key ?? "");
  }
  assertEquals(taken, ["a", "b", "c"]);
});

Deno.test("a closed queue gives out nothing, wakes its workers and takes nothing more", async () => {
  const { queue, clock } = setUp();
  const waiting = queue.take();
  queue.add("later", { afterMs: 100 });
  queue.close();
  queue.add("a");
  assertEquals([await waiting, await queue.take(), queue.depth, clock.pending], [undefined, undefined, 0, 0]);
});

Deno.test("depth and times are measured", async () => {
  const { queue, clock, metrics } = setUp();
  queue.add("a");
  assertEquals(metrics.get("workqueue_depth", "q"), 1);
  await clock.advance(2_000);
  await queue.take();
  await clock.advance(3_000);
  queue.done("a");
  assertEquals(metrics.values.get("workqueue_queue_duration_seconds q sum"), 2);
  assertEquals(metrics.values.get("workqueue_work_duration_seconds q sum"), 3);
  assert(metrics.get("workqueue_depth", "q") === 0);
});
