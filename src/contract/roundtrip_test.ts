import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { errorClasses, ProviderError } from "./errors.ts";
import type { CreateRequest, Provider, WatchEvent } from "./provider.ts";
import { callContext, loopback, machine, machineSpec, operation } from "./testing/fixture.ts";
import { samples } from "./testing/samples.ts";

Deno.test("every RPC reaches the provider's method of that name and brings its answer back", async () => {
  const calls: string[] = [];
  const answers = Object.fromEntries(
    Object.entries(samples).map(([method, { responses }]) => {
      const [answer] = fc.sample(responses as fc.Arbitrary<unknown>, { numRuns: 1, seed: 7 });
      return [method, (...args: unknown[]) => {
        calls.push(`${method}/${args.length}`);
        return Promise.resolve(answer);
      }];
    }),
  ) as Partial<Provider>;
  await using loop = await loopback(answers);
  for (const [method, { requests, responses }] of Object.entries(samples)) {
    const [request] = fc.sample(requests as fc.Arbitrary<unknown>, { numRuns: 1, seed: 11 });
    const [answer] = fc.sample(responses as fc.Arbitrary<unknown>, { numRuns: 1, seed: 7 });
    const call = loop.provider[method as keyof Provider].bind(loop.provider) as (
      ...args: unknown[]
    ) => Promise<unknown>;
    const given = request === undefined ? await call(callContext()) : await call(request, callContext());
    assertEquals(given, answer, method);
  }
  const expected = Object.entries(samples).map(([method]) =>
    `${method}/${method === "validate" || method === "getCapabilities" ? 1 : 2}`
  );
  assertEquals(calls, expected);
});

Deno.test("an error of every class survives the wire with reason, field and retry delay", async () => {
  await using loop = await loopback({
    describe: ({ vmId }) => {
      const [errorClass, ...rest] = (vmId ?? "").split("|");
      throw new ProviderError(errorClass as "Conflict", `cannot look at «${vmId}»`, {
        ...(rest.length > 0 ? { reason: "NameConflict", field: "disks[data].sizeGib", retryAfterMs: 1500 } : {}),
      });
    },
  }, { connect: { retry: { maxAttempts: 1 } } });
  for (const errorClass of errorClasses) {
    const bare = await assertRejects(() => loop.provider.describe({ vmId: errorClass }, callContext()), ProviderError);
    assertEquals(
      [bare.class, bare.message, bare.reason, bare.field, bare.retryAfterMs],
      [errorClass, `cannot look at «${errorClass}»`, undefined, undefined, undefined],
    );
    const full = await assertRejects(
      () => loop.provider.describe({ vmId: `${errorClass}|x` }, callContext()),
      ProviderError,
    );
    assertEquals(
      [full.class, full.reason, full.field, full.retryAfterMs],
      [errorClass, "NameConflict", "disks[data].sizeGib", 1500],
    );
  }
});

Deno.test("an error with a message that does not fit into a header arrives, whatever is in it", async () => {
  const message = "disk «gelöscht» 磁盘 💾\r\n".repeat(1000) + "\ud800";
  await using loop = await loopback({
    describe: () => Promise.reject(new ProviderError("Conflict", message, { reason: "Locked", field: message })),
  });
  const error = await assertRejects(() => loop.provider.describe({ vmId: "1" }, callContext()), ProviderError);
  assertEquals([error.class, error.reason, error.message.slice(0, 60)], ["Conflict", "Locked", message.slice(0, 60)]);
});

Deno.test("an error outside the taxonomy goes out as Retryable without its details", async () => {
  const lines: string[] = [];
  await using loop = await loopback(
    { validate: () => Promise.reject(new TypeError("connect root:hunter2@esx failed")) },
    { serve: { log: recordingLog(lines) }, connect: { retry: { maxAttempts: 1 } } },
  );
  const error = await assertRejects(() => loop.provider.validate(callContext()), ProviderError);
  assertEquals([error.class, error.reason, error.message.includes("hunter2")], ["Retryable", "Internal", false]);
  assertEquals(error.message.includes("test-request"), true);
  assertEquals(lines.filter((line) => line.includes("outside the taxonomy") && line.includes("TypeError")).length, 1);
});

Deno.test("a create carries the whole wish to the provider", async () => {
  const seen: CreateRequest[] = [];
  await using loop = await loopback({
    create: (request) => {
      seen.push(request);
      return Promise.resolve({ vmId: "101", task: { id: "UPID:1" } });
    },
  });
  const request = { operation: operation(), spec: machineSpec, powerOn: true };
  assertEquals(await loop.provider.create(request, callContext()), { vmId: "101", task: { id: "UPID:1" } });
  assertEquals(seen, [request]);
});

Deno.test("a watch delivers events in order, and ends when its caller leaves", async () => {
  const ended = Promise.withResolvers<void>();
  const events: WatchEvent[] = [
    { type: "ListBegin" },
    { type: "Present", vm: machine },
    { type: "ListEnd" },
    { type: "Gone", vmId: "2" },
  ];
  await using loop = await loopback({
    async *watch({ signal }) {
      yield* events;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ended.resolve();
    },
  });
  const seen: WatchEvent[] = [];
  const leave = new AbortController();
  for await (const event of loop.provider.watch(callContext(leave.signal))) {
    seen.push(event);
    if (seen.length === events.length) leave.abort();
  }
  assertEquals(seen, events);
  await ended.promise;
});

function recordingLog(lines: string[]) {
  const write = (message: string, fields?: unknown) => void lines.push(`${message} ${Deno.inspect(fields)}`);
  const log = { debug: write, info: write, warn: write, error: write, with: () => log };
  return log;
}
