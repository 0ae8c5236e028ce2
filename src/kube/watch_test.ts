import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { isGone, KubeError, type WatchEvent, watchEvents, type WatchStreamOptions } from "./mod.ts";

const added = (name: string) => ({ type: "ADDED", object: { metadata: { name } } });
const line = (value: unknown) => JSON.stringify(value) + "\n";

function streamOf(chunks: (string | Uint8Array)[], end: "close" | "error" | "open" = "close") {
  const state = { taken: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[state.taken];
      if (chunk === undefined) {
        if (end === "close") controller.close();
        if (end === "error") controller.error(new TypeError("reset"));
        return;
      }
      state.taken++;
      controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    },
    cancel: () => void (state.cancelled = true),
  }, { highWaterMark: 0 });
  return { body, state };
}

const options = (more: Partial<WatchStreamOptions> = {}): WatchStreamOptions => ({
  doing: "watch configmaps",
  clock: new FakeClock(),
  idleTimeoutMs: 1_000,
  ...more,
});

async function collect(body: ReadableStream<Uint8Array>, more: Partial<WatchStreamOptions> = {}) {
  const events: WatchEvent[] = [];
  let error: unknown;
  try {
    for await (const event of watchEvents(body, options(more))) events.push(event);
  } catch (caught) {
    error = caught;
  }
  const names = events.map((event) => event.object.metadata.name);
  return { names, error, reason: error instanceof KubeError ? error.reason : undefined };
}

Deno.test("events survive any cut into chunks, within a character too", async () => {
  const bytes = new TextEncoder().encode(line(added("grün")) + "\n" + line(added("b")));
  for (let at = 1; at < bytes.length; at++) {
    const { body } = streamOf([bytes.slice(0, at), bytes.slice(at)]);
    assertEquals(await collect(body), { names: ["grün", "b"], error: undefined, reason: undefined });
  }
});

Deno.test("a stream that ends within an event keeps the events before and is an error", async () => {
  const { body } = streamOf([line(added("a")) + line(added("b")).slice(0, 20)]);
  const { names, reason } = await collect(body);
  assertEquals([names, reason], [["a"], "ConnectionFailed"]);
});

Deno.test("a broken stream keeps the events before and is an error", async () => {
  const { names, reason } = await collect(streamOf([line(added("a"))], "error").body);
  assertEquals([names, reason], [["a"], "ConnectionFailed"]);
});

Deno.test("an ERROR event ends the watch with its status", async () => {
  const error = { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } };
  const { names, error: thrown } = await collect(streamOf([line(added("a")), line(error), line(added("b"))]).body);
  assertEquals(names, ["a"]);
  assert(isGone(thrown));
});

Deno.test("lines that are no events are refused", async () => {
  for (const text of ["{]\n", "null\n", '{"type":"ADDED"}\n', '{"type":"MAYBE","object":{}}\n', "5\n"]) {
    const { reason } = await collect(streamOf([text]).body);
    assertEquals([text, reason], [text, "InvalidResponse"]);
  }
});

Deno.test("an event longer than the limit is refused before it is complete", async () => {
  const { body, state } = streamOf(Array(100).fill("x".repeat(10)), "open");
  const { reason } = await collect(body, { maxEventLength: 50 });
  assertEquals([reason, state.taken, state.cancelled], ["InvalidResponse", 6, true]);
});

Deno.test("a silent stream is dropped after the idle time, counted from the last chunk", async () => {
  const clock = new FakeClock();
  const { body, state } = streamOf([line(added("a"))], "open");
  const events = watchEvents(body, options({ clock }));
  assertEquals((await events.next()).value?.object.metadata.name, "a");
  const failed = assertRejects(() => events.next(), KubeError, "watch configmaps: nothing came for 1000 ms");
  await clock.advance(1_000);
  assertEquals((await failed).reason, "DeadlineExceeded");
  assertEquals([state.cancelled, clock.pending], [true, 0]);
});

Deno.test("an abort ends a stream that takes no notice of it, waiting or not", async () => {
  const [clock, abort] = [new FakeClock(), new AbortController()];
  const { body, state } = streamOf([line(added("a"))], "open");
  const events = watchEvents(body, options({ clock, signal: abort.signal }));
  await events.next();
  const failed = assertRejects(() => events.next(), RangeError, "enough");
  abort.abort(new RangeError("enough"));
  await failed;
  assertEquals([state.cancelled, clock.pending], [true, 0]);
  const again = watchEvents(streamOf([line(added("a"))]).body, options({ signal: abort.signal }));
  await assertRejects(() => again.next(), RangeError, "enough");
});

Deno.test("nothing is read ahead of the consumer, and leaving the loop cancels the stream", async () => {
  const { body, state } = streamOf([line(added("a")), line(added("b")), line(added("c"))]);
  for await (const event of watchEvents(body, options())) {
    assertEquals([event.object.metadata.name, state.taken], ["a", 1]);
    break;
  }
  assertEquals(state, { taken: 1, cancelled: true });
});
