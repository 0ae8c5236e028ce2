import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import type { JsonObject } from "../storage/mod.ts";
import { startTestPlane, type TestClient, widget, WIDGETS } from "../testing.ts";

/** Reads until `done`; each read is a turn in which the server goes on with what it does by itself. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) if (await done()) return;
  throw new Error("it did not come to that within 200 reads");
}

const gone = (client: TestClient, path: string) => until(async () => (await client.get(path)).status === 404);

async function owned(client: TestClient, name: string, owners: JsonObject[], block = false): Promise<void> {
  const ownerReferences = owners.map((owner) => {
    const { name, uid } = owner.metadata as JsonObject;
    return {
      apiVersion: "example.com/v1",
      kind: "Widget",
      name: name ?? "",
      uid: uid ?? "",
      blockOwnerDeletion: block,
    };
  });
  const { status } = await client.post(WIDGETS, widget(name, {}, { ownerReferences }));
  assertEquals(status, 201);
}

const make = async (client: TestClient, name: string): Promise<JsonObject> =>
  (await client.post(WIDGETS, widget(name))).body;

Deno.test("an object without finalizers is gone at once, and the answer says what went", async () => {
  await using t = await startTestPlane();
  const { metadata } = (await t.client.post(WIDGETS, widget("a"))).body;
  const { status, body } = await t.client.delete(`${WIDGETS}/a`);
  assertEquals([status, body.kind, body.status], [200, "Status", "Success"]);
  assertEquals(body.details, { name: "a", group: "example.com", kind: "widgets", uid: metadata.uid });
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 404);
});

Deno.test("finalizers keep an object until the last one is taken away; none can be added meanwhile", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a", {}, { finalizers: ["example.com/x", "example.com/y"] }));
  const marked = await t.client.delete(`${WIDGETS}/a`);
  assertEquals([marked.body.kind, marked.body.metadata.deletionGracePeriodSeconds, marked.body.metadata.generation], [
    "Widget",
    0,
    2,
  ]);
  const again = await t.client.delete(`${WIDGETS}/a`);
  assertEquals(again.body.metadata.resourceVersion, marked.body.metadata.resourceVersion);
  const finalizers = (names: string[]) => t.client.patch(`${WIDGETS}/a`, "merge", { metadata: { finalizers: names } });
  const added = await finalizers(["example.com/x", "example.com/y", "example.com/z"]);
  assertEquals([added.status, added.body.details.causes[0].field], [422, "metadata.finalizers"]);
  const forged = await t.client.patch(`${WIDGETS}/a`, "merge", { metadata: { deletionTimestamp: null } });
  assertEquals(typeof forged.body.metadata.deletionTimestamp, "string");
  assertEquals((await finalizers(["example.com/x"])).status, 200);
  assertEquals((await finalizers([])).status, 200);
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 404);
});

Deno.test("preconditions protect against deleting another object than the one meant", async () => {
  await using t = await startTestPlane();
  const { metadata } = (await t.client.post(WIDGETS, widget("a"))).body;
  const wrong = await t.client.delete(`${WIDGETS}/a`, { preconditions: { uid: "other" } });
  assertEquals([wrong.status, wrong.body.reason], [409, "Conflict"]);
  assertEquals((await t.client.delete(`${WIDGETS}/a`, { preconditions: { resourceVersion: "1" } })).status, 409);
  const right = { preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion } };
  assertEquals((await t.client.delete(`${WIDGETS}/a`, right)).status, 200);
});

Deno.test("a collection is deleted by selector and only in its namespace", async () => {
  await using t = await startTestPlane();
  await t.client.post("/api/v1/namespaces", { metadata: { name: "other" } });
  await t.client.post(WIDGETS, widget("a", {}, { labels: { x: "1" } }));
  await t.client.post(WIDGETS, widget("b"));
  await t.client.post("/apis/example.com/v1/namespaces/other/widgets", widget("c", {}, { labels: { x: "1" } }));
  await t.client.delete(`${WIDGETS}?labelSelector=x%3D1`);
  const { body } = await t.client.get("/apis/example.com/v1/widgets");
  assertEquals(body.items.map((item: { metadata: { name: string } }) => item.metadata.name), ["b", "c"]);
});

Deno.test("dependents go after their owner, through all generations", async () => {
  await using t = await startTestPlane();
  const owner = await make(t.client, "owner");
  await owned(t.client, "child", [owner]);
  await owned(t.client, "grandchild", [(await t.client.get(`${WIDGETS}/child`)).body]);
  await t.client.delete(`${WIDGETS}/owner`);
  await gone(t.client, `${WIDGETS}/child`);
  await gone(t.client, `${WIDGETS}/grandchild`);
});

Deno.test("a dependent with another living owner stays and forgets the one that went", async () => {
  await using t = await startTestPlane();
  const [one, two] = [await make(t.client, "one"), await make(t.client, "two")];
  await owned(t.client, "child", [one, two]);
  await t.client.delete(`${WIDGETS}/one`);
  await until(async () => (await t.client.get(`${WIDGETS}/child`)).body.metadata.ownerReferences.length === 1);
  await t.client.delete(`${WIDGETS}/two`);
  await gone(t.client, `${WIDGETS}/child`);
});

Deno.test("orphaned dependents stay without an owner", async () => {
  await using t = await startTestPlane();
  await owned(t.client, "child", [await make(t.client, "owner")]);
  await t.client.delete(`${WIDGETS}/owner`, { propagationPolicy: "Orphan" });
  await gone(t.client, `${WIDGETS}/owner`);
  assertEquals((await t.client.get(`${WIDGETS}/child`)).body.metadata.ownerReferences, undefined);
});

Deno.test("foreground deletion keeps the owner until its blocking dependents are gone", async () => {
  await using t = await startTestPlane();
  const owner = await make(t.client, "owner");
  await owned(t.client, "child", [owner], true);
  await t.client.patch(`${WIDGETS}/child`, "merge", { metadata: { finalizers: ["example.com/x"] } });
  const marked = await t.client.delete(`${WIDGETS}/owner`, { propagationPolicy: "Foreground" });
  assertEquals(marked.body.metadata.finalizers, ["foregroundDeletion"]);
  await until(async () => (await t.client.get(`${WIDGETS}/child`)).body.metadata.deletionTimestamp !== undefined);
  assertEquals((await t.client.get(`${WIDGETS}/owner`)).status, 200);
  await t.client.patch(`${WIDGETS}/child`, "merge", { metadata: { finalizers: [] } });
  await gone(t.client, `${WIDGETS}/child`);
  await gone(t.client, `${WIDGETS}/owner`);
});

Deno.test("an object whose owner never was is collected, and one of an unknown kind of owner is left alone", async () => {
  await using t = await startTestPlane();
  await owned(t.client, "lost", [{ metadata: { name: "x", uid: "no-such-uid" } }]);
  await gone(t.client, `${WIDGETS}/lost`);
  const ownerReferences = [{ apiVersion: "elsewhere.io/v1", kind: "Thing", name: "x", uid: "u" }];
  await t.client.post(WIDGETS, widget("foreign", {}, { ownerReferences }));
  await t.client.post(WIDGETS, widget("after"));
  await t.client.get(WIDGETS);
  assertEquals((await t.client.get(`${WIDGETS}/foreign`)).status, 200);
});

Deno.test("a policy that does not exist is refused", async () => {
  await using t = await startTestPlane();
  await make(t.client, "a");
  const { status, body } = await t.client.delete(`${WIDGETS}/a`, { propagationPolicy: "Later" });
  assertEquals(status, 422);
  assertStringIncludes(body.message, 'supported values: "Foreground", "Background", "Orphan"');
});

Deno.test("a namespace takes its content with it, takes in nothing meanwhile, and waits for finalizers", async () => {
  await using t = await startTestPlane();
  const inside = "/apis/example.com/v1/namespaces/team/widgets";
  await t.client.post("/api/v1/namespaces", { metadata: { name: "team" } });
  await t.client.post(inside, widget("plain"));
  await t.client.post(inside, widget("kept", {}, { finalizers: ["example.com/x"] }));
  const { body } = await t.client.delete("/api/v1/namespaces/team");
  assertEquals(body.status.phase, "Terminating");
  await gone(t.client, `${inside}/plain`);
  const late = await t.client.post(inside, widget("late"));
  assertEquals([late.status, late.body.details.causes[0].reason], [403, "NamespaceTerminating"]);
  assertEquals((await t.client.get("/api/v1/namespaces/team")).status, 200);
  await t.client.patch(`${inside}/kept`, "merge", { metadata: { finalizers: [] } });
  await gone(t.client, "/api/v1/namespaces/team");
});

Deno.test("the namespaces that the server needs cannot be deleted", async () => {
  await using t = await startTestPlane();
  const { status, body } = await t.client.delete("/api/v1/namespaces/default");
  assertEquals([status, body.message], [403, 'namespaces "default" is forbidden: this namespace may not be deleted']);
});

Deno.test("an unfinished deletion goes on after a restart", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    {
      await using t = await startTestPlane({ dataDir });
      await t.client.post("/api/v1/namespaces", { metadata: { name: "team" } });
      await t.client.post(
        "/apis/example.com/v1/namespaces/team/widgets",
        widget("a", {}, { finalizers: ["example.com/x"] }),
      );
      await t.client.delete("/api/v1/namespaces/team");
    }
    await using t = await startTestPlane({ dataDir });
    await t.client.patch("/apis/example.com/v1/namespaces/team/widgets/a", "merge", { metadata: { finalizers: null } });
    await gone(t.client, "/api/v1/namespaces/team");
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("an Event is forgotten an hour after it was last seen", async () => {
  const clock = new FakeClock();
  await using t = await startTestPlane({ clock });
  const events = "/api/v1/namespaces/default/events";
  const event = (name: string) => ({
    metadata: { name },
    involvedObject: { kind: "Widget", name: "a", namespace: "default" },
  });
  await t.client.post(events, event("old"));
  await clock.advance(50 * 60_000);
  await t.client.post(events, event("young"));
  const names = async () =>
    (await t.client.get(events)).body.items.map((e: { metadata: { name: string } }) => e.metadata.name);
  assertEquals(await names(), ["old", "young"]);
  await clock.advance(12 * 60_000);
  assertEquals(await names(), ["young"]);
});
