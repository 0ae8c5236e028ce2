import { assert, assertEquals } from "@virtrigaud/deps";
import { resourceType } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import {
  Controller,
  type ControllerOptions,
  controllerOwner,
  done,
  Informer,
  type ReconcileContext,
  requeueAfter,
  type Result,
  StatusWriter,
  watching,
} from "./mod.ts";
import { type Harness, verb, type Widget, WIDGETS, withHarness } from "./testing/harness.ts";

type Reconcile = (key: string, context: ReconcileContext) => Promise<Result> | Result;

function control(h: Harness, reconcile: Reconcile, more: Partial<ControllerOptions<Widget>> = {}) {
  const informer = new Informer<Widget>(h, WIDGETS);
  h.run((signal) => informer.run(signal));
  const controller = new Controller<Widget>({
    name: "widgets",
    informer,
    reconcile: async (key, context) => await reconcile(key, context),
    ...more,
  }, h);
  h.run((signal) => controller.run(signal, { drainTimeoutMs: 1_000 }));
  return { informer, controller };
}

Deno.test("what is there and what changes is reconciled, a user's change before what a list found", () =>
  withHarness(async (h) => {
    h.create("a");
    const seen: string[] = [];
    control(h, (key, { priority }) => {
      seen.push(`${key} ${priority}`);
      return done;
    });
    await h.clock.settle();
    h.create("b");
    await h.clock.settle();
    h.update("b", { size: 2 });
    await h.clock.settle();
    h.delete("b");
    await h.clock.settle();
    assertEquals(seen, ["default/a normal", "default/b high", "default/b high", "default/b high"]);
    assertEquals(h.metrics.get("controller_runtime_reconcile_total", "widgets", "success"), 4);
  }));

Deno.test("at debug level the log tells of each reconcile when it begins, and when and how it ended", () =>
  withHarness(async (h) => {
    const results = [() => requeueAfter(500), () => Promise.reject(new Error("no")), () => done];
    control(h, async () => {
      await h.clock.sleep(20);
      return await (results.shift() ?? (() => done))();
    });
    h.create("a");
    await h.clock.advance(5_000);
    const of = { controller: "widgets", key: "default/a" };
    const pair = (priority: string, failures: number, result: string) => [
      { message: "reconcile begins", fields: { ...of, priority, failures } },
      { message: "reconcile ended", fields: { ...of, result, seconds: 0.02 } },
    ];
    assertEquals(h.log.of("debug").map(({ message, fields }) => ({ message, fields })), [
      ...pair("normal", 0, "requeue_after"),
      ...pair("normal", 0, "error"),
      ...pair("normal", 1, "success"),
    ]);
  }));

Deno.test("after a start, what was changed while nobody looked goes before what was seen already", () =>
  withHarness(async (h) => {
    const put = (name: string, observedGeneration: number) =>
      h.server.store.create({ collection: "/apis/test.example/v1/widgets", namespace: "default", name }, {
        metadata: { namespace: "default", name },
        status: { observedGeneration },
      });
    put("a", 1);
    put("b", 1);
    put("c", 0);
    const seen: string[] = [];
    control(h, (key, { priority }) => {
      seen.push(`${key} ${priority}`);
      return done;
    }, { concurrency: 1 });
    await h.clock.settle();
    assertEquals(seen.toSorted(), ["default/a low", "default/b low", "default/c normal"]);
    assert(seen.indexOf("default/c normal") < seen.indexOf("default/b low"), seen.join());
  }));

Deno.test("what need not be looked at when a process starts waits, unless something else wakes it", () =>
  withHarness(async (h) => {
    const put = (name: string, observedGeneration: number) =>
      h.server.store.create({ collection: "/apis/test.example/v1/widgets", namespace: "default", name }, {
        metadata: { namespace: "default", name },
        status: { observedGeneration },
      });
    put("seen", 1);
    put("woken", 1);
    put("changed", 0);
    const seen: string[] = [];
    const { controller } = control(h, (key) => {
      seen.push(key);
      return done;
    }, { initialDelayMs: () => 5_000 });
    await h.clock.settle();
    assertEquals(seen, ["default/changed"]);
    controller.enqueue("default/woken");
    await h.clock.advance(6_000);
    assertEquals(seen, ["default/changed", "default/woken", "default/seen"]);
  }));

Deno.test("a long row of reconciles without anything to do lets everybody else have a turn", () =>
  withHarness(async (h) => {
    for (let i = 0; i < 200; i++) h.create(`w${i}`);
    let [now, rounds, roundsAtTurn] = [0, 0, -1];
    const clock: Clock = {
      now: () => h.clock.now(),
      monotonic: () => now,
      setTimeout: (callback, ms) => h.clock.setTimeout(callback, ms),
      sleep: (ms, options) => h.clock.sleep(ms, options),
    };
    const informer = new Informer<Widget>(h, WIDGETS);
    h.run((signal) => informer.run(signal));
    await informer.whenSynced();
    const others = new MessageChannel();
    others.port1.onmessage = () => roundsAtTurn = rounds;
    const controller = new Controller<Widget>({
      name: "widgets",
      informer,
      reconcile: () => {
        if (rounds++ === 0) others.port2.postMessage("my turn");
        now++;
        return Promise.resolve(done);
      },
    }, { ...h, clock });
    h.run((signal) => controller.run(signal));
    while (rounds < 200) await h.clock.settle();
    others.port1.close();
    others.port2.close();
    assert(roundsAtTurn > 0 && roundsAtTurn < 100, `after ${roundsAtTurn} of 200`);
  }));

Deno.test("one key is never with two workers, and changes on the way lead to one more round", () =>
  withHarness(async (h) => {
    let [inside, most, rounds] = [0, 0, 0];
    control(h, async () => {
      most = Math.max(most, ++inside);
      rounds++;
      await h.clock.sleep(100);
      inside--;
      return done;
    }, { concurrency: 4 });
    await h.clock.settle();
    h.create("a", { size: 0 });
    for (let size = 1; size < 5; size++) {
      h.update("a", { size });
      await h.clock.advance(10);
    }
    await h.clock.advance(1_000);
    assertEquals([most, rounds], [1, 2]);
  }));

Deno.test("RequeueAfter looks again, and an earlier change replaces that look", () =>
  withHarness(async (h) => {
    const times: number[] = [];
    h.create("a", { size: 0 });
    control(h, () => {
      times.push(h.clock.monotonic());
      return requeueAfter(1_000);
    });
    await h.clock.advance(2_500);
    h.update("a", { size: 1 });
    await h.clock.advance(1_700);
    assertEquals(times, [0, 1_000, 2_000, 2_500, 3_500]);
  }));

Deno.test("a failure is logged, counted and tried again with backoff; success forgets it", () =>
  withHarness(async (h) => {
    const failures: number[] = [];
    h.create("a");
    control(h, (_key, context) => {
      failures.push(context.failures);
      if (failures.length < 4) throw new Error("no disk");
      return done;
    }, { backoff: { baseMs: 100, maxMs: 10_000 } });
    await h.clock.advance(699);
    assertEquals(failures, [0, 1, 2]);
    await h.clock.advance(1);
    assertEquals(failures, [0, 1, 2, 3]);
    const [line] = h.log.of("error");
    assertEquals([line?.message, line?.fields.key, line?.fields.error], ["reconcile failed", "default/a", "no disk"]);
    assertEquals(h.metrics.get("controller_runtime_reconcile_errors_total", "widgets"), 3);
    h.update("a", { size: 1 });
    await h.clock.settle();
    assertEquals(failures.at(-1), 0);
  }));

Deno.test("a write on a stale view is a conflict, not an error, and comes again with a fresh view", () =>
  withHarness(async (h) => {
    h.create("a", { size: 0 });
    const writer = new StatusWriter(h.client, WIDGETS);
    const seen: (number | undefined)[] = [];
    const { informer } = control(h, async (key) => {
      const widget = informer.get(key);
      assert(widget !== undefined);
      seen.push(widget.spec?.size);
      // Somebody else is faster, and the stream is slow to tell.
      if (seen.length === 1) {
        h.server.watchFaults.stalled = true;
        h.update("a", { size: 1 });
        h.clock.setTimeout(() => h.server.heal(), 50);
      }
      await writer.put(widget, { seen: widget.spec?.size });
      return done;
    });
    await h.clock.advance(1_000);
    assertEquals(seen.slice(0, 2), [0, 1]);
    assertEquals(h.log.of("error"), []);
    assertEquals(h.metrics.get("controller_runtime_reconcile_total", "widgets", "conflict"), 1);
    assertEquals(informer.get("default/a")?.status, { seen: 1 });
  }));

Deno.test("a key waits until the store has seen the write of its last reconcile", () =>
  withHarness(async (h) => {
    h.create("a", { size: 1 });
    const stale: boolean[] = [];
    let written = false;
    const { informer, controller } = control(h, async (key) => {
      const widget = informer.get(key);
      assert(widget !== undefined);
      if (written) stale.push(widget.status?.seen !== 1);
      h.server.watchFaults.stalled = true;
      await new StatusWriter(h.client, WIDGETS, informer).put(widget, { seen: 1 });
      written = true;
      return done;
    });
    await h.clock.settle();
    controller.enqueue("default/a");
    await h.clock.advance(1_000);
    assertEquals(stale, []);
    h.server.heal();
    await h.clock.settle();
    assertEquals(stale, [false]);
    assertEquals(h.server.count("update"), 1);
  }));

Deno.test("other kinds wake the keys that they map to, of the object before and after", () =>
  withHarness(async (h) => {
    const GADGETS = resourceType<Widget>({ ...WIDGETS, kind: "Gadget", plural: "gadgets" });
    const gadget = (name: string, metadata = {}, spec = {}) =>
      h.server.store.create({ collection: "/apis/test.example/v1/gadgets", namespace: "default", name }, {
        metadata: { namespace: "default", name, ...metadata },
        spec,
      });
    const gadgets = new Informer<Widget>(h, GADGETS);
    h.run((signal) => gadgets.run(signal));
    const seen: string[] = [];
    control(h, (key, { priority }) => {
      seen.push(`${key} ${priority}`);
      return done;
    }, {
      watches: [
        watching(gadgets, (now, old) => [now, old].flatMap((one) => one?.spec?.owner ?? [])),
        watching(gadgets, controllerOwner({ group: "test.example", kind: "Widget", namespaced: true })),
      ],
    });
    await h.clock.settle();
    const reference = { apiVersion: "test.example/v2", kind: "Widget", name: "boss", uid: "u" };
    gadget("g", { ownerReferences: [{ ...reference, controller: true }] });
    gadget("other", { ownerReferences: [reference, { ...reference, apiVersion: "v1", controller: true }] });
    await h.clock.settle();
    assertEquals(seen, ["default/boss normal"]);
    const { metadata } = gadget("h", {}, { owner: "x" });
    await h.clock.settle();
    h.server.store.update({ collection: "/apis/test.example/v1/gadgets", namespace: "default", name: "h" }, {
      metadata,
      spec: { owner: "y" },
    });
    await h.clock.settle();
    assertEquals(seen.slice(1), ["x normal", "y normal", "x normal"]);
  }));

Deno.test("own changes that are to be ignored wake nobody; those of others do a little later, deletions always", () =>
  withHarness(async (h) => {
    let rounds = 0;
    const { informer } = control(h, () => {
      rounds++;
      return done;
    }, { ignore: (_now, old) => old !== undefined });
    h.create("a", { size: 0 });
    await h.clock.settle();
    const own = h.update("a", { size: 1 });
    // The answer to the write comes after the watch has told of it.
    informer.expect("default/a", own.metadata.resourceVersion);
    await h.clock.advance(60_000);
    assertEquals(rounds, 1);
    h.update("a", { size: 2 });
    await h.clock.settle();
    assertEquals(rounds, 1);
    await h.clock.advance(1_000);
    assertEquals(rounds, 2);
    h.delete("a");
    await h.clock.settle();
    assertEquals(rounds, 3);
  }));

Deno.test("a controller that ends while it lets changes lie takes its timer along, however often one came", () =>
  withHarness(async (h) => {
    const informer = new Informer<Widget>(h, WIDGETS);
    h.run((signal) => informer.run(signal));
    const ignore = (_now: Widget, old: Widget | undefined) => old !== undefined;
    const controller = new Controller<Widget>({
      name: "widgets",
      informer,
      reconcile: () => Promise.resolve(done),
      ignore,
    }, h);
    const end = new AbortController();
    h.run(() => controller.run(end.signal));
    h.create("a", { size: 0 });
    await h.clock.settle();
    const idle = h.clock.pending;
    for (const size of [1, 2, 3]) {
      h.update("a", { size });
      await h.clock.settle();
    }
    assertEquals(h.clock.pending, idle + 1);
    end.abort();
    await h.clock.settle();
    assertEquals(h.clock.pending, idle);
  }));

Deno.test("a group whose reconciles hang does not keep the others from being reconciled", () =>
  withHarness(async (h) => {
    for (let i = 0; i < 30; i++) h.create(`sick${String(i).padStart(2, "0")}`);
    for (let i = 0; i < 5; i++) h.create(`well${i}`);
    const through: string[] = [];
    control(h, async (key, { signal }) => {
      if (key.includes("sick")) await new Promise((_, reject) => signal.addEventListener("abort", reject));
      through.push(key);
      return done;
    }, { concurrency: 4, groupOf: (key) => key.slice(0, 12) });
    await h.clock.settle();
    assertEquals(through, ["default/well0", "default/well1", "default/well2", "default/well3", "default/well4"]);
  }));

Deno.test("a reconcile that takes too long is told so by its signal", () =>
  withHarness(async (h) => {
    h.create("a");
    control(h, async (_key, { signal }) => {
      await h.clock.sleep(60_000, { signal });
      return done;
    }, { reconcileTimeoutMs: 5_000 });
    await h.clock.advance(5_000);
    assertEquals(h.log.of("error")[0]?.fields.error, "reconcile of default/a took longer than 5000 ms");
  }));

Deno.test("on stop nothing new begins, what is under way may end, and what does not end is aborted", () =>
  withHarness(async (h) => {
    const informer = new Informer<Widget>(h, WIDGETS);
    h.run((signal) => informer.run(signal));
    const ended: string[] = [];
    const controller = new Controller<Widget>({
      name: "widgets",
      informer,
      concurrency: 2,
      reconcile: async (key, { signal }) => {
        try {
          await h.clock.sleep(key.endsWith("quick") ? 500 : 60_000, { signal });
          ended.push(`${key} done`);
        } catch {
          ended.push(`${key} aborted@${h.clock.monotonic()}`);
        }
        return done;
      },
    }, h);
    const stop = new AbortController();
    let over = false;
    h.run(() => controller.run(stop.signal, { drainTimeoutMs: 2_000 }).then(() => void (over = true)));
    for (const name of ["quick", "slow", "third"]) h.create(name);
    await h.clock.settle();
    stop.abort();
    await h.clock.advance(1_999);
    assertEquals([ended, over, [...controller.active]], [["default/quick done"], false, ["default/slow"]]);
    await h.clock.advance(1);
    assertEquals([ended.slice(1), over], [["default/slow aborted@2000"], true]);
  }));

Deno.test("no reconcile starts before the stores are complete", () =>
  withHarness(async (h) => {
    let rounds = 0;
    h.server.fail(verb("list"), { type: "status", code: 500 }, 3);
    h.create("a");
    const { controller } = control(h, () => {
      rounds++;
      return done;
    });
    controller.enqueue("default/a");
    await h.clock.advance(100);
    assertEquals(rounds, 0);
    await h.clock.advance(5_000);
    assertEquals(rounds, 1);
  }));
