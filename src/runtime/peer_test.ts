import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { untilPeerGone } from "./mod.ts";

type Attempt = "open" | "refused" | "unreachable";

/** Connections come out as `attempts` say; the last one stays. */
function peer(attempts: readonly Attempt[]) {
  const clock = new FakeClock();
  const stop = new AbortController();
  let tried = 0;
  let breakOff = () => {};
  const connect = () => {
    const attempt = attempts[Math.min(tried++, attempts.length - 1)];
    if (attempt === "refused") return Promise.reject(new Deno.errors.ConnectionRefused());
    if (attempt === "unreachable") return Promise.reject(new Deno.errors.TimedOut());
    const { promise, resolve } = Promise.withResolvers<void>();
    breakOff = resolve;
    return Promise.resolve({ ended: () => promise, close: resolve });
  };
  let gone = false;
  const done = untilPeerGone("10.0.0.1:8081", { connect, clock, signal: stop.signal }).then(() => {
    gone = true;
  });
  const broken = async () => {
    breakOff();
    await clock.settle();
  };
  return { clock, stop, done, broken, state: () => ({ gone, tried }) };
}

Deno.test("a process has ended when its connection breaks and the next is refused", async () => {
  const { clock, done, broken, state } = peer(["open", "refused"]);
  await clock.advance(60_000);
  assertEquals(state(), { gone: false, tried: 1 });
  await broken();
  assertEquals(state(), { gone: true, tried: 2 });
  await done;
});

Deno.test("a process that takes the next connection goes on, and is not asked without pause", async () => {
  const { clock, stop, done, broken, state } = peer(["open"]);
  for (let i = 0; i < 5; i++) await broken();
  assertEquals(state(), { gone: false, tried: 1 });
  await clock.advance(100);
  assertEquals(state().tried, 2);
  stop.abort();
  await assertRejects(() => done);
});

Deno.test("a refusal by whom nobody has seen proves nothing, nor does one after silence", async () => {
  for (const attempts of [["refused"], ["open", "unreachable", "refused"]] as const) {
    const { clock, stop, done, broken, state } = peer(attempts);
    await clock.advance(1_000);
    await broken();
    await clock.advance(30_000);
    assertEquals(state().gone, false);
    stop.abort();
    await assertRejects(() => done);
  }
});
