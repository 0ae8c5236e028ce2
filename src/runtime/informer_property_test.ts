import { assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { Informer, type InformerEvent } from "./mod.ts";
import { Harness, verb, type Widget, WIDGETS } from "./testing/harness.ts";

/** One thing that happens to the world or to the way the client sees it. */
type Step =
  | { readonly do: "create" | "update" | "delete" | "recreate"; readonly name: string }
  | { readonly do: "advance"; readonly ms: number }
  | {
    readonly do:
      | "cut"
      | "end"
      | "half"
      | "garbage"
      | "gone"
      | "compact"
      | "bookmark"
      | "stall"
      | "duplicate"
      | "reorder"
      | "heal";
  }
  | { readonly do: "refuse"; readonly code: number; readonly times: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("create", "update", "delete", "recreate"),
      name: fc.constantFrom("a", "b", "c", "d"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(0, 10, 300, 5_000, 200_000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "cut",
        "end",
        "half",
        "garbage",
        "gone",
        "compact",
        "bookmark",
        "stall",
        "duplicate",
        "reorder",
        "heal",
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("refuse"),
      code: fc.constantFrom(410, 429, 500, 503),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
) as fc.Arbitrary<Step>;

async function happen(h: Harness, step: Step, count: number): Promise<void> {
  const { server } = h;
  const there = (name: string) => h.truth.has(`default/${name}`);
  switch (step.do) {
    case "create":
      return there(step.name) ? undefined : h.create(step.name, { size: count });
    case "update":
      return there(step.name) ? void h.update(step.name, { size: count }) : undefined;
    case "delete":
      return there(step.name) ? h.delete(step.name) : undefined;
    case "recreate":
      if (there(step.name)) h.delete(step.name);
      return h.create(step.name, { size: count });
    case "advance":
      return await h.clock.advance(step.ms);
    case "cut":
      return server.watches.forEach((watch) => watch.cut());
    case "end":
      return server.watches.forEach((watch) => watch.end());
    case "half":
      return server.watches.forEach((watch) => {
        watch.text('{"type":"MODIFIED","object":{"meta');
        watch.end();
      });
    case "garbage":
      return server.watches.forEach((watch) => watch.text("\u0000not an event\n"));
    case "gone":
      return server.watches.forEach((watch) => watch.error(410, "Expired"));
    case "compact":
      return server.store.compact();
    case "bookmark":
      return server.bookmark();
    case "stall":
      return void (server.watchFaults.stalled = true);
    case "duplicate":
      return void (server.watchFaults.duplicate = true);
    case "reorder":
      return void (server.watchFaults.reorder = true);
    case "heal":
      return server.heal();
    case "refuse":
      return server.fail(verb("list", "watch"), { type: "status", code: step.code }, step.times);
  }
}

/** Follows what a handler is told and says what is wrong with it. */
class Witness {
  readonly known = new Map<string, Widget>();
  readonly wrong: string[] = [];

  readonly handler = (event: InformerEvent<Widget>) => {
    const { name, resourceVersion, uid } = event.object.metadata;
    const before = this.known.get(name);
    const say = (what: string) => this.wrong.push(`${event.type} ${name}@${resourceVersion}: ${what}`);
    switch (event.type) {
      case "Added":
        if (before !== undefined) say("was there already");
        break;
      case "Updated":
        if (before === undefined) return void say("was never added");
        if (before !== event.old) say("old is not what was told last");
        if (before.metadata.uid !== uid) say("is another object, whose predecessor was not told as deleted");
        if (Number(resourceVersion) <= Number(before.metadata.resourceVersion)) say("goes back in time");
        break;
      case "Deleted":
        if (before === undefined) return void say("was never added");
        if (before.metadata.uid !== uid) say("is another object than was told");
        return void this.known.delete(name);
    }
    this.known.set(name, event.object);
  };
}

Deno.test("after any faults the store equals the server, and every handler was told a consistent story", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 40 }), async (initialEvents, steps) => {
      const h = new Harness();
      const [early, late] = [new Witness(), new Witness()];
      try {
        const informer = new Informer<Widget>(h, WIDGETS, { initialEvents, pageSize: 2, idleTimeoutMs: 60_000 });
        informer.addHandler(early.handler);
        h.run((signal) => informer.run(signal));
        for (const [count, one] of steps.entries()) {
          if (count === steps.length >> 1) informer.addHandler(late.handler);
          await happen(h, one, count);
          await h.clock.settle(2);
        }
        h.server.heal();
        await h.clock.advance(120_000);
        const stored = new Map(
          [...informer.keys()].sort().map((key) => [key, informer.get(key)?.metadata.resourceVersion]),
        );
        assertEquals(stored, h.truth);
        for (const witness of [early, late]) {
          assertEquals(witness.wrong, []);
          const told = [...witness.known].sort().map((
            [name, widget],
          ) => [`default/${name}`, widget.metadata.resourceVersion]);
          assertEquals(told, [...h.truth]);
        }
      } finally {
        await h.stop();
      }
    }),
    { numRuns: 500 },
  );
});
