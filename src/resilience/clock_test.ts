import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { backoffDelay, FakeClock, jittered, systemClock } from "./mod.ts";

Deno.test("the fake clock runs what falls due in order, also what is armed on the way", async () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  clock.setTimeout(() => seen.push(`b@${clock.monotonic()}`), 20);
  clock.setTimeout(() => {
    seen.push(`a@${clock.monotonic()}`);
    clock.setTimeout(() => seen.push(`c@${clock.monotonic()}`), 5);
  }, 10);
  const cancel = clock.setTimeout(() => seen.push("never"), 12);
  cancel();
  await clock.advance(15);
  assertEquals([seen, clock.pending], [["a@10", "c@15"], 1]);
  await clock.advance(100);
  assertEquals([seen, clock.monotonic()], [["a@10", "c@15", "b@20"], 115]);
});

Deno.test("a jump of the wall clock does not touch durations", async () => {
  const clock = new FakeClock({ start: 1_000 });
  clock.skew(-500);
  await clock.advance(10);
  assertEquals([clock.now(), clock.monotonic()], [510, 10]);
});

Deno.test("a sleep ends early with the reason of its signal and takes its timer along", async () => {
  for (const clock of [new FakeClock(), systemClock]) {
    const abort = new AbortController();
    const sleep = clock.sleep(60_000, { signal: abort.signal });
    abort.abort(new RangeError("woken"));
    await assertRejects(() => sleep, RangeError, "woken");
    await assertRejects(() => clock.sleep(1, { signal: abort.signal }), RangeError, "woken");
    if (clock instanceof FakeClock) assertEquals(clock.pending, 0);
  }
});

Deno.test("advanceUntil says when the awaited state cannot come", async () => {
  const clock = new FakeClock();
  let reached = false;
  clock.setTimeout(() => void (reached = true), 1_000);
  await clock.advanceUntil(() => reached);
  assertEquals(clock.monotonic(), 1_000);
  await assertRejects(
    () => clock.advanceUntil(() => false, { idleMs: 20 }),
    Error,
    "nothing left to wait for at +1000 ms",
  );
});

Deno.test("backoff grows, stays below its limit, and chance only shortens it", () => {
  const policy = { baseMs: 100, maxMs: 1_000 };
  assertEquals([1, 2, 3, 4, 5, 1000].map((n) => backoffDelay(policy, n, () => 0)), [100, 200, 400, 800, 1000, 1000]);
  assertEquals(backoffDelay(policy, 1, () => 1), 50);
  assertEquals(backoffDelay({ ...policy, jitter: 0 }, 2, () => 1), 200);
  assert(jittered(100, 0.5, () => 0) === 100 && jittered(100, 0.5, () => 1) === 150);
});
