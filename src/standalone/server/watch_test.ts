import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { startTestPlane, type TestClient, type TestPlane, type WatchLine, widget, WIDGETS } from "../testing.ts";

const brief = ({ type, object }: WatchLine): string => {
  const meta = object.metadata;
  const name = typeof meta === "object" && meta !== null && !Array.isArray(meta) ? meta.name : undefined;
  return name === undefined ? type : `${type} ${name}`;
};

/** The next `count` lines of a watch. */
async function take(watch: AsyncGenerator<WatchLine, void>, count: number): Promise<WatchLine[]> {
  const lines: WatchLine[] = [];
  while (lines.length < count) {
    const next = await watch.next();
    if (next.done === true) throw new Error(`the watch ended after ${lines.map(brief).join(", ")}`);
    lines.push(next.value);
  }
  return lines;
}

async function all(watch: AsyncGenerator<WatchLine, void>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of watch) lines.push(brief(line));
  return lines;
}

const revision = async (client: TestClient): Promise<string> =>
  (await client.get(WIDGETS)).body.metadata.resourceVersion;

/** Waits until the server has `count` open watches. */
async function opened(t: TestPlane, count: number): Promise<void> {
  while (t.plane.watches !== count) await t.client.get("/version");
}

Deno.test("a watch from a list's revision sends every later change once and in order", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("before"));
  const watch = t.client.watch(`${WIDGETS}?watch=true&resourceVersion=${await revision(t.client)}`);
  const lines = take(watch, 3);
  await opened(t, 1);
  await t.client.post(WIDGETS, widget("a"));
  await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: 2 } });
  await t.client.delete(`${WIDGETS}/a`);
  const got = await lines;
  assertEquals(got.map(brief), ["ADDED a", "MODIFIED a", "DELETED a"]);
  assertEquals(got.map(({ object }) => Number(JSON.parse(JSON.stringify(object)).metadata.resourceVersion) > 0), [
    true,
    true,
    true,
  ]);
  await watch.return();
});

Deno.test("a watch without a revision starts with what is there", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a"));
  await t.client.post(WIDGETS, widget("b"));
  for (const query of ["watch=1", "watch=1&resourceVersion=0"]) {
    const watch = t.client.watch(`${WIDGETS}?${query}`);
    assertEquals((await take(watch, 2)).map(brief), ["ADDED a", "ADDED b"]);
    await watch.return();
  }
});

Deno.test("sendInitialEvents ends the initial state with a marked bookmark", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a"));
  const query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
  const watch = t.client.watch(`${WIDGETS}?${query}`);
  const [added, bookmark] = await take(watch, 2);
  assert(added !== undefined && bookmark !== undefined);
  assertEquals([brief(added), bookmark.type], ["ADDED a", "BOOKMARK"]);
  assertEquals(bookmark.object, {
    kind: "Widget",
    apiVersion: "example.com/v1",
    metadata: {
      resourceVersion: await revision(t.client),
      creationTimestamp: null,
      annotations: { "k8s.io/initial-events-end": "true" },
    },
  });
  await watch.return();
  assertEquals((await t.client.get(`${WIDGETS}?watch=1&sendInitialEvents=true`)).status, 422);
});

Deno.test("a watch at a forgotten revision gets a 410 event and ends", async () => {
  await using t = await startTestPlane({ history: 8 });
  await t.client.post(WIDGETS, widget("a"));
  for (let i = 0; i < 20; i++) await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: i + 2 } });
  const [line, ...rest] = await Array.fromAsync(t.client.watch(`${WIDGETS}?watch=1&resourceVersion=2`));
  assertEquals([line?.type, line?.object.code, line?.object.reason, rest], ["ERROR", 410, "Expired", []]);
});

Deno.test("a revision of another database gets a 410 event instead of silence", async () => {
  await using t = await startTestPlane();
  const lines = await Array.fromAsync(t.client.watch(`${WIDGETS}?watch=1&resourceVersion=99999`));
  assertEquals(lines.map(({ type, object }) => [type, object.code]), [["ERROR", 410]]);
});

Deno.test("objects that start or stop matching a selector are added and deleted", async () => {
  await using t = await startTestPlane();
  const watch = t.client.watch(`${WIDGETS}?watch=1&labelSelector=on%3Dyes&resourceVersion=${await revision(t.client)}`);
  const lines = take(watch, 4);
  await opened(t, 1);
  const label = (on: string) => t.client.patch(`${WIDGETS}/a`, "merge", { metadata: { labels: { on } } });
  await t.client.post(WIDGETS, widget("a"));
  await label("yes");
  await t.client.patch(`${WIDGETS}/a`, "merge", { spec: { size: 2 } });
  await label("no");
  await label("maybe");
  await label("yes");
  assertEquals((await lines).map(brief), ["ADDED a", "MODIFIED a", "DELETED a", "ADDED a"]);
  await watch.return();
});

Deno.test("a watch sees its namespace and, by field selector, its one object", async () => {
  await using t = await startTestPlane();
  await t.client.post("/api/v1/namespaces", { metadata: { name: "other" } });
  const from = await revision(t.client);
  const inOther = t.client.watch(`/apis/example.com/v1/namespaces/other/widgets?watch=1&resourceVersion=${from}`);
  const one = t.client.watch(`${WIDGETS}?watch=1&fieldSelector=metadata.name%3Db&resourceVersion=${from}`);
  const lines = Promise.all([take(inOther, 1), take(one, 1)]);
  await opened(t, 2);
  await t.client.post(WIDGETS, widget("a"));
  await t.client.post(WIDGETS, widget("b"));
  await t.client.post("/apis/example.com/v1/namespaces/other/widgets", widget("c"));
  assertEquals((await lines).map((l) => l.map(brief)), [["ADDED c"], ["ADDED b"]]);
  await inOther.return();
  await one.return();
});

Deno.test("a watch as Table names the columns once", async () => {
  await using t = await startTestPlane();
  await t.client.post(WIDGETS, widget("a"));
  await t.client.post(WIDGETS, widget("b"));
  const watch = t.client.watch(`${WIDGETS}?watch=1`, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
  const tables = (await take(watch, 2)).map(({ object }) => JSON.parse(JSON.stringify(object)));
  assertEquals(tables.map((t) => [t.kind, t.columnDefinitions.length, t.rows[0].cells[0]]), [["Table", 5, "a"], [
    "Table",
    0,
    "b",
  ]]);
  await watch.return();
});

Deno.test("a watch ends by itself after timeoutSeconds, and bookmarks come every minute to those who take them", async () => {
  const clock = new FakeClock();
  await using t = await startTestPlane({ clock });
  const from = await revision(t.client);
  const short = all(t.client.watch(`${WIDGETS}?watch=1&timeoutSeconds=90&resourceVersion=${from}`));
  const marked = t.client.watch(`${WIDGETS}?watch=1&allowWatchBookmarks=true&resourceVersion=${from}`);
  const line = take(marked, 1);
  await opened(t, 2);
  await clock.advance(61_000);
  assertEquals((await line)[0]?.type, "BOOKMARK");
  assertEquals(t.plane.watches, 2);
  await clock.advance(30_000);
  assertEquals(await short, []);
  assertEquals(t.plane.watches, 1);
  await marked.return();
});

Deno.test("a watcher that does not read is cut, having got a prefix without gaps; others are not disturbed", async () => {
  await using t = await startTestPlane({ maxLagBytes: 1 << 20 });
  const from = await revision(t.client);
  const slow = await t.client.fetch(`${WIDGETS}?watch=1&resourceVersion=${from}`);
  const quick = t.client.watch(`${WIDGETS}?watch=1&resourceVersion=${from}`);
  const count = 60;
  const lines = take(quick, count);
  await opened(t, 2);
  const pad = "x".repeat(1 << 18);
  for (let i = 0; i < count; i++) {
    await t.client.post(`${WIDGETS}`, widget(`w${String(i).padStart(3, "0")}`, { parts: [{ name: pad }] }));
  }
  assertEquals((await lines).length, count);
  assertEquals(t.plane.watches, 1);
  const got: string[] = [];
  let rest = "";
  for await (const text of (slow.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) got.push(JSON.parse(part).object.metadata.name);
  }
  assertEquals(rest, "");
  assert(got.length > 0 && got.length < count, `got ${got.length} of ${count}`);
  assertEquals(got, Array.from({ length: got.length }, (_, i) => `w${String(i).padStart(3, "0")}`));
  await quick.return();
});

Deno.test("a watch resumes after a restart of the server where it was", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    let from: string;
    {
      await using t = await startTestPlane({ dataDir });
      await t.client.post(WIDGETS, widget("a"));
      from = await revision(t.client);
      await t.client.post(WIDGETS, widget("b"));
      await t.client.delete(`${WIDGETS}/a`);
    }
    await using t = await startTestPlane({ dataDir });
    const watch = t.client.watch(`${WIDGETS}?watch=1&resourceVersion=${from}`);
    assertEquals((await take(watch, 2)).map(brief), ["ADDED b", "DELETED a"]);
    await watch.return();
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("closing the server ends watches cleanly", async () => {
  const t = await startTestPlane();
  const lines = all(t.client.watch(`${WIDGETS}?watch=1`));
  await opened(t, 1);
  await t.plane.close();
  assertEquals(await lines, []);
  await assertRejects(() => t.client.get("/version"));
  t.client.close();
});
