/** All cases on a real kube-apiserver: the same manager, the runner in the part of the kubelet. @module */
import { controllersRig, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { everywhere, inProcesses } from "./cases/all.ts";
import { play } from "./support/case.ts";
import { kubernetes } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "a virtual machine from kubectl on a real kube-apiserver",
  ignore: await skipWithout("e2e kubernetes", "a virtual machine", kubernetesRig, controllersRig),
  fn: (t) => play(t, { world: () => World.start(kubernetes), cases: [...everywhere, ...inProcesses] }),
});
