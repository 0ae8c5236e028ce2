import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@virtrigaud/deps";
import { startTestPlane, TestClient, widget, WIDGETS } from "../testing.ts";

Deno.test("a created object gets what only the server sets, its defaults, and no status", async () => {
  await using t = await startTestPlane();
  const { status, body } = await t.client.post(WIDGETS, {
    ...widget("a", {}, { uid: "mine", generation: 7, deletionTimestamp: "2030-01-01T00:00:00Z" }),
    status: { phase: "Done" },
  });
  assertEquals(status, 201);
  assertEquals(body.spec, { size: 1, color: "green", replicas: 1 });
  assertEquals([body.metadata.generation, body.metadata.deletionTimestamp, body.status], [1, undefined, undefined]);
  assertMatch(body.metadata.uid, /^[0-9a-f-]{36}$/);
  assertMatch(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assertEquals((await t.client.get(`${WIDGETS}/a`)).body, body);
});

Deno.test("generateName makes a name that is not there yet", async () => {
  await using t = await startTestPlane();
  const manifest = { ...widget(""), metadata: { generateName: "w-" } };
  const names = [await t.client.post(WIDGETS, manifest), await t.client.post(WIDGETS, manifest)].map(({ body }) =>
    body.metadata.name
  );
  assertMatch(names[0], /^w-[a-z0-9]{5}$/);
  assertNotEquals(names[0], names[1]);
});

const refusals: [what: string, body: unknown, code: number, reason: string, message: string][] = [
  ["no kind", { metadata: { name: "a" } }, 400, "BadRequest", "Object 'Kind' is missing"],
  [
    "another version",
    { ...widget("a"), apiVersion: "example.com/v2" },
    400,
    "BadRequest",
    "does not match the expected API version (example.com/v1)",
  ],
  [
    "another namespace",
    widget("a", {}, { namespace: "other" }),
    400,
    "BadRequest",
    "namespace of the provided object does not match",
  ],
  ["no name", widget(""), 422, "Invalid", "name or generateName is required"],
  ["a bad name", widget("A_b"), 422, "Invalid", "metadata.name: Invalid value"],
  ["a bad label", widget("a", {}, { labels: { x: "-" } }), 422, "Invalid", "metadata.labels: Invalid value"],
  ["a value out of range", widget("a", { size: 0 }), 422, "Invalid", "spec.size: Invalid value: 0"],
  ["a value not in the enum", widget("a", { color: "blue" }), 422, "Invalid", 'spec.color: Unsupported value: "blue"'],
  ["a revision", widget("a", {}, { resourceVersion: "5" }), 400, "BadRequest", "resourceVersion should not be set"],
  ["a list", [1], 400, "BadRequest", "must be an object"],
];
for (const [what, body, code, reason, message] of refusals) {
  Deno.test(`a create with ${what} is refused with the reason`, async () => {
    await using t = await startTestPlane();
    const answer = await t.client.post(WIDGETS, body);
    assertEquals([answer.status, answer.body.kind, answer.body.code, answer.body.reason], [
      code,
      "Status",
      code,
      reason,
    ]);
    assertStringIncludes(answer.body.message, message);
    assertEquals((await t.client.get(WIDGETS)).body.items, []);
  });
}

Deno.test("an invalid object names the field in its causes", async () => {
  await using t = await startTestPlane();
  const { body } = await t.client.post(WIDGETS, widget("a", { size: 1000 }));
  assertEquals(body.details.name, "a");
  assertEquals(body.details.kind, "Widget");
  assertEquals(body.details.causes.map((cause: { field: string }) => cause.field), ["spec.size"]);
  assertStringIncludes(body.message, 'Widget.example.com "a" is invalid');
});

Deno.test("the same name twice is AlreadyExists, and an unknown one NotFound", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a"));
  const twice = await t.client.post(WIDGETS, widget("a"));
  assertEquals([twice.status, twice.body.reason, twice.body.message], [
    409,
    "AlreadyExists",
    'widgets.example.com "a" already exists',
  ]);
  const missing = await t.client.get(`${WIDGETS}/b`);
  assertEquals([missing.status, missing.body.message], [404, 'widgets.example.com "b" not found']);
  assertEquals(missing.body.details, { name: "b", group: "example.com", kind: "widgets" });
});

Deno.test("unknown fields are dropped with a warning, refused when strict, dropped in silence when ignored", async () => {
  await using t = await startTestPlane();
  const manifest = (name: string) => widget(name, { colour: "red" });
  const warned = await t.client.post(WIDGETS, manifest("a"));
  assertEquals(warned.headers.get("warning"), '299 - "unknown field \\"spec.colour\\""');
  assertEquals(warned.body.spec.colour, undefined);
  const strict = await t.client.post(`${WIDGETS}?fieldValidation=Strict`, manifest("b"));
  assertEquals([strict.status, strict.body.message], [
    400,
    'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.colour"',
  ]);
  const patched = await t.client.request("PATCH", `${WIDGETS}/a?fieldValidation=Strict`, { spec: { colour: 1 } }, {
    "content-type": "application/merge-patch+json",
  });
  assertEquals([patched.status, patched.body.details.causes[0].field], [422, "patch"]);
  const ignored = await t.client.post(`${WIDGETS}?fieldValidation=Ignore`, manifest("c"));
  assertEquals([ignored.status, ignored.headers.get("warning")], [201, null]);
});

Deno.test("a dry run answers like the real thing and stores nothing", async () => {
  await using t = await startTestPlane();
  const before = t.plane.revision;
  assertEquals((await t.client.post(`${WIDGETS}?dryRun=All`, widget("a"))).status, 201);
  assertEquals((await t.client.post(`${WIDGETS}?dryRun=All`, widget("a", { size: 0 }))).status, 422);
  await t.client.post(WIDGETS, widget("b"));
  const patched = await t.client.patch(`${WIDGETS}/b?dryRun=All`, "merge", { spec: { size: 9 } });
  assertEquals(patched.body.spec.size, 9);
  assertEquals((await t.client.delete(`${WIDGETS}/b?dryRun=All`)).status, 200);
  assertEquals((await t.client.get(`${WIDGETS}/b`)).body.spec.size, 1);
  assertEquals(t.plane.revision, before + 1);
  assertEquals((await t.client.post(`${WIDGETS}?dryRun=Some`, widget("c"))).status, 422);
});

Deno.test("an update from an old revision is a conflict, and one without a revision is refused for custom kinds", async () => {
  await using t = await startTestPlane();
  const { body: first } = await t.client.post(WIDGETS, widget("a"));
  await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: 2 } });
  const stale = await t.client.put(`${WIDGETS}/a`, first);
  assertEquals([stale.status, stale.body.reason], [409, "Conflict"]);
  assertStringIncludes(
    stale.body.message,
    'Operation cannot be fulfilled on widgets.example.com "a": the object has been modified',
  );
  const blind = await t.client.put(`${WIDGETS}/a`, widget("a", { size: 3 }));
  assertEquals([blind.status, blind.body.details.causes[0].field], [422, "metadata.resourceVersion"]);
  assertEquals((await t.client.get(`${WIDGETS}/a`)).body.spec.size, 2);
});

Deno.test("another uid in an update is a conflict: the object is not the one the writer knew; no patch changes it", async () => {
  await using t = await startTestPlane();
  const { body: created } = await t.client.post(WIDGETS, widget("a"));
  const put = await t.client.put(`${WIDGETS}/a`, { ...created, metadata: { ...created.metadata, uid: "other" } });
  assertEquals([put.status, put.body.reason], [409, "Conflict"]);
  for (const [field, value] of [["uid", "other"], ["deletionTimestamp", "2030-01-01T00:00:00Z"]] as const) {
    const { status, body } = await t.client.patch(`${WIDGETS}/a`, "merge", { metadata: { [field]: value } });
    assertEquals([status, body.details.causes[0].field], [422, `metadata.${field}`]);
  }
});

Deno.test("a Lease cannot be replaced blindly, a ConfigMap can", async () => {
  await using t = await startTestPlane();
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const { body } = await t.client.post(leases, { metadata: { name: "l" }, spec: { holderIdentity: "one" } });
  const blind = await t.client.put(`${leases}/l`, { metadata: { name: "l" }, spec: { holderIdentity: "two" } });
  assertEquals([blind.status, blind.body.details.causes[0].field], [422, "metadata.resourceVersion"]);
  assertEquals((await t.client.put(`${leases}/l`, { ...body, spec: { holderIdentity: "two" } })).status, 200);
  const maps = "/api/v1/namespaces/default/configmaps";
  await t.client.post(maps, { metadata: { name: "c" }, data: { a: "1" } });
  assertEquals((await t.client.put(`${maps}/c`, { metadata: { name: "c" }, data: { a: "2" } })).body.data, { a: "2" });
});

Deno.test("a Secret keeps its type, and a finalizer without a domain is warned of", async () => {
  await using t = await startTestPlane();
  await t.client.post("/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
  const changed = await t.client.patch("/api/v1/namespaces/default/secrets/s", "merge", { type: "other" });
  assertEquals([changed.status, changed.body.message], [
    422,
    'Secret "s" is invalid: type: Invalid value: "other": field is immutable',
  ]);
  const { headers } = await t.client.post(WIDGETS, widget("a", {}, { finalizers: ["mine"] }));
  assertStringIncludes(headers.get("warning") ?? "", "prefer a domain-qualified finalizer name");
});

Deno.test("generation counts changes of the spec only, and status has its own door", async () => {
  await using t = await startTestPlane();
  const { body: created } = await t.client.post(WIDGETS, widget("a"));
  const main = await t.client.put(`${WIDGETS}/a`, { ...created, status: { phase: "Forged" } });
  assertEquals([main.body.status, main.body.metadata.generation], [undefined, 1]);
  const status = await t.client.put(`${WIDGETS}/a/status`, {
    ...main.body,
    spec: { size: 50 },
    status: { phase: "Ready" },
  });
  assertEquals([status.body.spec.size, status.body.status, status.body.metadata.generation], [
    1,
    { phase: "Ready" },
    1,
  ]);
  const labelled = await t.client.patch(`${WIDGETS}/a`, "merge", { metadata: { labels: { x: "y" } } });
  assertEquals(labelled.body.metadata.generation, 1);
  const resized = await t.client.patch(`${WIDGETS}/a`, "json", [{ op: "replace", path: "/spec/size", value: 5 }]);
  assertEquals([resized.body.metadata.generation, resized.body.status], [2, { phase: "Ready" }]);
});

Deno.test("a write that changes nothing makes no new revision and wakes no watcher", async () => {
  await using t = await startTestPlane();
  const { body } = await t.client.post(WIDGETS, widget("a"));
  const before = t.plane.revision;
  const again = await t.client.put(`${WIDGETS}/a`, body);
  await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: 1 } });
  assertEquals([again.body.metadata.resourceVersion, t.plane.revision], [body.metadata.resourceVersion, before]);
});

Deno.test("patches of the three kinds, and the media types that a kind takes", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a", { parts: [{ name: "x", count: 1 }] }));
  const merge = await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { color: null, parts: [{ name: "y" }] } });
  assertEquals(merge.body.spec, { size: 1, color: "green", replicas: 1, parts: [{ name: "y" }] });
  const bad = await t.client.patch(`${WIDGETS}/a`, "json", [{ op: "test", path: "/spec/size", value: 2 }]);
  assertEquals(bad.status, 422);
  assertEquals((await t.client.patch(`${WIDGETS}/a`, "strategic", { spec: {} })).status, 415);
  const maps = "/api/v1/namespaces/default/configmaps";
  await t.client.post(maps, { metadata: { name: "c" }, data: { a: "1", b: "2" } });
  const strategic = await t.client.patch(`${maps}/c`, "strategic", { data: { a: null, c: "3" } });
  assertEquals(strategic.body.data, { b: "2", c: "3" });
});

Deno.test("scale reads and writes the replicas of the kind", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a"));
  await t.client.patch(`${WIDGETS}/a/status`, "merge", { status: { replicas: 1, selector: "app=a" } });
  const { body: scale } = await t.client.get(`${WIDGETS}/a/scale`);
  assertEquals([scale.kind, scale.apiVersion, scale.spec, scale.status], [
    "Scale",
    "autoscaling/v1",
    { replicas: 1 },
    { replicas: 1, selector: "app=a" },
  ]);
  const put = await t.client.put(`${WIDGETS}/a/scale`, { ...scale, spec: { replicas: 3 } });
  assertEquals(put.body.spec.replicas, 3);
  const { body } = await t.client.get(`${WIDGETS}/a`);
  assertEquals([body.spec.replicas, body.metadata.generation], [3, 2]);
  assertEquals((await t.client.put(`${WIDGETS}/a/scale`, { ...scale, spec: { replicas: 4 } })).status, 409);
  assertEquals((await t.client.patch(`${WIDGETS}/a/scale`, "merge", { spec: { replicas: -1 } })).status, 422);
});

Deno.test("a Secret's stringData becomes data, and is not kept beside it", async () => {
  await using t = await startTestPlane();
  const { body } = await t.client.post("/api/v1/namespaces/default/secrets", {
    metadata: { name: "s" },
    stringData: { password: "grüße" },
  });
  assertEquals([body.stringData, body.type], [undefined, "Opaque"]);
  assertEquals(new TextDecoder().decode(Uint8Array.fromBase64(body.data.password)), "grüße");
});

Deno.test("an Event written in one API group is read in the other", async () => {
  await using t = await startTestPlane();
  const regarding = { kind: "Widget", name: "a", namespace: "default" };
  await t.client.post("/apis/events.k8s.io/v1/namespaces/default/events", {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "e" },
    eventTime: "2030-01-01T00:00:00.000000Z",
    regarding,
    note: "made",
    reason: "Made",
    type: "Normal",
    reportingController: "test",
  });
  const { body } = await t.client.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=a");
  assertEquals(body.items.length, 1);
  const [event] = body.items;
  assertEquals([event.apiVersion, event.involvedObject, event.message, event.regarding, event.note], [
    "v1",
    regarding,
    "made",
    undefined,
    undefined,
  ]);
});

Deno.test("bodies are bounded in size and depth, and must be what they say", async () => {
  await using t = await startTestPlane();
  const large = await t.client.post(WIDGETS, widget("a", {}, { annotations: { x: "y".repeat(4 << 20) } }));
  assertEquals([large.status, large.body.reason], [413, "RequestEntityTooLarge"]);
  let deep: unknown = 1;
  for (let i = 0; i < 200; i++) deep = [deep];
  const nested = await t.client.post(WIDGETS, { ...widget("a"), spec: { size: deep } });
  assertEquals(nested.status, 400);
  const send = async (type: string, body: string) => {
    const response = await t.client.fetch(WIDGETS, { method: "POST", body, headers: { "content-type": type } });
    return [response.status, (await response.json()).reason];
  };
  assertEquals(await send("application/json", "{"), [400, "BadRequest"]);
  assertEquals(await send("application/json", ""), [400, "BadRequest"]);
  assertEquals(await send("application/cbor", "x"), [415, "UnsupportedMediaType"]);
  assertEquals(await send("application/json", `{"__proto__":{"x":1}}`), [400, "BadRequest"]);
  const yaml = await t.client.fetch(WIDGETS, {
    method: "POST",
    body: "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: y}\nspec: {size: 4}\n",
    headers: { "content-type": "application/yaml" },
  });
  assertEquals([yaml.status, (await yaml.json()).spec.size], [201, 4]);
});

Deno.test("paths and methods that make no sense are told apart", async () => {
  await using t = await startTestPlane();
  const status = async (method: string, path: string) => (await t.client.request(method, path)).status;
  assertEquals(await status("GET", "/apis/example.com/v1/gadgets"), 404);
  assertEquals(await status("GET", "/apis/example.com/v9/widgets"), 404);
  assertEquals(await status("GET", "/apis/example.com/v1/widgets/a"), 404);
  assertEquals(await status("GET", `${WIDGETS}/a/log`), 404);
  assertEquals(await status("PUT", WIDGETS), 400);
  assertEquals(await status("POST", "/apis/example.com/v1/widgets"), 404);
  assertEquals(await status("OPTIONS", WIDGETS), 405);
  assertEquals(await status("GET", "/nothing"), 404);
  assertEquals(await status("GET", "/api/v1/namespaces/%E0%A4%A/pods"), 400);
});

Deno.test("many writers on one object lose no update", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a", { size: 1 }));
  const one = async (): Promise<void> => {
    for (;;) {
      const { body } = await t.client.get(`${WIDGETS}/a`);
      const answer = await t.client.put(`${WIDGETS}/a`, { ...body, spec: { ...body.spec, size: body.spec.size + 1 } });
      if (answer.status === 200) return;
      assertEquals(answer.status, 409);
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  assertEquals((await t.client.get(`${WIDGETS}/a`)).body.spec.size, 21);
});

Deno.test("the same answers come over HTTP/1.1 and over HTTP/2", async () => {
  await using t = await startTestPlane({ http2: false });
  const h2 = new TestClient(t.plane, { http2: true });
  try {
    await t.client.post(WIDGETS, widget("a"));
    assertEquals((await h2.get(`${WIDGETS}/a`)).body, (await t.client.get(`${WIDGETS}/a`)).body);
    assert((await h2.get("/version")).body.gitVersion.startsWith("v1."));
  } finally {
    h2.close();
  }
});
