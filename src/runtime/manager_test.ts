import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { LEASES } from "@virtrigaud/kube";
import { done, Manager, type ManagerOptions } from "./mod.ts";
import { type Harness, verb, type Widget, WIDGETS, withHarness } from "./testing/harness.ts";

const election = (identity: string, lost: string[] = []): Partial<ManagerOptions> => ({
  leaderElection: { namespace: "system", name: "manager", identity, onLost: (why) => void lost.push(why) },
});

function manage(h: Harness, more: Partial<ManagerOptions> = {}, reconcileMs = 0) {
  const manager = new Manager({ ...h, drainTimeoutMs: 5_000, ...more });
  const seen: string[] = [];
  manager.add<Widget>({
    name: "widgets",
    informer: manager.informers.for(WIDGETS),
    reconcile: async (key) => {
      if (reconcileMs > 0) await h.clock.sleep(reconcileMs);
      seen.push(key);
      return done;
    },
  });
  const stop = new AbortController();
  const state = { over: false };
  const start = () =>
    h.run((signal) => manager.run(AbortSignal.any([signal, stop.signal])).then(() => void (state.over = true)));
  return { manager, seen, stop, start, state };
}

Deno.test("a stand-by keeps its stores warm and ready, reconciles nothing, and acts at once when it leads", () =>
  withHarness(async (h) => {
    h.create("a");
    const [one, two] = [manage(h, election("one")), manage(h, election("two"))];
    one.start();
    await h.clock.settle();
    two.start();
    await h.clock.advance(5_000);
    assertEquals([one.seen, two.seen], [["default/a"], []]);
    assertEquals([two.manager.informers.synced, two.manager.readyChecks.informers?.()], [true, undefined]);
    const lists = h.server.count("list");
    one.stop.abort();
    await h.clock.advance(3_000);
    assertEquals([two.seen, h.server.count("list")], [["default/a"], lists]);
    assertEquals(two.manager.leadership, {
      fence: (one.manager.leadership?.fence ?? 0) + (two.manager.leadership?.fence ?? NaN),
    });
    assertEquals(one.state.over, true);
  }));

Deno.test("on stop reconciles drain before the lease is given back", () =>
  withHarness(async (h) => {
    h.create("a");
    const one = manage(h, election("one"), 3_000);
    one.start();
    await h.clock.settle();
    one.stop.abort();
    const holder = async () =>
      (await h.client.get(LEASES, { namespace: "system", name: "manager" })).spec?.holderIdentity;
    await h.clock.advance(2_999);
    assertEquals([await holder(), one.seen, one.state.over], ["one", [], false]);
    assertEquals(one.manager.readyChecks.shutdown?.(), "shutting down");
    await h.clock.advance(1);
    assertEquals([await holder(), one.seen, one.state.over], ["", ["default/a"], true]);
  }));

Deno.test("without leader election it leads alone; one informer serves all who ask for a kind", () =>
  withHarness(async (h) => {
    h.create("a");
    const one = manage(h);
    assertEquals(one.manager.leadership, undefined);
    assertEquals(one.manager.informers.for(WIDGETS) === one.manager.informers.for(WIDGETS), true);
    assertEquals(one.manager.informers.for(WIDGETS) === one.manager.informers.for(WIDGETS, { namespace: "x" }), false);
    one.start();
    await h.clock.settle();
    assertEquals([one.seen, one.manager.leadership], [["default/a"], { fence: 0 }]);
    assertEquals(h.server.count("list"), 2);
  }));

Deno.test("lost leadership stops the controllers and ends the run", () =>
  withHarness(async (h) => {
    const lost: string[] = [];
    const one = manage(h, election("one", lost));
    one.start();
    await h.clock.settle();
    h.server.fail((request) => request.plural === "leases", { type: "status", code: 500 }, 10_000);
    await h.clock.advance(12_000);
    assertEquals([lost.length, one.state.over], [1, true]);
    h.create("late");
    await h.clock.advance(5_000);
    assertEquals(one.seen, []);
  }));

Deno.test("what is not synced is named, and nothing is led before", () =>
  withHarness(async (h) => {
    h.server.fail(verb("list"), { type: "status", code: 403 }, 3);
    const one = manage(h, election("one"));
    one.start();
    await h.clock.settle();
    assertEquals(one.manager.readyChecks.informers?.(), "waiting for the first state of: Widget");
    assertEquals(one.manager.leadership, undefined);
    await h.clock.advance(10_000);
    assertEquals(one.manager.readyChecks.informers?.(), undefined);
    assertEquals(one.manager.leadership === undefined, false);
  }));

Deno.test("a runnable that fails stops everything in order, and the run says why", () =>
  withHarness(async (h) => {
    const one = manage(h, election("one"));
    let besideStopped = false;
    one.manager.addRunnable({
      name: "beside",
      leaderOnly: false,
      run: async (signal) => {
        await h.clock.sleep(1e9, { signal }).catch(() => {});
        besideStopped = true;
      },
    });
    one.manager.addRunnable({
      name: "broken",
      run: async () => {
        await h.clock.sleep(1_000);
        throw new Error("port taken");
      },
    });
    const failed = assertRejects(() => one.manager.run(one.stop.signal), Error, "port taken");
    await h.clock.advance(10_000);
    await failed;
    assertEquals([besideStopped, h.log.of("error")[0]?.message], [true, "broken failed"]);
    assertEquals((await h.client.get(LEASES, { namespace: "system", name: "manager" })).spec?.holderIdentity, "");
  }));
