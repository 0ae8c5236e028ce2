/** `deno task slow:libvirt`: from kubectl to a real Debian, on libvirt over SSH. Minutes, as it runs in emulation. @module */
import { createHash } from "node:crypto";
import { ImageServer, whole } from "../../providers/shared/testing/image_server.ts";
import { kubectlRig } from "../rigs/kubernetes/mod.ts";
import { debianRig, ensureDebianImage, libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { debian } from "./cases/debian.ts";
import { play } from "./support/case.ts";
import { embeddedInProcesses } from "./support/stages.ts";
import { World } from "./support/world.ts";

Deno.test({
  name: "a real Debian from kubectl on libvirt over SSH",
  ignore: await skipWithout("slow libvirt", "a real Debian", libvirtRig, debianRig, kubectlRig),
  async fn(t) {
    const content = await Deno.readFile(await ensureDebianImage());
    await using server = await ImageServer.start();
    await using host = await startHypervisor({ image: false });
    const image = {
      url: server.at("/debian.qcow2", whole(content)),
      sha256: createHash("sha256").update(content).digest("hex"),
    };
    await play(t, { world: () => World.start(embeddedInProcesses), cases: debian(host, image) });
  },
});
