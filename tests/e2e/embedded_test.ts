/** The cases of every world on the embedded control plane, with the mock as hypervisor. @module */
import { kubectlRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { everywhere } from "./cases/all.ts";
import { play } from "./support/case.ts";
import { embedded } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "a virtual machine from kubectl on the embedded control plane",
  ignore: await skipWithout("e2e", "a virtual machine on the embedded control plane", kubectlRig),
  fn: (t) => play(t, { world: () => World.start(embedded), cases: everywhere }),
});
