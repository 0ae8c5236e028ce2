import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { FakeApiServer, type SeenRequest } from "./testing/mod.ts";
import {
  CONFIG_MAPS,
  type ConfigMap,
  isAlreadyExists,
  isConflict,
  isDeadlineExceeded,
  isNotFound,
  KubeClient,
  type KubeClientOptions,
  KubeError,
  type RequestObservation,
} from "./mod.ts";

const name = { namespace: "default", name: "a" };
const configMap = (
  data: Record<string, string> = { k: "v" },
  more: Partial<ConfigMap["metadata"]> = {},
): ConfigMap => ({
  metadata: { ...name, ...more },
  data,
});

function setUp(options: Partial<KubeClientOptions> = {}) {
  const clock = new FakeClock();
  const server = new FakeApiServer({ clock });
  const client = new KubeClient({ connection: server.connection(), clock, random: () => 0, ...options });
  return { clock, server, client };
}
const verb = (...verbs: SeenRequest["verb"][]) => (request: SeenRequest) => verbs.includes(request.verb);

async function rejection(promise: Promise<unknown>): Promise<KubeError> {
  return await assertRejects(() => promise, KubeError);
}

Deno.test("what is created is read, listed with its kind, replaced and deleted", async () => {
  const { client } = setUp();
  const created = await client.create(CONFIG_MAPS, configMap());
  assertEquals((await client.get(CONFIG_MAPS, name)).data, { k: "v" });
  const { items: [listed] } = await client.list(CONFIG_MAPS, { namespace: "default" });
  assertEquals([listed?.kind, listed?.apiVersion, listed?.data], ["ConfigMap", "v1", { k: "v" }]);
  const replaced = await client.replace(CONFIG_MAPS, { ...created, data: { k: "w" } });
  assertEquals(replaced.data, { k: "w" });
  await client.delete(CONFIG_MAPS, name);
  assertEquals(await client.find(CONFIG_MAPS, name), undefined);
});

Deno.test("an error names what was done to which object", async () => {
  const { client } = setUp();
  const error = await rejection(client.get(CONFIG_MAPS, name));
  assert(isNotFound(error));
  assertEquals(error.message, "get ConfigMap default/a: 404 NotFound: a not found");
});

Deno.test("a conflict and an object that exists are told apart", async () => {
  const { client } = setUp();
  const first = await client.create(CONFIG_MAPS, configMap());
  await client.replace(CONFIG_MAPS, { ...first, data: { k: "w" } });
  const stale = await rejection(client.replace(CONFIG_MAPS, { ...first, data: { k: "x" } }));
  assertEquals([isConflict(stale), isAlreadyExists(stale)], [true, false]);
  const twice = await rejection(client.create(CONFIG_MAPS, configMap()));
  assertEquals([isConflict(twice), isAlreadyExists(twice)], [false, true]);
});

Deno.test("a replace without resourceVersion is refused before it is sent", async () => {
  const { client, server } = setUp();
  await assertRejects(() => client.replaceStatus(CONFIG_MAPS, configMap()), TypeError, "resourceVersion");
  assertEquals(server.requests, []);
});

Deno.test("a delete with preconditions leaves another incarnation alone", async () => {
  const { client } = setUp();
  await client.create(CONFIG_MAPS, configMap());
  assert(isConflict(await rejection(client.delete(CONFIG_MAPS, name, { preconditions: { uid: "other" } }))));
});

Deno.test("apply creates and changes, merge patch changes, each with its media type", async () => {
  const { client, server } = setUp();
  await client.apply(CONFIG_MAPS, configMap(), { fieldManager: "test", force: true });
  await client.patch(CONFIG_MAPS, name, { type: "merge", body: { data: { k: null, l: "m" } } });
  assertEquals((await client.get(CONFIG_MAPS, name)).data, { l: "m" });
  const [apply, patch] = server.requests;
  assertEquals(apply?.headers.get("content-type"), "application/apply-patch+yaml");
  assertEquals([apply?.query.get("fieldManager"), apply?.query.get("force")], ["test", "true"]);
  assertEquals(patch?.headers.get("content-type"), "application/merge-patch+json");
});

Deno.test("a list comes in pages, and in one when a page token expires on the way", async () => {
  const { client, server } = setUp();
  for (let i = 0; i < 5; i++) await client.create(CONFIG_MAPS, configMap({}, { name: `c${i}` }));
  const all = await client.list(CONFIG_MAPS, { limit: 2 });
  assertEquals([all.items.length, server.count("list")], [5, 3]);
  let pages = 0;
  const change = (request: SeenRequest) => {
    // Between the first page and the second the world changes; this fake expires the token then.
    if (request.verb === "list" && ++pages === 2) {
      server.store.delete({ collection: "/api/v1/configmaps", namespace: "default", name: "c0" });
    }
    return false;
  };
  server.fail(change, { type: "hang" });
  const after = await client.list(CONFIG_MAPS, { limit: 2 });
  assertEquals(after.items.map((item) => item.metadata.name), ["c1", "c2", "c3", "c4"]);
  assertEquals(after.metadata.resourceVersion, String(server.store.version));
});

Deno.test("429 is repeated after the time that the server asks for, also for a create", async () => {
  const { client, server, clock } = setUp();
  server.fail(verb("create"), { type: "status", code: 429, retryAfterSeconds: 3 });
  const created = client.create(CONFIG_MAPS, configMap());
  await clock.advance(2_999);
  assertEquals(server.count("create"), 1);
  await clock.advance(200);
  assertEquals((await created).data, { k: "v" });
  assertEquals(server.count("create"), 2);
});

Deno.test("429 without Retry-After is repeated with backoff, and given up after six attempts", async () => {
  const { client, server, clock } = setUp();
  server.fail(verb("get"), { type: "status", code: 429 }, 100);
  const failed = rejection(client.get(CONFIG_MAPS, name));
  await clock.advance(29_000);
  assertEquals((await failed).code, 429);
  assertEquals(server.count("get"), 6);
});

Deno.test("503 with Retry-After and 500 on a read are repeated; 500 and a plain 503 on a create are not", async () => {
  const { client, server, clock } = setUp();
  server.fail(verb("create"), { type: "status", code: 503, retryAfterSeconds: 1 });
  const created = client.create(CONFIG_MAPS, configMap());
  await clock.advance(2_000);
  await created;
  server.fail(verb("get"), { type: "status", code: 500 });
  const read = client.get(CONFIG_MAPS, name);
  await clock.advance(1_000);
  await read;
  assertEquals([server.count("create"), server.count("get")], [2, 2]);
  for (const code of [500, 503]) {
    server.fail(verb("create"), { type: "status", code });
    assertEquals((await rejection(client.create(CONFIG_MAPS, configMap({}, { name: "b" })))).code, code);
  }
  assertEquals(server.count("create"), 4);
});

Deno.test("a lost connection is no reason to create twice, but to read, replace and delete again", async () => {
  const { client, server, clock } = setUp();
  server.fail(verb("create"), { type: "drop", after: true });
  assertEquals((await rejection(client.create(CONFIG_MAPS, configMap()))).reason, "ConnectionFailed");
  assertEquals(server.count("create"), 1);
  server.fail(verb("get", "delete"), { type: "drop" });
  const read = client.get(CONFIG_MAPS, name);
  await clock.advance(1_000);
  assertEquals((await read).data, { k: "v" });
  server.fail(verb("delete"), { type: "drop" });
  const deleted = client.delete(CONFIG_MAPS, name);
  await clock.advance(1_000);
  await deleted;
  assertEquals([server.count("get"), server.count("delete")], [2, 2]);
});

Deno.test("a connection that was never made is tried again for a create too", async () => {
  let attempts = 0;
  const { server, clock } = setUp();
  const real = server.connection();
  const client = new KubeClient({
    clock,
    connection: {
      ...real,
      fetch: (path, init) =>
        ++attempts === 1
          ? Promise.reject(
            new TypeError("fetch failed", { cause: new Error("client error (Connect): tcp connect error") }),
          )
          : real.fetch(path, init),
    },
  });
  const created = client.create(CONFIG_MAPS, configMap());
  await clock.advance(1_000);
  assertEquals((await created).data, { k: "v" });
});

Deno.test("a server that does not answer is left at the deadline, one wait for a far Retry-After at once", async () => {
  const { client, server, clock } = setUp({ timeoutMs: 5_000 });
  server.fail(verb("get"), { type: "hang" });
  const hanging = rejection(client.get(CONFIG_MAPS, name));
  await clock.advance(5_000);
  const error = await hanging;
  assert(isDeadlineExceeded(error));
  assertStringIncludes(error.message, "get ConfigMap default/a: no complete answer within 5000 ms");
  server.fail(verb("get"), { type: "status", code: 429, retryAfterSeconds: 60 });
  assertEquals((await rejection(client.get(CONFIG_MAPS, name))).retryAfterSeconds, 60);
  assertEquals(clock.pending, 0);
});

Deno.test("an answer that stops half-way is left at the deadline, even if the body takes no notice", async () => {
  const { server, clock } = setUp();
  let cancelled = 0;
  const body = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"metadata"')),
      cancel: () => void cancelled++,
    });
  const connection = { ...server.connection(), fetch: () => Promise.resolve(new Response(body())) };
  const client = new KubeClient({ connection, clock, timeoutMs: 5_000 });
  const failed = rejection(client.get(CONFIG_MAPS, name));
  await clock.advance(5_000);
  assertEquals([(await failed).reason, cancelled, clock.pending], ["DeadlineExceeded", 1, 0]);
});

Deno.test("an aborted call rejects with the reason of its signal and leaves no timer", async () => {
  const { client, server, clock } = setUp();
  server.fail(verb("get"), { type: "hang" });
  const abort = new AbortController();
  const call = client.get(CONFIG_MAPS, name, { signal: abort.signal });
  await clock.settle();
  abort.abort(new RangeError("enough"));
  await assertRejects(() => call, RangeError, "enough");
  assertEquals(clock.pending, 0);
});

Deno.test("401 gets credentials anew once and repeats", async () => {
  const { server, clock } = setUp();
  let renewed = 0;
  const connection = { ...server.connection(), invalidate: () => void renewed++ };
  const client = new KubeClient({ connection, clock });
  server.fail(verb("list"), { type: "status", code: 401 });
  await client.list(CONFIG_MAPS);
  server.fail(verb("list"), { type: "status", code: 401 }, 2);
  assertEquals((await rejection(client.list(CONFIG_MAPS))).code, 401);
  assertEquals(renewed, 2);
  server.fail(verb("watch"), { type: "status", code: 401 });
  assertEquals((await rejection(client.watch(CONFIG_MAPS).next())).code, 401);
  assertEquals(renewed, 3);
});

Deno.test("an answer that is no JSON, or longer than allowed, is an error that says so", async () => {
  const { client, server } = setUp({ maxResponseBytes: 100 });
  server.fail(verb("get"), { type: "body", text: "<html>" });
  assertStringIncludes((await rejection(client.get(CONFIG_MAPS, name))).message, "6 characters that do not parse");
  server.fail(verb("get"), { type: "body", text: "x".repeat(101) });
  assertStringIncludes((await rejection(client.get(CONFIG_MAPS, name))).message, "limit of 100 bytes");
});

Deno.test("every attempt is told to the observer, with 0 for no answer", async () => {
  const seen: Pick<RequestObservation, "method" | "code" | "host">[] = [];
  const { client, server, clock } = setUp({
    onRequest: ({ method, code, host }) => seen.push({ method, code, host }),
  });
  server.fail(verb("list"), { type: "drop" });
  const list = client.list(CONFIG_MAPS);
  await clock.advance(1_000);
  await list;
  const host = "fake.invalid";
  assertEquals(seen, [{ method: "GET", code: 0, host }, { method: "GET", code: 200, host }]);
});

Deno.test("over a real socket: calls, a watch that is cut, and a server that is gone", async () => {
  const server = new FakeApiServer();
  const { url, close } = server.serve();
  const client = new KubeClient({ baseUrl: url, token: "secret", userAgent: "test-agent" });
  try {
    const created = await client.create(CONFIG_MAPS, configMap());
    assertEquals(server.requests[0]?.headers.get("authorization"), "Bearer secret");
    assertEquals(server.requests[0]?.headers.get("user-agent"), "test-agent");
    const events = client.watch(CONFIG_MAPS, { resourceVersion: created.metadata.resourceVersion });
    const first = events.next();
    await client.replace(CONFIG_MAPS, { ...created, data: { k: "w" } });
    // The write may overtake the opening of the watch; history brings it then.
    assertEquals((await first).value?.type, "MODIFIED");
    const next = rejection(events.next());
    for (const watch of server.watches) watch.cut();
    assertEquals((await next).reason, "ConnectionFailed");
  } finally {
    await close();
  }
  const error = await rejection(client.create(CONFIG_MAPS, configMap({}, { name: "b" }), { timeoutMs: 300 }));
  assertEquals(error.reason, "ConnectionFailed");
  client.close();
});
