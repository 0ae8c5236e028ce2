import { assert, assertEquals, assertRejects, assertThrows } from "@virtrigaud/deps";
import { LEASES } from "@virtrigaud/kube";
import { LeaderElector, type LeaderElectorOptions } from "./mod.ts";
import { type Harness, verb, withHarness } from "./testing/harness.ts";

const lease = { namespace: "system", name: "manager" };

function candidate(h: Harness, identity: string, more: Partial<LeaderElectorOptions> = {}) {
  const lost: string[] = [];
  const elector = new LeaderElector({
    client: h.client,
    ...lease,
    identity,
    clock: h.clock,
    random: () => 0,
    log: h.log,
    metrics: h.metrics,
    onLost: (why) => lost.push(`${why} @${h.clock.monotonic()}`),
    ...more,
  });
  const stop = new AbortController();
  /** Stands for election and, once elected, holds until `stop`. */
  const stand = () =>
    h.run(async (signal) => {
      const either = AbortSignal.any([signal, stop.signal]);
      await elector.acquire(either).then(() => elector.hold(either), () => {});
    });
  return { elector, lost, stop, stand };
}
const read = (h: Harness) => h.client.get(LEASES, lease);

Deno.test("the first to come leads and renews; the second stands by", () =>
  withHarness(async (h) => {
    const [one, two] = [candidate(h, "one"), candidate(h, "two")];
    one.stand();
    await h.clock.settle();
    two.stand();
    await h.clock.advance(60_000);
    assert(one.elector.leadership !== undefined && two.elector.leadership === undefined);
    const { spec } = await read(h);
    assertEquals([spec?.holderIdentity, spec?.leaseDurationSeconds], ["one", 15]);
    assertEquals(spec?.renewTime, "2030-01-01T00:01:00.000000Z");
    assertEquals(spec?.acquireTime, "2030-01-01T00:00:00.000000Z");
    assertEquals(one.lost, []);
  }));

Deno.test("on a clean stop the lease is given back, the next takes over at once, with a higher fence", () =>
  withHarness(async (h) => {
    const [one, two] = [candidate(h, "one"), candidate(h, "two")];
    one.stand();
    await h.clock.settle();
    const first = one.elector.leadership?.fence ?? NaN;
    two.stand();
    await h.clock.advance(3_000);
    one.stop.abort();
    await h.clock.advance(2_000);
    assertEquals([one.elector.leadership, two.elector.leadership?.fence], [undefined, first + 1]);
    assertEquals((await read(h)).spec?.leaseTransitions, first + 1);
    assertEquals(one.lost, []);
  }));

Deno.test("a holder that falls silent is replaced after its lease, measured on the own clock despite any skew", () =>
  withHarness(async (h) => {
    const one = candidate(h, "one");
    await one.elector.acquire(h.signal);
    h.clock.skew(-3_600_000);
    const two = candidate(h, "two");
    two.stand();
    await h.clock.advance(14_000);
    assertEquals(two.elector.leadership, undefined);
    h.clock.skew(7_200_000);
    await h.clock.advance(1_000);
    assertEquals(two.elector.leadership, undefined);
    await h.clock.advance(3_000);
    assert(two.elector.leadership !== undefined);
  }));

Deno.test("who cannot renew gives up before anybody else may take over", () =>
  withHarness(async (h) => {
    const [one, two] = [candidate(h, "one"), candidate(h, "two")];
    one.stand();
    await h.clock.settle();
    two.stand();
    await h.clock.advance(4_000);
    h.server.fail(
      (request) => request.plural === "leases" && request.verb === "update",
      { type: "status", code: 500 },
      1_000,
    );
    await h.clock.advance(30_000);
    assertEquals(one.lost, ["lease system/manager: could not renew it for 10000 ms @14000"]);
    assertEquals([one.elector.leadership, h.metrics.get("leader_election_master_status", "manager")], [undefined, 0]);
    h.server.heal();
    await h.clock.advance(20_000);
    assert(two.elector.leadership !== undefined);
  }));

Deno.test("a server that hangs costs leadership at the deadline, not later", () =>
  withHarness(async (h) => {
    const one = candidate(h, "one");
    one.stand();
    await h.clock.advance(2_000);
    h.server.fail((request) => request.plural === "leases", { type: "hang" }, 1_000);
    await h.clock.advance(20_000);
    assertEquals(one.lost, ["lease system/manager: could not renew it for 10000 ms @12000"]);
  }));

Deno.test("a lease that another has taken is lost at once", () =>
  withHarness(async (h) => {
    const one = candidate(h, "one");
    one.stand();
    await h.clock.advance(1_000);
    const present = await read(h);
    await h.client.replace(LEASES, { ...present, spec: { ...present.spec, holderIdentity: "thief" } });
    await h.clock.advance(1_000);
    assertEquals(one.lost, ["lease system/manager: thief holds it now @2000"]);
  }));

Deno.test("a process that stood still for longer than it may leads no more, before anybody has told it", () =>
  withHarness(async (h) => {
    let stoodStill = 0;
    const { clock } = h;
    const one = candidate(h, "one", {
      clock: {
        now: () => clock.now(),
        monotonic: () => clock.monotonic() + stoodStill,
        setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
        sleep: (ms, options) => clock.sleep(ms, options),
      },
    });
    one.stand();
    await clock.advance(3_000);
    assert(one.elector.leadership !== undefined);
    stoodStill = 10_000;
    assertEquals([one.elector.leadership, one.lost], [undefined, []]);
    await clock.advance(3_000);
    assertEquals(one.lost.length, 1);
  }));

Deno.test("a renewal whose answer was lost is still a renewal", () =>
  withHarness(async (h) => {
    const one = candidate(h, "one");
    one.stand();
    await h.clock.settle();
    h.server.fail(verb("update"), { type: "drop", after: true }, 3);
    await h.clock.advance(60_000);
    assert(one.elector.leadership !== undefined);
    assertEquals(one.lost, []);
  }));

Deno.test("the fence grows for the same identity after a restart, and after somebody deleted the lease", () =>
  withHarness(async (h) => {
    const first = await candidate(h, "one").elector.acquire(h.signal);
    const second = await candidate(h, "one").elector.acquire(h.signal);
    await h.client.delete(LEASES, lease);
    await h.clock.advance(2_000);
    const third = await candidate(h, "two").elector.acquire(h.signal);
    assertEquals([second.fence - first.fence, third.fence - first.fence], [1, 2]);
    assert(third.fence < 2 ** 31);
  }));

Deno.test("of two that find no lease, one leads", () =>
  withHarness(async (h) => {
    const both = ["one", "two"].map((identity) => candidate(h, identity));
    for (const { stand } of both) stand();
    await h.clock.advance(10_000);
    assertEquals(both.filter(({ elector }) => elector.leadership !== undefined).length, 1);
  }));

Deno.test("renewals go through while everything else is throttled", () =>
  withHarness(async (h) => {
    const one = candidate(h, "one");
    one.stand();
    await h.clock.settle();
    h.server.fail((request) => request.plural === "secrets", { type: "hang" }, 1_000);
    for (let i = 0; i < 200; i++) void h.client.raw("GET", "/api/v1/secrets").catch(() => {});
    await h.clock.advance(60_000);
    assertEquals([one.lost, one.elector.leadership === undefined], [[], false]);
  }));

Deno.test("waiting for leadership ends with its signal; times that cannot be safe are refused", () =>
  withHarness(async (h) => {
    candidate(h, "one").stand();
    await h.clock.settle();
    const two = candidate(h, "two");
    const waiting = assertRejects(() => two.elector.acquire(two.stop.signal), RangeError, "enough");
    await h.clock.advance(5_000);
    two.stop.abort(new RangeError("enough"));
    await waiting;
    assertThrows(() => candidate(h, "x", { renewDeadlineMs: 15_000 }), RangeError, "renewDeadlineMs < leaseDurationMs");
  }));

/** Presence of two processes; `end` is the end of the one that is seen. */
function presence() {
  const seen: string[] = [];
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const untilGone = (address: string, signal: AbortSignal) => {
    seen.push(address);
    return new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      promise.then(resolve);
    });
  };
  return { seen, end, at: (address: string) => ({ presence: { address, untilGone } }) };
}

Deno.test("a stand-by takes over as soon as the holder has ended, with a higher fence", () =>
  withHarness(async (h) => {
    const { seen, end, at } = presence();
    const one = candidate(h, "one", at("10.0.0.1:8081"));
    const fence = (await one.elector.acquire(h.signal)).fence;
    const two = candidate(h, "two", at("10.0.0.2:8081"));
    two.stand();
    await h.clock.advance(3_000);
    assertEquals([seen, two.elector.leadership], [["10.0.0.1:8081"], undefined]);
    end();
    await h.clock.settle();
    assertEquals(two.elector.leadership?.fence, fence + 1);
    assertEquals((await read(h)).metadata.annotations, { "virtrigaud.io/holder-address": "two 10.0.0.2:8081" });
  }));

Deno.test("while the API server refuses, the end of the holder is no reason to ask it without pause", () =>
  withHarness(async (h) => {
    const { end, at } = presence();
    await candidate(h, "one", at("10.0.0.1:8081")).elector.acquire(h.signal);
    const two = candidate(h, "two", at("10.0.0.2:8081"));
    two.stand();
    await h.clock.settle();
    h.server.fail(verb("get"), { type: "status", code: 403 }, 100);
    const before = h.server.count("get");
    end();
    await h.clock.advance(9_000);
    assertEquals(two.elector.leadership, undefined);
    assert(h.server.count("get") - before <= 6, `${h.server.count("get") - before} requests`);
  }));

Deno.test("an address that another holder left on the lease is not followed", () =>
  withHarness(async (h) => {
    const { seen, at } = presence();
    await candidate(h, "one", at("10.0.0.1:8081")).elector.acquire(h.signal);
    const lease_ = await read(h);
    await h.client.replace(LEASES, { ...lease_, spec: { ...lease_.spec, holderIdentity: "of another make" } });
    const two = candidate(h, "two", at("10.0.0.2:8081"));
    two.stand();
    await h.clock.advance(5_000);
    assertEquals([seen, two.elector.leadership], [[], undefined]);
  }));
