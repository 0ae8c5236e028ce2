import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "./fake_clock.ts";
import { until } from "./until.ts";

Deno.test("the answer is given as soon as there is one, and looks are further and further apart", async () => {
  const clock = new FakeClock();
  const looks: number[] = [];
  const answer = until("the third second", () => {
    looks.push(clock.monotonic());
    return clock.monotonic() >= 600 && "there";
  }, { clock });
  await clock.advance(1_000);
  assertEquals(await answer, "there");
  assertEquals(looks, [0, 10, 30, 70, 150, 310, 510, 710]);
  assertEquals(clock.pending, 0);
});

Deno.test("0 and the empty text are answers; a look that fails has not seen it yet", async () => {
  assertEquals(await until("a number", () => 0), 0);
  assertEquals(await until("a text", () => ""), "");
  const clock = new FakeClock();
  let left = 2;
  const answer = until("the third try", () => left-- > 0 ? Promise.reject(new Error("no")) : "yes", { clock });
  await clock.advance(100);
  assertEquals(await answer, "yes");
});

Deno.test("when the limit has passed, the error says what was waited for, what was seen and what failed", async () => {
  const clock = new FakeClock();
  const failing = { clock, limitMs: 5_000, seen: () => Promise.resolve("phase Pending") };
  const refused = assertRejects(
    () => until("the VM to be Ready", () => Promise.reject(new Error("connection refused")), failing),
    Error,
    "waited 5 s for the VM to be Ready; seen last: phase Pending; the last look failed: connection refused",
  );
  await clock.advance(6_000);
  await refused;
  assertEquals(clock.pending, 0);
});

Deno.test("an error that does not mean 'not yet' is thrown at once, and so is the reason of the signal", async () => {
  const clock = new FakeClock();
  const transient = (error: unknown) => error instanceof TypeError;
  await assertRejects(() => until("it", () => Promise.reject(new RangeError("x")), { clock, transient }), RangeError);
  const abort = new AbortController();
  const stopped = assertRejects(() => until("it", () => false, { clock, signal: abort.signal }), Error, "enough");
  await clock.advance(20);
  abort.abort(new Error("enough"));
  await stopped;
  assertEquals(clock.pending, 0);
});
