import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { Store } from "./store.ts";
import { type Change, type JsonObject, StorageError } from "./types.ts";

const W = "widgets";
const object = (name: string, n = 0): JsonObject => ({ metadata: { name }, n });
const put = (store: Store, name: string, n = 0) => store.put(W, "default", name, object(name, n));

async function withStore(
  options: { history?: number; maxBytes?: number },
  test: (store: Store) => Promise<void>,
): Promise<void> {
  const store = Store.open(":memory:", options);
  try {
    await test(store);
  } finally {
    await store.close();
  }
}

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/state.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a write is visible to readers only once it is durable", () =>
  withStore({}, async (store) => {
    const entry = put(store, "a");
    assertEquals(store.get(W, "default", "a"), entry);
    assertEquals(store.committed(W, "default", "a"), undefined);
    assertEquals(store.listAt(W, store.revision), []);
    await store.settled();
    assertEquals(store.committed(W, "default", "a"), entry);
    assertEquals(store.listAt(W, store.revision), [entry]);
  }));

Deno.test("a reader sees the durable state while a newer one is being written", () =>
  withStore({}, async (store) => {
    const first = put(store, "a", 1);
    await store.settled();
    put(store, "a", 2);
    put(store, "a", 3);
    assertEquals(store.committed(W, "default", "a"), first);
    await store.settled();
    assertEquals(store.committed(W, "default", "a")?.object.n, 3);
  }));

Deno.test("revisions grow by one over all resources and are stamped into the object", () =>
  withStore({}, async (store) => {
    const a = put(store, "a");
    const b = store.put("gadgets", "", "b", { metadata: {} });
    await store.settled();
    assertEquals([a.revision, b.revision, store.revision], [1, 2, 2]);
    assertEquals(b.object.metadata, { resourceVersion: "2" });
    assertEquals(JSON.parse(b.json), b.object);
  }));

Deno.test("listeners see every change once, in order, after it is durable", () =>
  withStore({}, async (store) => {
    const seen: [Change["type"], number, number | undefined][] = [];
    store.subscribe(({ type, entry, previous }) => seen.push([type, entry.revision, previous?.revision]));
    const a = put(store, "a");
    store.delete(put(store, "a", 1), object("a"));
    assertEquals(seen, []);
    await store.settled();
    assertEquals(seen, [["ADDED", 1, undefined], ["MODIFIED", 2, a.revision], ["DELETED", 3, 2]]);
  }));

Deno.test("a batch that the disk refuses is undone, and the next one goes on where it was", () =>
  withStore({ maxBytes: 64 * 1024 }, async (store) => {
    put(store, "a", 1);
    await store.settled();
    put(store, "a", 2);
    store.put(W, "default", "big", { metadata: {}, pad: "x".repeat(200_000) });
    const error = await assertRejects(() => store.settled(), StorageError);
    assertEquals(error.reason, "Full");
    assertEquals(store.get(W, "default", "a")?.object.n, 1);
    assertEquals(store.get(W, "default", "big"), undefined);
    assertEquals(store.failure, undefined);
    assertEquals(put(store, "a", 3).revision, 2);
    await store.settled();
    assertEquals(store.revision, 2);
  }));

Deno.test("an older revision can be listed and resumed from until history forgets it", () =>
  withStore({ history: 8 }, async (store) => {
    put(store, "a", 1);
    const b = put(store, "b", 1);
    await store.settled();
    put(store, "a", 2);
    store.delete(b, object("b"));
    put(store, "c", 1);
    await store.settled();
    const then = store.listAt(W, 2) ?? [];
    assertEquals(then.map(({ name, object }) => [name, object.n]), [["a", 1], ["b", 1]]);
    assertEquals(store.changesSince(W, 2)?.map(({ type, entry }) => `${type} ${entry.name}`), [
      "MODIFIED a",
      "DELETED b",
      "ADDED c",
    ]);
    for (let i = 0; i < 20; i++) {
      put(store, "d", i);
      await store.settled();
    }
    assertEquals(store.listAt(W, 2), undefined);
    assertEquals(store.changesSince(W, 2), undefined);
    assert(store.compacted > 2);
    assertEquals(store.changesSince(W, store.revision - 3)?.length, 3);
  }));

Deno.test("history is bounded by size as well as by count", async () => {
  const store = Store.open(":memory:", { historySize: 10_000 });
  try {
    for (let i = 0; i < 20; i++) {
      store.put(W, "default", "a", { metadata: {}, pad: "x".repeat(1_000), n: i });
      await store.settled();
    }
    const kept = store.revision - store.compacted;
    assert(kept >= 8 && kept <= 12, `${kept} changes are kept`);
    assertEquals(store.changesSince(W, store.compacted)?.length, kept);
    assertEquals(store.changesSince(W, store.compacted - 1), undefined);
  } finally {
    await store.close();
  }
});

Deno.test("state, history and revision survive a restart, also when the newest row was compacted away", () =>
  withFile(async (path) => {
    const first = Store.open(path, { history: 4 });
    put(first, "kept", 1);
    for (let i = 0; i < 12; i++) {
      const gone = put(first, "gone", i);
      await first.settled();
      first.delete(gone, object("gone"));
      await first.settled();
    }
    const { revision, compacted } = first;
    const changes = first.changesSince(W, compacted)?.map((
      { type, entry, previous },
    ) => [type, entry.revision, previous?.revision]);
    await first.close();
    const again = Store.open(path, { history: 4 });
    assertEquals([again.revision, again.compacted], [revision, compacted]);
    assertEquals(again.list(W).map(({ name }) => name), ["kept"]);
    assertEquals(
      again.changesSince(W, compacted)?.map(({ type, entry, previous }) => [type, entry.revision, previous?.revision]),
      changes,
    );
    assertEquals(put(again, "new").revision, revision + 1);
    await again.close();
  }));

Deno.test("lists are in key order across namespaces", () =>
  withStore({}, async (store) => {
    for (const [namespace, name] of [["b", "a"], ["a", "z"], ["a", "b"], ["", "x"]] as const) {
      store.put(W, namespace, name, { metadata: {} });
    }
    await store.settled();
    assertEquals(store.list(W).map((e) => `${e.namespace}/${e.name}`), ["/x", "a/b", "a/z", "b/a"]);
  }));

Deno.test("what was acknowledged survives kill -9", () =>
  withFile(async (path) => {
    const script = `
      import { Store } from ${JSON.stringify(new URL("./store.ts", import.meta.url).href)};
      const store = Store.open(${JSON.stringify(path)});
      for (let i = 0;; i++) {
        store.put("widgets", "default", "w" + i, { metadata: {}, n: i });
        await store.settled();
        console.log(i);
      }`;
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", `--config=${config}`, script],
      stdout: "piped",
      stderr: "null",
      stdin: "null",
    }).spawn();
    let acknowledged = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      acknowledged += text;
      if (acknowledged.split("\n").length > 50) child.kill("SIGKILL");
    }
    await child.status;
    const last = Number(acknowledged.trimEnd().split("\n").at(-1));
    assert(last >= 49, `only ${last} writes were acknowledged`);
    const store = Store.open(path);
    for (let i = 0; i <= last; i++) assertEquals(store.get(W, "default", `w${i}`)?.object.n, i);
    assert(store.revision >= last + 1);
    await store.close();
  }));
