/** Manager, provider and control plane are killed while virtual machines are made, changed and deleted. @module */
import { kubectlRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { inProcesses } from "./cases/all.ts";
import { everybodyKilled } from "./cases/kills.ts";
import { play } from "./support/case.ts";
import { embeddedInProcesses } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "whatever is killed, one virtual machine comes of it",
  ignore: await skipWithout("e2e", "killed processes", kubectlRig),
  fn: (t) => play(t, { world: () => World.start(embeddedInProcesses), cases: [...inProcesses, everybodyKilled] }),
});
