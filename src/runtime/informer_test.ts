import { assert, assertEquals, assertThrows } from "@virtrigaud/deps";
import { type FakeWatch } from "@virtrigaud/kube/testing";
import { Informer, type InformerOptions } from "./mod.ts";
import { type Harness, verb, type Widget, WIDGETS, withHarness } from "./testing/harness.ts";

/** An informer that runs, and what its handler was told. */
async function follow(h: Harness, options: InformerOptions<Widget> = {}) {
  const informer = new Informer<Widget>(h, WIDGETS, options);
  const told: string[] = [];
  informer.addHandler((event) => {
    told.push(`${event.type} ${event.object.metadata.name} ${event.object.spec?.size ?? "-"}`);
  });
  h.run((signal) => informer.run(signal));
  await h.clock.settle();
  return { informer, told };
}
const versions = (informer: Informer<Widget>) =>
  new Map([...informer.keys()].sort().map((key) => [key, informer.get(key)?.metadata.resourceVersion]));
const stream = (h: Harness): FakeWatch => {
  const [watch, more] = h.server.watches;
  assert(watch !== undefined && more === undefined, "expected exactly one open watch");
  return watch;
};

for (const initialEvents of [false, true]) {
  Deno.test(`first state and changes reach store and handlers (initialEvents: ${initialEvents})`, () =>
    withHarness(async (h) => {
      h.create("a", { size: 1 });
      const { informer, told } = await follow(h, { initialEvents });
      assert(informer.synced);
      h.create("b", { size: 1 });
      h.update("a", { size: 2 });
      h.delete("b");
      await h.clock.settle();
      assertEquals(told, ["Added a 1", "Added b 1", "Updated a 2", "Deleted b 1"]);
      assertEquals(versions(informer), h.truth);
      assertEquals(h.server.count("list"), initialEvents ? 0 : 1);
    }));
}

Deno.test("without support for initial events a list is used instead", () =>
  withHarness(async (h) => {
    h.server.initialEvents = false;
    h.create("a");
    const { informer } = await follow(h, { initialEvents: true });
    await h.clock.advance(1_000);
    assertEquals([informer.synced, informer.size, h.server.count("list")], [true, 1, 1]);
  }));

Deno.test("large states are listed in pages", () =>
  withHarness(async (h) => {
    for (let i = 0; i < 7; i++) h.create(`w${i}`);
    const { informer } = await follow(h, { pageSize: 3 });
    assertEquals([informer.size, h.server.count("list")], [7, 3]);
  }));

Deno.test("managedFields are dropped, kind is filled in, the transform has the last word", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1, owner: "x" });
    const { informer } = await follow(h, { transform: (widget) => ({ ...widget, spec: { size: widget.spec?.size } }) });
    const widget = informer.get("default/a");
    assertEquals([widget?.kind, widget?.apiVersion, widget?.spec], ["Widget", "test.example/v1", { size: 1 }]);
    assert(!("managedFields" in (widget?.metadata ?? {})));
  }));

Deno.test("a cut stream is resumed where it stopped: nothing is lost, nothing told twice, no second list", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1 });
    const { informer, told } = await follow(h);
    h.server.watchFaults.stalled = true;
    h.update("a", { size: 2 });
    h.create("b");
    h.server.watchFaults.stalled = false;
    stream(h).cut();
    await h.clock.advance(1_000);
    assertEquals(told, ["Added a 1", "Updated a 2", "Added b -"]);
    assertEquals([versions(informer), h.server.count("list")], [h.truth, 1]);
  }));

Deno.test("a stream that ends in the middle of an event is resumed", () =>
  withHarness(async (h) => {
    const { informer, told } = await follow(h);
    h.server.watchFaults.stalled = true;
    h.create("a");
    h.server.watchFaults.stalled = false;
    stream(h).text('{"type":"ADDED","object":{"metadata":{"na');
    stream(h).end();
    await h.clock.advance(1_000);
    assertEquals([told, versions(informer)], [["Added a -"], h.truth]);
  }));

for (const goneAsEvent of [false, true]) {
  Deno.test(`410 ${goneAsEvent ? "as an event" : "over HTTP"}: a new list, with deletions that nobody told`, () =>
    withHarness(async (h) => {
      h.server.goneAsEvent = goneAsEvent;
      for (const name of ["a", "b", "c"]) h.create(name, { size: 1 });
      const { informer, told } = await follow(h);
      told.length = 0;
      h.server.watchFaults.stalled = true;
      h.delete("a");
      h.update("b", { size: 2 });
      h.create("d");
      h.server.store.compact();
      stream(h).cut();
      h.server.heal();
      await h.clock.advance(2_000);
      assertEquals(told, ["Deleted a 1", "Updated b 2", "Added d -"]);
      assertEquals([versions(informer), h.server.count("list")], [h.truth, 2]);
      assertEquals(h.metrics.get("informer_relists_total", "Widget", "expired"), 1);
    }));
}

Deno.test("the swap of a new list is atomic: no handler sees a mixture", () =>
  withHarness(async (h) => {
    for (const name of ["a", "b", "c"]) h.create(name);
    const { informer } = await follow(h);
    const sizes: number[] = [];
    informer.addHandler((event) => {
      if (event.type === "Deleted") sizes.push(informer.size);
    });
    h.server.watchFaults.stalled = true;
    for (const name of ["a", "b", "c"]) h.delete(name);
    h.server.store.compact();
    stream(h).cut();
    h.server.heal();
    await h.clock.advance(2_000);
    assertEquals(sizes, [0, 0, 0]);
  }));

Deno.test("an object that was deleted and created again unseen is told as deleted, then as added", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1 });
    const { told } = await follow(h);
    h.server.watchFaults.stalled = true;
    h.delete("a");
    h.create("a", { size: 2 });
    h.server.store.compact();
    stream(h).cut();
    h.server.heal();
    await h.clock.advance(2_000);
    assertEquals(told, ["Added a 1", "Deleted a 1", "Added a 2"]);
  }));

Deno.test("duplicate and reordered events change nothing twice and bring nothing back", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1 });
    const { informer, told } = await follow(h);
    Object.assign(h.server.watchFaults, { duplicate: true, reorder: true });
    h.update("a", { size: 2 });
    h.update("a", { size: 3 });
    await h.clock.settle();
    assertEquals(told, ["Added a 1", "Updated a 3"]);
    h.update("a", { size: 4 });
    h.delete("a");
    await h.clock.settle();
    assertEquals(told.slice(2), ["Deleted a 4"]);
    assertEquals([informer.size, versions(informer)], [0, h.truth]);
  }));

Deno.test("a stream ends at a time that differs by chance, and the next resumes from the last bookmark", () =>
  withHarness(async (h) => {
    await follow(h, { watchSeconds: 10 });
    h.server.store.create({ collection: "/api/v1/secrets", namespace: "x", name: "other" }, {
      metadata: { name: "other" },
    });
    h.server.bookmark();
    await h.clock.advance(10_000);
    const [first, second] = h.server.requests.filter(verb("watch"));
    assertEquals([first?.query.get("timeoutSeconds"), first?.query.get("allowWatchBookmarks")], ["10", "true"]);
    assertEquals(second?.query.get("resourceVersion"), String(h.server.store.version));
    h.server.store.compact();
    assertEquals(h.server.count("list"), 1);
  }));

Deno.test("a silent stream is given up after the idle time", () =>
  withHarness(async (h) => {
    const { told } = await follow(h, { idleTimeoutMs: 5_000 });
    h.server.watchFaults.stalled = true;
    h.create("a");
    await h.clock.advance(4_999);
    assertEquals(told, []);
    h.server.watchFaults.stalled = false;
    await h.clock.advance(1_000);
    assertEquals(told, ["Added a -"]);
  }));

Deno.test("429 is waited out as asked; 500 and refused streams back off and grow slower, never a busy loop", () =>
  withHarness(async (h) => {
    h.server.fail(verb("watch"), { type: "status", code: 429, retryAfterSeconds: 7 });
    const { informer } = await follow(h);
    await h.clock.advance(6_900);
    assertEquals(h.server.count("watch"), 1);
    await h.clock.advance(400);
    assertEquals(h.server.count("watch"), 2);
    h.server.fail(verb("watch"), { type: "status", code: 500 }, 1_000);
    stream(h).cut();
    await h.clock.advance(300_000);
    const attempts = h.server.count("watch") - 2;
    assert(attempts > 8 && attempts < 30, `${attempts} attempts in five minutes`);
    h.server.heal();
    h.create("a");
    await h.clock.advance(30_000);
    assertEquals(versions(informer), h.truth);
  }));

Deno.test("a server that ends every stream at once is not asked in a busy loop", () =>
  withHarness(async (h) => {
    h.server.fail(verb("watch"), { type: "body", text: "" }, 1_000);
    await follow(h);
    await h.clock.advance(60_000);
    assert(h.server.count("watch") < 20, `${h.server.count("watch")} streams in a minute`);
  }));

Deno.test("a line that cannot be read leads to a new list, not to the same line again", () =>
  withHarness(async (h) => {
    const { informer } = await follow(h);
    stream(h).text("garbage\n");
    h.create("a");
    await h.clock.advance(1_000);
    assertEquals([versions(informer), h.server.count("list")], [h.truth, 2]);
  }));

Deno.test("after the restore of a backup, where versions start lower, new events count again", () =>
  withHarness(async (h) => {
    h.create("a");
    const { told } = await follow(h);
    h.delete("a");
    await h.clock.settle();
    h.server.store.history.length = 0;
    h.server.fail(verb("list"), { type: "body", text: '{"metadata":{"resourceVersion":"5"},"items":[]}' });
    stream(h).error(410, "Expired");
    await h.clock.advance(1_000);
    const restored = { metadata: { namespace: "default", name: "a", uid: "u", resourceVersion: "6" } };
    stream(h).text(JSON.stringify({ type: "ADDED", object: restored }) + "\n");
    await h.clock.settle();
    assertEquals(told, ["Added a -", "Deleted a -", "Added a -"]);
  }));

Deno.test("the store is kept while the server refuses to list: absence must be proven", () =>
  withHarness(async (h) => {
    h.create("a");
    const { informer, told } = await follow(h);
    h.server.fail(verb("list", "watch"), { type: "status", code: 403 }, 20);
    h.server.store.compact();
    stream(h).error(410, "Expired");
    await h.clock.advance(60_000);
    assertEquals([informer.size, told], [1, ["Added a -"]]);
  }));

Deno.test("a handler that throws or rejects is reported and counted; the others and the stream go on", () =>
  withHarness(async (h) => {
    const informer = new Informer<Widget>(h, WIDGETS);
    informer.addHandler(() => {
      throw new Error("thrown");
    });
    informer.addHandler(() => Promise.reject(new Error("rejected")));
    const told: string[] = [];
    informer.addHandler((event) => void told.push(event.type));
    h.run((signal) => informer.run(signal));
    await h.clock.settle();
    h.create("a");
    h.delete("a");
    await h.clock.settle();
    assertEquals(told, ["Added", "Deleted"]);
    assertEquals(h.log.of("error").map((line) => line.fields.error), ["thrown", "rejected", "thrown", "rejected"]);
    assertEquals(h.metrics.get("informer_handler_errors_total", "Widget"), 4);
  }));

Deno.test("a slow handler holds the stream back instead of piling up events", () =>
  withHarness(async (h) => {
    const informer = new Informer<Widget>(h, WIDGETS);
    h.run((signal) => informer.run(signal));
    await h.clock.settle();
    let inside = 0;
    informer.addHandler(async () => {
      inside++;
      await h.clock.sleep(1_000);
    });
    for (let i = 0; i < 10; i++) h.create(`w${i}`);
    await h.clock.advance(2_500);
    assertEquals([inside, stream(h).backlog], [3, 7]);
    await h.clock.advance(10_000);
    assertEquals([inside, stream(h).backlog], [10, 0]);
  }));

Deno.test("a handler that comes late is told what is there; one that left is told nothing", () =>
  withHarness(async (h) => {
    h.create("a");
    const { informer } = await follow(h);
    const told: string[] = [];
    const remove = informer.addHandler((event) => void told.push(`${event.type} ${event.initial}`));
    h.create("b");
    await h.clock.settle();
    remove();
    h.create("c");
    await h.clock.settle();
    assertEquals(told, ["Added true", "Added false"]);
  }));

Deno.test("indexes follow changes of the value, deletions and new lists, and may come late", () =>
  withHarness(async (h) => {
    const byOwner = (widget: Widget) => widget.spec?.owner === undefined ? [] : [widget.spec.owner];
    h.create("a", { owner: "x" });
    h.create("b", { owner: "x" });
    const { informer } = await follow(h);
    informer.addIndex("owner", byOwner);
    const names = (owner: string) => informer.byIndex("owner", owner).map((widget) => widget.metadata.name).sort();
    assertEquals(names("x"), ["a", "b"]);
    h.update("a", { owner: "y" });
    await h.clock.settle();
    assertEquals([names("x"), names("y")], [["b"], ["a"]]);
    h.delete("b");
    h.server.store.compact();
    stream(h).error(410, "Expired");
    await h.clock.advance(1_000);
    assertEquals([names("x"), names("y"), names("z")], [[], ["a"], []]);
    assertThrows(() => informer.byIndex("colour", "red"), Error, 'no index "colour"');
    assertThrows(() => informer.addIndex("owner", () => []), Error, "another function");
  }));

Deno.test("reads-your-writes: a key is stale until the store has seen its write, by event, bookmark or list", () =>
  withHarness(async (h) => {
    h.create("a");
    const { informer } = await follow(h);
    const woken: string[] = [];
    h.server.watchFaults.stalled = true;
    h.update("a", { size: 2 });
    informer.expect("default/a", h.truth.get("default/a"));
    informer.whenFresh("default/a", () => woken.push("event"));
    assertEquals([informer.fresh("default/a"), informer.fresh("default/b")], [false, true]);
    h.server.heal();
    await h.clock.settle();
    assertEquals([informer.fresh("default/a"), woken], [true, ["event"]]);

    informer.expect("default/a", String(h.server.store.version + 5));
    informer.whenFresh("default/a", () => woken.push("bookmark"));
    stream(h).bookmark(h.server.store.version + 5);
    await h.clock.settle();
    assertEquals(woken, ["event", "bookmark"]);

    informer.expect("default/a", "999999");
    informer.whenFresh("default/a", () => woken.push("list"));
    stream(h).error(410, "Expired");
    await h.clock.advance(1_000);
    assertEquals(woken, ["event", "bookmark", "list"]);
  }));

Deno.test("a version is one's own when it was written here, unless it comes after newer ones", () =>
  withHarness(async (h) => {
    h.create("a");
    const { informer } = await follow(h);
    assertEquals(informer.isOwn("default/a"), false);
    h.update("a", { size: 2 });
    informer.expect("default/a", h.truth.get("default/a"));
    await h.clock.settle();
    assertEquals(informer.isOwn("default/a"), true);
    h.update("a", { size: 3 });
    await h.clock.settle();
    assertEquals(informer.isOwn("default/a"), false);

    h.server.watchFaults.reorder = true;
    h.update("a", { size: 4 });
    informer.expect("default/a", h.truth.get("default/a"));
    h.create("b");
    await h.clock.settle();
    assertEquals([informer.get("default/a")?.spec?.size, informer.isOwn("default/a")], [4, false]);
  }));
