/** Manners and examples on the embedded control plane. @module */
import { kubectlRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { examples } from "./cases/examples.ts";
import { manners } from "./cases/manners.ts";
import { play } from "./support/case.ts";
import { embedded } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "manners and examples on the embedded control plane",
  ignore: await skipWithout("e2e", "manners and examples", kubectlRig),
  fn: (t) => play(t, { world: () => World.start(embedded), cases: [...examples, ...manners] }),
});
