import { assertEquals } from "@virtrigaud/deps";
import { type CallContext, type Provider, ProviderError } from "@virtrigaud/contract";
import { FakeClock } from "@virtrigaud/resilience";
import { ProviderConnection } from "./connection.ts";

const health = { enabled: true, intervalMs: 30_000, timeoutMs: 10_000, failureThreshold: 1, successThreshold: 1 };

/** A provider whose `validate` does this; the list of its watch never ends. */
function connect(clock: FakeClock, validate: (call: CallContext) => Promise<never>): ProviderConnection {
  const client = {
    validate,
    async *watch({ signal }: CallContext) {
      yield { type: "ListBegin" };
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  } as unknown as Provider;
  return new ProviderConnection({
    key: "ns/p",
    dialed: { client, close: () => {} },
    health,
    clock,
    requestId: () => "r",
    turn: () => ({ fence: 1, number: 1 }),
    onChange: () => {},
  });
}

const message = (connection: ProviderConnection) =>
  connection.health.type === "Unhealthy" ? connection.health.error.message : connection.health.type;

Deno.test("an unhealthy provider says what went wrong, also when repeating it used the time up", async () => {
  const clock = new FakeClock();
  const connection = connect(clock, async ({ signal }) => {
    // As a client does that repeats until it is called off, and then tells of its last attempt.
    await clock.sleep(60_000, { signal }).catch(() => {});
    throw new ProviderError("Unavailable", "connect ECONNREFUSED");
  });
  await clock.advanceUntil(() => connection.health.type === "Unhealthy", { limitMs: 20_000 });
  assertEquals(message(connection), "connect ECONNREFUSED");
  await connection.close();
});

Deno.test("a provider that hangs is told from one that refuses", async () => {
  const clock = new FakeClock();
  const connection = connect(
    clock,
    ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  await clock.advanceUntil(() => connection.health.type === "Unhealthy", { limitMs: 20_000 });
  assertEquals(message(connection), "the provider did not answer Validate within 10000 ms");
  await connection.close();
});
