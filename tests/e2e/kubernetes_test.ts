/** The way of one change on a real kube-apiserver: the same manager, the runner in the part of the kubelet. @module */
import { kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { input } from "./cases/input.ts";
import { killsOnKubernetes } from "./cases/kills.ts";
import { lifecycle } from "./cases/lifecycle.ts";
import { silence } from "./cases/silence.ts";
import { play } from "./support/case.ts";
import { kubernetes } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "a virtual machine from kubectl on a real kube-apiserver",
  ignore: await skipWithout("e2e kubernetes", "a virtual machine on a real kube-apiserver", kubernetesRig),
  fn: (t) =>
    play(t, {
      world: () => World.start(kubernetes),
      cases: [...lifecycle, ...input, ...silence, ...killsOnKubernetes],
    }),
});
