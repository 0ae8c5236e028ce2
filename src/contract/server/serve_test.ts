import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { descriptorProto, protobuf } from "@virtrigaud/deps/protobuf.ts";
import { FakeClock } from "@virtrigaud/resilience";
import { createMetrics, PROVIDER_METRICS } from "@virtrigaud/telemetry";
import { connectProvider } from "../client/mod.ts";
import described from "../gen/reflection.json" with { type: "json" };
import { serviceDefinitionOf } from "../service.ts";
import { ProviderError } from "../errors.ts";
import { callContext, loopback, machineSpec, operation, scriptedProvider } from "../testing/fixture.ts";
import { serveProvider } from "./serve.ts";

const once = { retry: { maxAttempts: 1 } };
const hypervisor = { hypervisor: "mock", version: "1" };

Deno.test("a mutating call is fenced and answered once, over the wire", async () => {
  let creates = 0;
  await using loop = await loopback({ create: () => Promise.resolve({ vmId: String(++creates) }) }, { connect: once });
  const create = (id: string, fence: number) =>
    loop.provider.create({ operation: operation(id, fence), spec: machineSpec, powerOn: false }, callContext());
  const answers = await Promise.all([create("a", 5), create("a", 5), create("a", 5)]);
  assertEquals([answers, creates], [[{ vmId: "1" }, { vmId: "1" }, { vmId: "1" }], 1]);
  const stale = await assertRejects(() => create("b", 4), ProviderError);
  assertEquals([stale.class, stale.reason, creates], ["Conflict", "StaleFence", 1]);
});

Deno.test("over the wire, a question of a new leader shuts the old one out, and a late create is not made", async () => {
  let creates = 0;
  const gate = Promise.withResolvers<void>();
  await using loop = await loopback({
    create: () => gate.promise.then(() => ({ vmId: String(++creates) })),
    describe: () => Promise.resolve({ exists: false }),
    async *watch() {
      yield { type: "ListBegin" };
    },
  }, { connect: once });
  const at = (fence: number, number: number) => ({ ...callContext(), turn: { fence, number } });
  const create = (fence: number, number: number) =>
    loop.provider.create(
      { operation: operation(`${fence}`, fence), spec: machineSpec, powerOn: false },
      at(fence, number),
    );
  const describe = (number: number) => loop.provider.describe({ ownerUid: "uid-1" }, at(5, number));
  const reason = async (call: () => Promise<unknown>) => (await assertRejects(call, ProviderError)).reason;

  const underWay = create(5, 1);
  while (await describe(2).then(() => true, () => false));
  assertEquals(await reason(() => describe(3)), "Locked");
  gate.resolve();
  await underWay;
  assertEquals([await describe(5), await reason(() => create(5, 4))], [{ exists: false }, "StaleFence"]);
  for await (const _ of loop.provider.watch(at(6, 1))) break;
  assertEquals([await reason(() => create(5, 9)), creates], ["StaleFence", 1]);
  const garbled = { ...callContext(), turn: { fence: -1, number: 0.5 } };
  assertEquals((await assertRejects(() => loop.provider.validate(garbled), ProviderError)).field, "x-virtrigaud-turn");
});

Deno.test("the provider sees the caller's request id, and its signal when the caller leaves", async () => {
  const seen = Promise.withResolvers<string>();
  const aborted = Promise.withResolvers<void>();
  await using loop = await loopback({
    describe: (_, { requestId, signal }) => {
      seen.resolve(requestId);
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          aborted.resolve();
          reject(signal.reason);
        })
      );
    },
  });
  const leave = new AbortController();
  const call = assertRejects(() => loop.provider.describe({ vmId: "1" }, callContext(leave.signal)), ProviderError);
  assertEquals(await seen.promise, "test-request");
  leave.abort();
  assertEquals((await call).reason, "Cancelled");
  await aborted.promise;
});

Deno.test("a call more than the limit is refused, and the ones under way go on", async () => {
  const gate = Promise.withResolvers<void>();
  await using loop = await loopback({ validate: () => gate.promise.then(() => hypervisor) }, {
    serve: { limits: { maxConcurrentCalls: 2 } },
    connect: once,
  });
  const running = [loop.provider.validate(callContext()), loop.provider.validate(callContext())];
  const refused = await assertRejects(() => loop.provider.validate(callContext()), ProviderError);
  assertEquals([refused.class, refused.retryAfterMs], ["RateLimit", 1000]);
  gate.resolve();
  assertEquals((await Promise.all(running)).length, 2);
});

Deno.test("a message beyond the server's limit is InvalidSpec and says so", async () => {
  await using loop = await loopback({}, { serve: { limits: { maxMessageBytes: 10_000 } }, connect: once });
  const tags = Array.from({ length: 60 }, (_, i) => `${i}-${"x".repeat(240)}`);
  const error = await assertRejects(
    () =>
      loop.provider.create({ operation: operation(), spec: { ...machineSpec, tags }, powerOn: true }, callContext()),
    ProviderError,
  );
  assertEquals([error.class, error.reason], ["InvalidSpec", "MessageTooLarge"]);
});

Deno.test("shutdown ends watches, lets a call finish, and turns readiness off first", async () => {
  const gate = Promise.withResolvers<void>();
  const watching = Promise.withResolvers<void>();
  const server = await serveProvider({
    provider: scriptedProvider({
      validate: () => gate.promise.then(() => hypervisor),
      async *watch({ signal }) {
        yield { type: "ListBegin" };
        watching.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    }),
    port: 0,
    healthPort: 0,
    host: "127.0.0.1",
  });
  const connection = connectProvider({ address: `127.0.0.1:${server.port}`, tls: { plaintext: true }, ...once });
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.healthPort}${path}`);
    return `${response.status} ${(await response.text()).trim()}`;
  };
  assertEquals([await get("/healthz"), await get("/readyz")], ["200 ok", "200 ok"]);
  const call = connection.provider.validate(callContext());
  const watch = assertRejects(
    async () => {
      for await (const _ of connection.provider.watch(callContext()));
    },
    ProviderError,
    "shutting down",
  );
  await watching.promise;
  const down = server.shutdown();
  assertEquals([await get("/healthz"), await get("/readyz")], ["200 ok", "503 shutting down"]);
  await watch;
  gate.resolve();
  assertEquals((await call).hypervisor, "mock");
  await down;
  await server.shutdown();
  connection.close();
});

Deno.test("a call that does not finish in time is cancelled at shutdown", async () => {
  const clock = new FakeClock();
  const started = Promise.withResolvers<void>();
  await using loop = await loopback({
    validate: ({ signal }) => {
      started.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  }, { serve: { clock, drainMs: 15_000 }, connect: once });
  const call = assertRejects(() => loop.provider.validate(callContext()), ProviderError);
  await started.promise;
  const down = loop.server.shutdown();
  await clock.advance(15_000);
  await down;
  assertMatch((await call).class, /^(Unavailable|Timeout|Retryable)$/);
});

Deno.test("health tells about the hypervisor, probes do not depend on it, metrics count calls", async () => {
  let reachable = true;
  const metrics = createMetrics(PROVIDER_METRICS);
  await using loop = await loopback({
    validate: () =>
      reachable ? Promise.resolve(hypervisor) : Promise.reject(new ProviderError("Unavailable", "esx is off")),
  }, { serve: { healthPort: 0, metrics }, connect: once });
  const get = (path: string) => fetch(`http://127.0.0.1:${loop.server.healthPort}${path}`);
  const health = async () => {
    const response = await get("/health");
    const { status, checks } = await response.json();
    return [response.status, status, checks.hypervisor.status];
  };
  assertEquals(await health(), [200, "healthy", "unknown"]);
  await loop.provider.validate(callContext());
  assertEquals(await health(), [200, "healthy", "healthy"]);
  reachable = false;
  await assertRejects(() => loop.provider.validate(callContext()), ProviderError);
  assertEquals(await health(), [503, "unhealthy", "unhealthy"]);
  const ready = await get("/readyz");
  assertEquals([ready.status, await ready.text()], [200, "ok\n"]);
  const text = await (await get("/metrics")).text();
  assertStringIncludes(text, 'provider_grpc_requests_total{method="Validate",code="OK"} 1');
  assertStringIncludes(text, 'provider_grpc_requests_total{method="Validate",code="Unavailable"} 1');
  assertStringIncludes(text, "provider_hypervisor_connection_status 0");
});

Deno.test("gRPC health answers by name, and its watchers hear of the shutdown", async () => {
  await using loop = await loopback({ validate: () => Promise.resolve(hypervisor) }, { connect: once });
  const { Check, Watch } = serviceDefinitionOf("grpc.health.v1.Health");
  if (Check === undefined || Watch === undefined) throw new Error("no health service");
  const client = new grpc.Client(`127.0.0.1:${loop.server.port}`, grpc.credentials.createInsecure());
  const check = (service: string) =>
    new Promise<unknown>((resolve) =>
      client.makeUnaryRequest(
        Check.path,
        Check.requestSerialize,
        Check.responseDeserialize,
        { service },
        (error, value) => resolve(error === null ? value : error.code),
      )
    );
  const serving = { status: "SERVING" };
  for (const name of ["", "provider", "provider.v1.Provider"]) assertEquals(await check(name), serving);
  assertEquals([await check("nobody"), await check("hypervisor")], [grpc.status.NOT_FOUND, grpc.status.NOT_FOUND]);
  await loop.provider.validate(callContext());
  assertEquals(await check("hypervisor"), serving);
  const watch = client.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {});
  const seen: unknown[] = [];
  let down: Promise<void> | undefined;
  for await (const state of watch) {
    seen.push(state);
    down ??= loop.server.shutdown();
  }
  await down;
  assertEquals(seen, [serving, { status: "NOT_SERVING" }]);
  client.close();
});

Deno.test("reflection lists the services and gives descriptors in which every type resolves", async () => {
  await using loop = await loopback({});
  const { ServerReflectionInfo } = serviceDefinitionOf("grpc.reflection.v1.ServerReflection");
  if (ServerReflectionInfo === undefined) throw new Error("no reflection service");
  const { path, requestSerialize, responseDeserialize } = ServerReflectionInfo;
  const client = new grpc.Client(`127.0.0.1:${loop.server.port}`, grpc.credentials.createInsecure());
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  stream.write({ listServices: "*" });
  stream.write({ fileContainingSymbol: "provider.v1.ErrorDetail" });
  stream.write({ fileContainingSymbol: "provider.v1.Provider.Create" });
  stream.write({ fileByFilename: "no/such.proto" });
  stream.end();
  type Answer = {
    listServicesResponse?: { service: { name: string }[] };
    fileDescriptorResponse?: { fileDescriptorProto: Uint8Array[] };
    errorResponse?: { errorCode: number };
  };
  const answers: Answer[] = [];
  for await (const response of stream) answers.push(response);
  client.close();
  const [services, file, same, none] = answers;
  assertEquals(services?.listServicesResponse?.service.map(({ name }) => name), [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "provider.v1.Provider",
  ]);
  assertEquals(none?.errorResponse?.errorCode, grpc.status.NOT_FOUND);
  assertEquals(file?.fileDescriptorResponse, same?.fileDescriptorResponse);
  const [bytes] = file?.fileDescriptorResponse?.fileDescriptorProto ?? [];
  const type = protobuf.Root.fromJSON(descriptorProto as protobuf.INamespace)
    .lookupType("google.protobuf.FileDescriptorProto");
  const text = JSON.stringify(type.toObject(type.decode(bytes ?? new Uint8Array())));
  const referenced = [...text.matchAll(/"(?:typeName|inputType|outputType)":"\.([\w.]+)"/g)].map(([, name = ""]) =>
    name
  );
  const names = new Set(described.flatMap(({ symbols }) => symbols));
  const unresolved = referenced.filter((name) =>
    !names.has(name) && !text.includes(`{"name":"${name.split(".").at(-1)}"`)
  );
  assertEquals([unresolved, referenced.length > 100], [[], true]);
});

Deno.test("a provider's answer that breaks the contract leaves as an internal fault", async () => {
  await using loop = await loopback({ listVms: () => Promise.resolve({ vms: [], nextPageToken: "" }) }, {
    connect: once,
  });
  const error = await assertRejects(() => loop.provider.listVms({}, callContext()), ProviderError);
  assertEquals([error.class, error.reason], ["Retryable", "Internal"]);
});

Deno.test("a quiet watch sends heartbeats", async () => {
  const clock = new FakeClock();
  const waiting = Promise.withResolvers<void>();
  await using loop = await loopback({
    async *watch({ signal }) {
      yield { type: "ListBegin" };
      waiting.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }, { serve: { clock } });
  const leave = new AbortController();
  const types: string[] = [];
  for await (const event of loop.provider.watch(callContext(leave.signal))) {
    types.push(event.type);
    if (types.length === 3) leave.abort();
    else {
      await waiting.promise;
      await clock.advance(30_000);
    }
  }
  assertEquals(types, ["ListBegin", "Heartbeat", "Heartbeat"]);
});

Deno.test("a port that is taken is an error that names it", async () => {
  await using loop = await loopback({});
  const { port } = loop.server;
  await assertRejects(
    () => serveProvider({ provider: scriptedProvider({}), port, host: "127.0.0.1" }),
    Error,
    `127.0.0.1:${port}`,
  );
});
