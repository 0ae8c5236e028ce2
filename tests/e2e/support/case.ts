/** A case: something that a user does, and what must come of it, in any world. @module */
import { assertEquals } from "@virtrigaud/deps";
import type { World } from "./world.ts";

/** One case. It uses a namespace of its own and leaves nothing in it. */
export interface Case {
  readonly name: string;
  run(world: World): Promise<void>;
}

/** Runs cases one after the other in one world, and searches for its canary after each and at the end. */
export function play(options: {
  readonly name: string;
  readonly ignore: boolean;
  readonly world: () => Promise<World>;
  readonly cases: readonly Case[];
}): void {
  const { name, ignore, cases } = options;
  Deno.test({
    name,
    ignore,
    async fn(t) {
      await using world = await options.world();
      for (const { name, run } of cases) {
        // What the world has open changes while a case runs; the test around all of them looks for leaks.
        await t.step({ name, fn: () => told(world, run), sanitizeOps: false, sanitizeResources: false });
      }
      await t.step({
        name: "no secret in any object, event, log or process argument",
        sanitizeOps: false,
        sanitizeResources: false,
        async fn() {
          await world.search();
          assertEquals(world.canary.findings, []);
        },
      });
    },
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
