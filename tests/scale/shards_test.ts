import { assert, assertEquals } from "@virtrigaud/deps";
import { createAll, namesOf, vmManifest } from "./fleet.ts";
import { World } from "./world.ts";

const SHARDS = ["blue", "green"] as const;
const labels = (shard: string) => ({ "example.com/shard": shard });

Deno.test("two managers with a selector each share the work, and neither touches what is the other's", async () => {
  const per = 10;
  await using world = await World.start({
    providers: SHARDS.length,
    labelsOf: (index) => labels(SHARDS[index] ?? ""),
    managers: SHARDS.map((shard) => [`--watch-selector=example.com/shard=${shard}`, "--leader-elect"]),
  });
  for (const shard of SHARDS) await world.provideCatalog(`-${shard}`, labels(shard));
  const vmsOf = (index: number, count = per, prefix = "vm") => {
    const shard = SHARDS[index] ?? "";
    return namesOf(count, `${prefix}-${shard}`)
      .map((name) => vmManifest(name, `mock-${index}`, { labels: labels(shard), suffix: `-${shard}` }));
  };
  await createAll(world.client, [...vmsOf(0), ...vmsOf(1)]);
  await world.fleet.untilReady(2 * per);
  assertEquals(await Promise.all([0, 1].map(async (index) => (await world.mock(index).vms()).length)), [per, per]);

  // The first manager goes; the other's shard does not notice, and nobody takes over what is not his.
  await world.endManager();
  await createAll(world.client, [...vmsOf(0, 1, "late"), ...vmsOf(1, 1, "late")]);
  const ready = (name: string) => world.fleet.until(`VM ${name} is Ready`, () => world.fleet.readyAt.has(name));
  await ready("late-green-00000");
  // Whoever was to take what is not his would have by the time that another one is made, from beginning to end.
  await createAll(world.client, vmsOf(1, 1, "later"));
  await ready("later-green-00000");
  assert(!world.fleet.readyAt.has("late-blue-00000"));
  assertEquals((await world.mock(0).vms()).length, per);
});
