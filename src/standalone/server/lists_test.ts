import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { startTestPlane, type TestClient, widget, WIDGETS } from "../testing.ts";

async function fill(
  client: TestClient,
  names: readonly string[],
  labels: (name: string) => Record<string, string> = () => ({}),
): Promise<void> {
  for (const name of names) await client.post(WIDGETS, widget(name, {}, { labels: labels(name) }));
}

// deno-lint-ignore no-explicit-any -- lists of every kind
const names = (body: any): string[] => body.items.map((item: { metadata: { name: string } }) => item.metadata.name);

Deno.test("a list is in name order and says at which revision it was taken", async () => {
  await using t = await startTestPlane();
  await fill(t.client, ["b", "c", "a"]);
  const { body } = await t.client.get(WIDGETS);
  assertEquals([body.kind, body.apiVersion, names(body)], ["WidgetList", "example.com/v1", ["a", "b", "c"]]);
  assertEquals(body.metadata.resourceVersion, String(t.plane.revision));
  assertEquals(names((await t.client.get("/apis/example.com/v1/widgets")).body), ["a", "b", "c"]);
});

Deno.test("pages show one state, whatever is written between them", async () => {
  await using t = await startTestPlane();
  await fill(t.client, ["a", "b", "c", "d", "e"]);
  const first = (await t.client.get(`${WIDGETS}?limit=2`)).body;
  assertEquals([names(first), first.metadata.remainingItemCount], [["a", "b"], 3]);
  await t.client.delete(`${WIDGETS}/c`);
  await t.client.post(WIDGETS, widget("bb"));
  await t.client.patch(`${WIDGETS}/d`, "merge", { spec: { size: 9 } });
  const second =
    (await t.client.get(`${WIDGETS}?limit=2&continue=${encodeURIComponent(first.metadata.continue)}`)).body;
  assertEquals([names(second), second.metadata.resourceVersion], [["c", "d"], first.metadata.resourceVersion]);
  assertEquals(second.items[1].spec.size, 1);
  const third =
    (await t.client.get(`${WIDGETS}?limit=2&continue=${encodeURIComponent(second.metadata.continue)}`)).body;
  assertEquals([names(third), third.metadata.continue], [["e"], undefined]);
});

Deno.test("a continue token that history has left behind is 410 Expired, and a made-up one 400", async () => {
  await using t = await startTestPlane({ history: 8 });
  await fill(t.client, ["a", "b", "c"]);
  const { body } = await t.client.get(`${WIDGETS}?limit=1`);
  for (let i = 0; i < 20; i++) await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: i + 2 } });
  const late = await t.client.get(`${WIDGETS}?limit=1&continue=${encodeURIComponent(body.metadata.continue)}`);
  assertEquals([late.status, late.body.reason], [410, "Expired"]);
  assertEquals((await t.client.get(`${WIDGETS}?limit=1&continue=nonsense`)).status, 400);
});

Deno.test("resourceVersion: exact, not older than, and from the future", async () => {
  await using t = await startTestPlane({ history: 8 });
  await fill(t.client, ["a"]);
  const then = t.plane.revision;
  await fill(t.client, ["b"]);
  const list = async (query: string) => await t.client.get(`${WIDGETS}?${query}`);
  assertEquals(names((await list(`resourceVersion=${then}&resourceVersionMatch=Exact`)).body), ["a"]);
  assertEquals(names((await list(`resourceVersion=${then}&resourceVersionMatch=NotOlderThan`)).body), ["a", "b"]);
  assertEquals(names((await list(`resourceVersion=0`)).body), ["a", "b"]);
  const future = await list("resourceVersion=999999");
  assertEquals([future.status, future.body.reason, future.body.details.causes[0].reason], [
    504,
    "Timeout",
    "ResourceVersionTooLarge",
  ]);
  assertEquals((await list("resourceVersion=x")).status, 400);
  assertEquals((await list("resourceVersionMatch=Exact")).status, 422);
  for (let i = 0; i < 20; i++) await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: i + 2 } });
  assertEquals((await list(`resourceVersion=${then}&resourceVersionMatch=Exact`)).status, 410);
});

const selections: [selector: string, chosen: string[]][] = [
  ["labelSelector=tier%3Dweb", ["a", "b"]],
  ["labelSelector=tier%3D%3Dweb,env%3Dprod", ["a"]],
  ["labelSelector=tier!%3Dweb", ["c", "d"]],
  ["labelSelector=tier in (web, db)", ["a", "b", "c"]],
  ["labelSelector=env notin (prod)", ["b", "d"]],
  ["labelSelector=tier", ["a", "b", "c"]],
  ["labelSelector=!tier", ["d"]],
  ["labelSelector=n%3E1", ["b", "c"]],
  ["fieldSelector=metadata.name%3Db", ["b"]],
  ["fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault", ["a", "c", "d"]],
];
for (const [selector, chosen] of selections) {
  Deno.test(`${decodeURIComponent(selector)} selects ${chosen.join(", ")}`, async () => {
    await using t = await startTestPlane();
    const labels: Record<string, Record<string, string>> = {
      a: { tier: "web", env: "prod", n: "1" },
      b: { tier: "web", env: "test", n: "2" },
      c: { tier: "db", env: "prod", n: "3" },
      d: {},
    };
    await fill(t.client, Object.keys(labels), (name) => labels[name] ?? {});
    assertEquals(names((await t.client.get(`${WIDGETS}?${selector}`)).body), chosen);
  });
}

Deno.test("a selector that cannot be read is refused and never selects everything", async () => {
  await using t = await startTestPlane();
  for (
    const query of ["labelSelector=a=b=c", "labelSelector=a in b", "fieldSelector=spec.size%3D1", "fieldSelector=x"]
  ) {
    assertEquals([query, (await t.client.get(`${WIDGETS}?${query}`)).status], [query, 400]);
    assertEquals([query, (await t.client.delete(`${WIDGETS}?${query}`)).status], [query, 400]);
  }
});

Deno.test("a Table has the columns of the kind, with cells from conditions and ages", async () => {
  await using t = await startTestPlane();
  await fill(t.client, ["a"]);
  await t.client.patch(`${WIDGETS}/a/status`, "merge", {
    status: { conditions: [{ type: "Other", status: "False" }, { type: "Ready", status: "True" }] },
  });
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const { body } = await t.client.get(WIDGETS, { accept });
  assertEquals([body.kind, body.apiVersion], ["Table", "meta.k8s.io/v1"]);
  assertEquals(
    body.columnDefinitions.map((c: { name: string; priority: number }) => `${c.name} ${c.priority}`),
    ["Name 0", "Size 0", "Ready 0", "Color 1", "Age 0"],
  );
  assertEquals(body.rows[0].cells.slice(0, 4), ["a", 1, "True", "green"]);
  assertEquals(body.rows[0].object.kind, "PartialObjectMetadata");
  assertEquals((await t.client.get(`${WIDGETS}?includeObject=Object`, { accept })).body.rows[0].object.kind, "Widget");
  assertEquals((await t.client.get(`${WIDGETS}/a`, { accept })).body.rows.length, 1);
});

Deno.test("metadata alone can be asked for, and what cannot be served is 406", async () => {
  await using t = await startTestPlane();
  await fill(t.client, ["a"]);
  const list = await t.client.get(WIDGETS, {
    accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  });
  assertEquals([list.body.kind, list.body.items[0].kind, list.body.items[0].spec], [
    "PartialObjectMetadataList",
    "PartialObjectMetadata",
    undefined,
  ]);
  const one = await t.client.get(`${WIDGETS}/a`, {
    accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  });
  assertEquals([one.body.kind, one.body.metadata.name], ["PartialObjectMetadata", "a"]);
  assertEquals((await t.client.get(WIDGETS, { accept: "text/html" })).status, 406);
  assertEquals(
    (await t.client.get(WIDGETS, { accept: "application/vnd.kubernetes.protobuf,application/json" })).body.kind,
    "WidgetList",
  );
});

Deno.test("a namespace must exist before anything is put into it", async () => {
  await using t = await startTestPlane();
  const { status, body } = await t.client.post("/apis/example.com/v1/namespaces/nowhere/widgets", widget("a"));
  assertEquals(status, 404);
  assertStringIncludes(body.message, 'namespaces "nowhere" not found');
});
