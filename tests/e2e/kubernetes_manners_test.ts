/** Manners and examples on a real kube-apiserver. @module */
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { examples } from "./cases/examples.ts";
import { manners } from "./cases/manners.ts";
import { play } from "./support/case.ts";
import { kubernetes } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "manners and examples on a real kube-apiserver",
  ignore: await skipWithout("e2e kubernetes", "manners and examples", kubernetesRig),
  fn: (t) => play(t, { world: () => World.start(kubernetes), cases: [...examples, ...manners] }),
});
