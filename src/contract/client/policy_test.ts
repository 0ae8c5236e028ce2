import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { CLIENT_METRICS, createMetrics, type LogFields, type Logger, silentLogger } from "@virtrigaud/telemetry";
import { type ErrorClass, errorClasses, ProviderError } from "../errors.ts";
import { callContext } from "../testing/fixture.ts";
import { type Attempt, CallPolicy, type PolicySettings, type RpcTraits } from "./policy.ts";

const describe: RpcTraits = { rpc: "Describe", deadline: "describe", mutating: false };
const create: RpcTraits = { rpc: "Create", deadline: "mutating", mutating: true };

function chain(settings: PolicySettings = {}, log: Logger = silentLogger) {
  const clock = new FakeClock();
  const metrics = createMetrics(CLIENT_METRICS);
  const states: string[] = [];
  const policy = new CallPolicy(
    {
      rateLimit: { qps: 1000, burst: 1000 },
      retry: { backoff: { baseMs: 500, maxMs: 30_000, jitter: 0 } },
      ...settings,
    },
    {
      clock,
      metrics,
      log,
      provider: "default/lab",
      providerType: "mock",
      onBreakerChange: (state) => states.push(state),
    },
  );
  const starts: number[] = [];
  const run = (outcome: (attempt: Attempt, number: number) => unknown, rpc = describe, context = callContext()) =>
    policy.run(rpc, context, async (attempt) => {
      starts.push(clock.monotonic());
      return await outcome(attempt, starts.length);
    });
  const fail = (errorClass: ErrorClass, options = {}) => () => {
    throw new ProviderError(errorClass, "no", options);
  };
  return { policy, clock, metrics, states, starts, run, fail, [Symbol.dispose]: () => policy.close() };
}

/** Outcome of a call, with fake time going by until there is one. */
async function outcome(test: { clock: FakeClock }, call: Promise<unknown>): Promise<unknown> {
  let result: { value: unknown } | undefined;
  call.then((value) => result = { value }, (value) => result = { value });
  await test.clock.advanceUntil(() => result !== undefined);
  return result?.value;
}

Deno.test("only what may pass within the call is repeated, reads and mutating calls alike", async () => {
  const attempts: Record<string, number> = {};
  for (const errorClass of errorClasses) {
    for (const rpc of [describe, create]) {
      using test = chain();
      await outcome(test, test.run(test.fail(errorClass), rpc));
      attempts[`${errorClass}/${rpc.rpc}`] = test.starts.length;
    }
  }
  const repeated = Object.entries(attempts).filter(([, count]) => count > 1).map(([key, count]) => `${key} ${count}`);
  assertEquals(repeated, [
    "Retryable/Describe 5",
    "Retryable/Create 5",
    "Unavailable/Describe 5",
    "Unavailable/Create 5",
    "RateLimit/Describe 5",
    "RateLimit/Create 5",
  ]);
});

Deno.test("a delay that the provider asks for is kept; one that is too long is handed to the caller", async () => {
  using test = chain();
  const value = test.run((_, number) => number === 1 ? test.fail("RateLimit", { retryAfterMs: 9000 })() : "done");
  assertEquals([await outcome(test, value), test.starts], ["done", [0, 9000]]);
  const error = await outcome(test, test.run(test.fail("RateLimit", { retryAfterMs: 60_000 })));
  assertEquals(error instanceof ProviderError && error.retryAfterMs, 60_000);
  assertEquals(test.starts.length, 3);
});

Deno.test("each attempt has its group's deadline, and a hang ends as Timeout with the effect unknown", async () => {
  const hang = (seen: number[]) => (attempt: Attempt) => {
    seen.push(attempt.deadlineMs);
    return new Promise((_, reject) => attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason)));
  };
  const expected = { validate: 10_000, describe: 30_000, mutating: 240_000, taskStatus: 10_000 } as const;
  for (const [deadline, ms] of Object.entries(expected)) {
    using test = chain();
    const seen: number[] = [];
    const error = await outcome(test, test.run(hang(seen), { ...describe, deadline: deadline as "describe" }));
    if (!ProviderError.is(error, "Timeout")) throw new Error(`not a timeout: ${error}`);
    assertEquals([seen, test.clock.monotonic(), error.reason], [[ms], ms, "DeadlineExceeded"]);
    assertStringIncludes(error.message, `within ${ms / 1000} s`);
  }
});

Deno.test("waiting for the rate limit counts against the deadline", async () => {
  using test = chain({ rateLimit: { qps: 0.1, burst: 1 }, timeouts: { describe: 4000 } });
  assertEquals(await outcome(test, test.run(() => "first")), "first");
  const error = await outcome(test, test.run(() => "second"));
  assertEquals([ProviderError.is(error, "Timeout"), test.starts.length, test.clock.monotonic()], [true, 1, 4000]);
});

Deno.test("ten calls in a row without an answer open the breaker, refusals do not, and it tells when to come back", async () => {
  using test = chain({ retry: { maxAttempts: 1 } });
  for (const errorClass of ["Unavailable", "Timeout", "Retryable"] as const) {
    for (let i = 0; i < 3; i++) await outcome(test, test.run(test.fail(errorClass)));
  }
  await outcome(test, test.run(test.fail("InvalidSpec")));
  for (let i = 0; i < 9; i++) await outcome(test, test.run(test.fail("Unavailable")));
  assertEquals(test.policy.breakerState, "closed");
  await outcome(test, test.run(test.fail("Unavailable")));
  const { length } = test.starts;
  const error = await outcome(test, test.run(() => "never"));
  if (!ProviderError.is(error, "Unavailable")) throw new Error(`not refused: ${error}`);
  assertEquals([error.reason, error.retryAfterMs, test.starts.length - length], ["BreakerOpen", 60_000, 0]);
  await test.clock.advance(60_000);
  for (let i = 0; i < 3; i++) assertEquals(await outcome(test, test.run(() => "ok")), "ok");
  assertEquals(test.states, ["open", "half-open", "closed"]);
  const text = await test.metrics.text();
  assertStringIncludes(text, 'virtrigaud_circuit_breaker_state{provider_type="mock",provider="default/lab"} 0');
  assertStringIncludes(
    text,
    'virtrigaud_circuit_breaker_failures_total{provider_type="mock",provider="default/lab"} 19',
  );
});

Deno.test("a call that its caller gives up says nothing about the provider", async () => {
  using test = chain({ retry: { maxAttempts: 1 }, breaker: { failureThreshold: 1 } });
  const leave = new AbortController();
  const call = assertRejects(() =>
    test.run(
      (attempt) => new Promise((_, reject) => attempt.signal.addEventListener("abort", () => reject(new Error("x")))),
      describe,
      callContext(leave.signal),
    ), ProviderError);
  await test.clock.settle();
  leave.abort();
  assertEquals([(await call).reason, test.policy.breakerState], ["Cancelled", "closed"]);
});

Deno.test("at debug level the log tells of each call, how it ended and how long it took, and nothing of its content", async () => {
  const lines: unknown[] = [];
  const log = {
    ...silentLogger,
    debug: (message: string, fields?: LogFields) => void lines.push({ message, ...fields }),
  };
  using test = chain({}, log);
  await outcome(test, test.run(() => ({ password: "hunter2" })));
  await outcome(test, test.run((_, number) => number === 2 ? test.fail("Unavailable")() : "made", create));
  await outcome(test, test.run(test.fail("InvalidSpec"), create));
  const call = { provider: "default/lab", requestId: "test-request" };
  assertEquals(lines.filter((line) => (line as LogFields).message === "call ended"), [
    { message: "call ended", ...call, rpc: "Describe", code: "OK", seconds: 0 },
    { message: "call ended", ...call, rpc: "Create", code: "OK", seconds: 0.5 },
    { message: "call ended", ...call, rpc: "Create", code: "InvalidArgument", seconds: 0 },
  ]);
  assertEquals(JSON.stringify(lines).includes("hunter2"), false);
});

Deno.test("metrics tell outcome, time and repetitions of calls by method", async () => {
  using test = chain();
  await outcome(test, test.run((_, number) => number < 3 ? test.fail("Unavailable")() : "ok"));
  await outcome(test, test.run(test.fail("NotFound"), create));
  const text = await test.metrics.text();
  for (
    const line of [
      'virtrigaud_provider_rpc_requests_total{provider_type="mock",method="Describe",code="OK"} 1',
      'virtrigaud_provider_rpc_requests_total{provider_type="mock",method="Create",code="NotFound"} 1',
      'virtrigaud_provider_rpc_retries_total{provider_type="mock",provider="default/lab",method="Describe"} 2',
      'virtrigaud_provider_rpc_latency_seconds_sum{provider_type="mock",method="Describe"} 1.5',
      'le="2097.152"',
    ]
  ) assertStringIncludes(text, line);
});
