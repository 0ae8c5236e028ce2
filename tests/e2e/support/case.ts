/** A case: something that a user does, and what must come of it, in any world. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import type { World } from "./world.ts";

/** One case. It uses a namespace of its own and leaves nothing in it. */
export interface Case {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** What {@linkcode play} plays. */
export interface Play {
  readonly world: () => Promise<World>;
  readonly cases: readonly Case[];
}

/** Runs cases one after the other in one world, and looks for its canary at the end. */
export async function play(t: Deno.TestContext, { world: start, cases }: Play): Promise<void> {
  await using world = await start();
  // What a world has open changes while a case runs; the test around all of them looks for leaks.
  const step = (name: string, fn: () => Promise<void>) =>
    t.step({ name, fn, sanitizeOps: false, sanitizeResources: false });
  for (const { name, run } of cases) await step(name, () => told(world, run));
  await step("the manager asked for nothing that it has no right to", async () => {
    assertEquals(await world.stage.refusals?.() ?? [], []);
  });
  await step("no secret in any object, event, log or process argument", async () => {
    // Where it belongs it has to be, or it would prove nothing that it is nowhere else.
    assert(
      world.canary.isIn(await world.kubectl.ok(["get", "secrets", "-A", "-o", "json"])),
      "no case used the canary",
    );
    await world.search();
    assertEquals(world.canary.findings, []);
  });
}

/** Runs a case; when it fails, the ends of all logs go with the error, since the world is gone afterwards. */
async function told(world: World, run: Case["run"]): Promise<void> {
  try {
    await run(world);
  } catch (error) {
    console.error(world.logTails());
    throw error;
  }
}
