import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { Breaker, BreakerOpenError, type BreakerOptions } from "./breaker.ts";
import { FakeClock } from "./fake_clock.ts";

class Refused extends Error {}
class GivenUp extends Error {}

function breaker(options: BreakerOptions = {}) {
  const clock = new FakeClock();
  const states: string[] = [];
  const it = new Breaker({
    clock,
    classify: (error) => error instanceof Refused ? "success" : error instanceof GivenUp ? "ignore" : "failure",
    onStateChange: (state) => states.push(state),
    ...options,
  });
  let calls = 0;
  const call = (outcome: "ok" | Error) =>
    it.run(() => {
      calls++;
      return outcome === "ok" ? Promise.resolve(outcome) : Promise.reject(outcome);
    }).catch((error) => error);
  const fail = async (times: number) => {
    for (let i = 0; i < times; i++) await call(new Error("down"));
  };
  return { it, clock, states, call, fail, calls: () => calls, [Symbol.dispose]: () => it.close() };
}

Deno.test("the tenth consecutive failure opens it, and then no call is made", async () => {
  using test = breaker();
  await test.fail(9);
  assertEquals(test.it.state, "closed");
  await test.fail(1);
  assertEquals(test.it.state, "open");
  const error = await assertRejects(() => test.it.run(() => Promise.resolve()), BreakerOpenError);
  assertEquals([error.retryAfterMs, test.calls()], [60_000, 10]);
});

Deno.test("a success or a refusal in between starts the count again, a call that was given up does not", async () => {
  using test = breaker();
  await test.fail(9);
  await test.call(new Refused());
  await test.fail(9);
  await test.call("ok");
  await test.fail(9);
  assertEquals(test.it.state, "closed");
  await test.call(new GivenUp());
  await test.fail(1);
  assertEquals(test.it.state, "open");
});

Deno.test("after 60 s three trials go through, more are refused, and three successes close it", async () => {
  using test = breaker();
  await test.fail(10);
  await test.clock.advance(59_999);
  assertEquals(test.it.state, "open");
  await test.clock.advance(1);
  assertEquals(test.it.state, "half-open");
  const gate = Promise.withResolvers<void>();
  const trials = Array.from({ length: 3 }, () => test.it.run(() => gate.promise));
  for (let i = 0; i < 5; i++) await assertRejects(() => test.it.run(() => gate.promise), BreakerOpenError);
  gate.resolve();
  await Promise.all(trials);
  assertEquals([test.it.state, test.states], ["closed", ["open", "half-open", "closed"]]);
  await test.fail(9);
  assertEquals(test.it.state, "closed");
});

Deno.test("a failed trial opens it for another 60 s", async () => {
  using test = breaker();
  await test.fail(10);
  await test.clock.advance(60_000);
  await test.call("ok");
  await test.fail(1);
  assertEquals(test.it.state, "open");
  await test.clock.advance(60_000);
  for (let i = 0; i < 3; i++) await test.call("ok");
  assertEquals([test.it.state, test.clock.pending], ["closed", 0]);
});

Deno.test("a trial that its caller gave up makes room for another", async () => {
  using test = breaker();
  await test.fail(10);
  await test.clock.advance(60_000);
  for (let i = 0; i < 5; i++) await test.call(new GivenUp());
  for (let i = 0; i < 3; i++) await test.call("ok");
  assertEquals(test.it.state, "closed");
});

Deno.test("what a call tells that began before the breaker opened no longer counts", async () => {
  using test = breaker();
  const late = Promise.withResolvers<void>();
  const call = test.it.run(() => late.promise);
  await test.fail(10);
  await test.clock.advance(60_000);
  late.resolve();
  await call;
  assertEquals(test.it.state, "half-open");
  for (let i = 0; i < 2; i++) await test.call("ok");
  assertEquals(test.it.state, "half-open");
});

Deno.test("threshold, time and number of trials can be set", async () => {
  using test = breaker({ failureThreshold: 2, resetMs: 100, halfOpenMaxCalls: 1 });
  await test.fail(2);
  await test.clock.advance(100);
  await test.call("ok");
  assertEquals(test.states, ["open", "half-open", "closed"]);
});
