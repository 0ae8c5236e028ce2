/** The way of one change from a real kube-apiserver to a real hypervisor. @module */
import { controllersRig, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { libvirt } from "./cases/libvirt.ts";
import { play } from "./support/case.ts";
import { kubernetes } from "./support/stages.ts";
import { World } from "./support/world.ts";

const ignore = await skipWithout(
  "e2e libvirt on kubernetes",
  "a virtual machine from a real kube-apiserver on libvirt",
  libvirtRig,
  kubernetesRig,
  controllersRig,
);

Deno.test({
  name: "a virtual machine from kubectl on a real kube-apiserver, on libvirt over SSH",
  ignore,
  async fn(t) {
    await using host = await startHypervisor();
    await play(t, { world: () => World.start(kubernetes), cases: libvirt(host) });
  },
});
