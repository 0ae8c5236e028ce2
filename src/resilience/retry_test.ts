import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { DeadlineExceededError, withDeadline } from "./deadline.ts";
import { FakeClock } from "./fake_clock.ts";
import { TokenBucket } from "./rate_limit.ts";
import { retry, type RetryAdvice } from "./retry.ts";

const backoff = { baseMs: 500, maxMs: 30_000, factor: 2, jitter: 0 };

async function attempts(failures: number, advise: (error: unknown) => RetryAdvice, maxAttempts?: number) {
  const clock = new FakeClock();
  const at: number[] = [];
  let outcome = "pending";
  const run = retry((number) => {
    at.push(clock.monotonic());
    return number <= failures ? Promise.reject(new Error(`failure ${number}`)) : Promise.resolve("done");
  }, { clock, backoff, advise, maxAttempts });
  run.then((value) => outcome = value, (error) => outcome = error.message);
  await clock.advance(120_000);
  return { at, outcome };
}

Deno.test("attempts are spaced by doubling delays until one succeeds", async () => {
  assertEquals(await attempts(3, () => ({})), { at: [0, 500, 1500, 3500], outcome: "done" });
});

Deno.test("after the last attempt the last error is thrown", async () => {
  assertEquals((await attempts(9, () => ({}))).outcome, "failure 5");
  assertEquals(await attempts(9, () => ({}), 2), { at: [0, 500], outcome: "failure 2" });
});

Deno.test("what must not be retried is tried once", async () => {
  assertEquals(await attempts(9, () => false), { at: [0], outcome: "failure 1" });
});

Deno.test("a delay that the peer asks for is kept, unless it is longer than any backoff", async () => {
  assertEquals((await attempts(1, () => ({ afterMs: 7000 }))).at, [0, 7000]);
  assertEquals((await attempts(1, () => ({ afterMs: 31_000 }))).outcome, "failure 1");
});

Deno.test("a caller that leaves while waiting gets the failure and no further attempt", async () => {
  const clock = new FakeClock();
  const leave = new AbortController();
  let calls = 0;
  const run = retry(() => Promise.reject(new Error(`failure ${++calls}`)), {
    clock,
    advise: () => ({}),
    signal: leave.signal,
  });
  const failed = assertRejects(() => run, Error, "failure 1");
  await clock.settle();
  leave.abort();
  await failed;
  assertEquals([calls, clock.pending], [1, 0]);
});

Deno.test("a token bucket lets a burst through and then keeps the rate, in order of arrival", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ qps: 10, burst: 3, clock });
  const served: string[] = [];
  for (let i = 0; i < 6; i++) void bucket.take().then(() => served.push(`${i}@${clock.monotonic()}`));
  await clock.advance(1000);
  assertEquals(served, ["0@0", "1@0", "2@0", "3@100", "4@200", "5@300"]);
});

Deno.test("who leaves the queue of a token bucket takes no token and holds nobody up", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ qps: 1, burst: 1, clock });
  await bucket.take();
  const leave = new AbortController();
  const left = assertRejects(() => bucket.take({ signal: leave.signal }));
  let served = -1;
  void bucket.take().then(() => served = clock.monotonic());
  await clock.advance(400);
  leave.abort();
  await left;
  await clock.advance(600);
  assertEquals(served, 1000);
});

Deno.test("a deadline aborts the work with its own reason, and clears its timer when the work is done", async () => {
  const clock = new FakeClock();
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const late = assertRejects(() => withDeadline(5000, hang, { clock }), DeadlineExceededError, "within 5 s");
  await clock.advance(5000);
  await late;
  assertEquals(await withDeadline(5000, () => Promise.resolve(1), { clock }), 1);
  const leave = new AbortController();
  const left = assertRejects(() => withDeadline(5000, hang, { clock, signal: leave.signal }), Error, "left");
  leave.abort(new Error("left"));
  await left;
  assertEquals(clock.pending, 0);
});
