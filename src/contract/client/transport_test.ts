import { assertEquals, assertRejects, assertThrows } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { ProviderError } from "../errors.ts";
import { testPki } from "../testing/certificates.ts";
import { callContext, loopback, machineSpec, operation, scriptedProvider } from "../testing/fixture.ts";
import { serveProvider } from "../server/mod.ts";
import { connectProvider } from "./connect.ts";

/**
 * Without leak sanitizers: after a failed connection grpc-js keeps an (unreferenced) timer for the next attempt until it
 * fires, even on a closed channel.
 */
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

const hypervisor = { hypervisor: "mock", version: "1" };
const once = { retry: { maxAttempts: 1 } };
const plaintext = { plaintext: true } as const;
const connect = (port: number, options = {}) =>
  connectProvider({ address: `127.0.0.1:${port}`, tls: plaintext, ...once, ...options });

test("a server that is killed in the middle of a call leaves Unavailable, and the channel comes back by itself", async () => {
  const started = Promise.withResolvers<void>();
  const provider = scriptedProvider({
    describe: () => {
      started.resolve();
      return new Promise(() => {});
    },
    validate: () => Promise.resolve(hypervisor),
  });
  const options = { provider, host: "127.0.0.1", drainMs: 0 };
  const first = await serveProvider({ ...options, port: 0 });
  const connection = connect(first.port);
  const call = assertRejects(() => connection.provider.describe({ vmId: "1" }, callContext()), ProviderError);
  await started.promise;
  await first.shutdown();
  assertEquals(["Unavailable", "Timeout", "Retryable"].includes((await call).class), true);

  const second = await serveProvider({ ...options, port: first.port });
  const patient = connect(first.port, { retry: { maxAttempts: 20, backoff: { baseMs: 50, maxMs: 100 } } });
  assertEquals(await patient.provider.validate(callContext()), hypervisor);
  connection.close();
  patient.close();
  await second.shutdown();
});

test("a peer that resets every connection, and nobody at the port, are Unavailable", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.resetAndDestroy();
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  );
  const connection = connect(port);
  const reset = await assertRejects(() => connection.provider.validate(callContext()), ProviderError);
  await new Promise((resolve) => server.close(resolve));
  const nobody = await assertRejects(() => connection.provider.validate(callContext()), ProviderError);
  assertEquals([reset.class, nobody.class], ["Unavailable", "Unavailable"]);
  connection.close();
});

test("a peer that accepts and says nothing ends at the deadline", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  );
  const clock = new FakeClock();
  const connection = connect(port, { clock });
  const call = assertRejects(() => connection.provider.validate(callContext()), ProviderError);
  await clock.advance(10_000);
  const error = await call;
  assertEquals([error.class, error.reason], ["Timeout", "DeadlineExceeded"]);
  connection.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test("one call that fails, times out or is given up leaves the calls beside it alone", async () => {
  const gate = Promise.withResolvers<void>();
  const clock = new FakeClock();
  await using loop = await loopback({
    create: () => gate.promise.then(() => ({ vmId: "7" })),
    describe: () => new Promise(() => {}),
    validate: () => Promise.reject(new ProviderError("Unavailable", "esx is off")),
  }, { connect: { ...once, clock } });
  const long = loop.provider.create({ operation: operation(), spec: machineSpec, powerOn: true }, callContext());
  const leave = new AbortController();
  const left = assertRejects(() => loop.provider.describe({ vmId: "1" }, callContext(leave.signal)), ProviderError);
  const late = assertRejects(() => loop.provider.describe({ vmId: "2" }, callContext()), ProviderError);
  await assertRejects(() => loop.provider.validate(callContext()), ProviderError, "esx is off");
  leave.abort();
  await left;
  await clock.advance(30_000);
  assertEquals((await late).class, "Timeout");
  gate.resolve();
  assertEquals(await long, { vmId: "7" });
});

test("a mutating call is repeated with the same operation and carried out once", async () => {
  let calls = 0;
  await using loop = await loopback({
    create: ({ operation }) => {
      calls++;
      if (calls < 3) throw new ProviderError("Unavailable", "not yet", { retryAfterMs: 1 });
      return Promise.resolve({ vmId: `${operation.id}-${calls}` });
    },
  }, { connect: { retry: { backoff: { baseMs: 1, maxMs: 5 } } } });
  const request = { operation: operation("same"), spec: machineSpec, powerOn: true };
  assertEquals(await loop.provider.create(request, callContext()), { vmId: "same-3" });
  assertEquals(await loop.provider.create(request, callContext()), { vmId: "same-3" });
  assertEquals(calls, 3);
});

test("a request that cannot travel is refused before anything is sent", async () => {
  let calls = 0;
  await using loop = await loopback({ create: () => Promise.resolve({ vmId: String(++calls) }) });
  const spec = { ...machineSpec, hardware: { ...machineSpec.hardware, cpus: 129 } };
  const error = await assertRejects(
    () => loop.provider.create({ operation: operation(), spec, powerOn: true }, callContext()),
    ProviderError,
  );
  assertEquals([error.class, error.field, calls], ["InvalidSpec", "spec.hardware.cpus", 0]);
});

test("a watch that falls silent for 75 s is Unavailable; heartbeats keep it", async () => {
  const clock = new FakeClock();
  const quiet = new FakeClock();
  await using loop = await loopback({
    async *watch({ signal }) {
      yield { type: "ListBegin" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }, { serve: { clock: quiet }, connect: { clock } });
  const types: string[] = [];
  const error = await assertRejects(async () => {
    for await (const event of loop.provider.watch(callContext())) {
      types.push(event.type);
      // The server's clock moves by itself here: first it beats, then it is stuck.
      if (types.length === 1) {
        await clock.advance(70_000);
        await quiet.advance(30_000);
      } else void clock.advance(75_000);
    }
  }, ProviderError);
  assertEquals([types, error.class, error.reason], [["ListBegin", "Heartbeat"], "Unavailable", "WatchSilent"]);
});

test("a watch that the provider ends with an error fails with that error, and a loop that is left ends the call", async () => {
  const ended = Promise.withResolvers<void>();
  await using loop = await loopback({
    async *watch({ signal, requestId }) {
      yield { type: "ListBegin" };
      if (requestId === "fails") throw new ProviderError("Unauthorized", "session expired");
      signal.addEventListener("abort", () => ended.resolve());
      await ended.promise;
    },
  });
  const failing = { ...callContext(), requestId: "fails" };
  const error = await assertRejects(
    async () => {
      for await (const _ of loop.provider.watch(failing));
    },
    ProviderError,
    "session expired",
  );
  assertEquals(error.class, "Unauthorized");
  for await (const event of loop.provider.watch(callContext())) {
    assertEquals(event.type, "ListBegin");
    break;
  }
  await ended.promise;
});

test("a consumer that takes its time with an event is not taken for a dead stream", async () => {
  const clock = new FakeClock();
  await using loop = await loopback({
    async *watch() {
      yield { type: "ListBegin" };
      await Promise.resolve();
      yield { type: "ListEnd" };
    },
  }, { connect: { clock } });
  const types: string[] = [];
  for await (const { type } of loop.provider.watch(callContext())) {
    types.push(type);
    await clock.advance(200_000);
  }
  assertEquals([types, clock.pending], [["ListBegin", "ListEnd"], 0]);
});

test("a closed connection lets the call under way finish and takes no other", async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await using loop = await loopback({
    validate: () => {
      started.resolve();
      return gate.promise.then(() => hypervisor);
    },
  }, { connect: once });
  const call = loop.provider.validate(callContext());
  await started.promise;
  loop.close();
  const refused = await assertRejects(() => loop.provider.validate(callContext()), ProviderError);
  assertEquals([refused.class, refused.reason], ["Unavailable", "Closed"]);
  await assertRejects(() => loop.provider.watch(callContext())[Symbol.asyncIterator]().next(), ProviderError, "closed");
  gate.resolve();
  assertEquals(await call, hypervisor);
});

test("a server name has to be a DNS name", async () => {
  const pki = await testPki();
  const options = { address: "192.0.2.7:9443", tls: pki.client };
  assertThrows(() => connectProvider(options), TypeError, "DNS name");
  connectProvider({ ...options, serverName: "localhost" }).close();
});
