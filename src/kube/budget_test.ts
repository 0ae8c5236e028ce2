import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { RequestBudget } from "./mod.ts";

Deno.test("a burst goes at once, what follows at the rate, in order of arrival", async () => {
  const clock = new FakeClock();
  const budget = new RequestBudget({ clock, qps: 10, burst: 3 });
  const times: string[] = [];
  for (let i = 0; i < 6; i++) void budget.acquire().then(() => times.push(`${i}@${clock.monotonic()}`));
  await clock.advance(1_000);
  assertEquals(times, ["0@0", "1@0", "2@0", "3@100", "4@200", "5@300"]);
  assertEquals(clock.pending, 0);
});

Deno.test("no more are under way than allowed; a release lets the next one go, once", async () => {
  const clock = new FakeClock();
  const budget = new RequestBudget({ clock, maxInFlight: 1 });
  const release = await budget.acquire();
  const got: number[] = [];
  void budget.acquire().then(() => got.push(1));
  void budget.acquire().then(() => got.push(2));
  await clock.settle();
  assertEquals(got, []);
  release();
  release();
  await clock.settle();
  assertEquals(got, [1]);
});

Deno.test("who gives up waiting leaves the line and no timer", async () => {
  const clock = new FakeClock();
  const budget = new RequestBudget({ clock, qps: 1, burst: 1 });
  await budget.acquire();
  const abort = new AbortController();
  const waiting = budget.acquire(abort.signal);
  abort.abort(new RangeError("no more"));
  await assertRejects(() => waiting, RangeError, "no more");
  assertEquals(clock.pending, 0);
});
