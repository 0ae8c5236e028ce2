/** The way of one change to a real hypervisor: libvirt with QEMU, over SSH. @module */
import { kubectlRig } from "../rigs/kubernetes/mod.ts";
import { libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { libvirt } from "./cases/libvirt.ts";
import { play } from "./support/case.ts";
import { embeddedInProcesses } from "./support/stages.ts";
import { World } from "./support/world.ts";

const ignore = await skipWithout("e2e libvirt", "a virtual machine on libvirt over SSH", libvirtRig, kubectlRig);

Deno.test({
  name: "a virtual machine from kubectl on libvirt over SSH",
  ignore,
  async fn(t) {
    await using host = await startHypervisor();
    await play(t, { world: () => World.start(embeddedInProcesses), cases: libvirt(host) });
  },
});
