import { testConformance } from "@virtrigaud/conformance";
import { loopback } from "@virtrigaud/contract/testing/fixture.ts";
import { ensureGuestImage, libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { providerFor } from "./testing/fixture.ts";
import { ImageServer, whole } from "../shared/testing/image_server.ts";
import { libvirtProfile } from "./testing/profile.ts";

const ignore = await skipWithout("libvirt provider", "the conformance suite on a real host", libvirtRig);

testConformance("libvirt on a real host passes the conformance suite, over gRPC and SSH", async () => {
  await using made = new AsyncDisposableStack();
  const host = made.use(await startHypervisor());
  const provider = made.use(providerFor(host, "ssh"));
  const loop = made.use(await loopback({}, { serve: { provider } }));
  const server = made.use(await ImageServer.start());
  const imageUrl = server.at("/tiny.qcow2", whole(await Deno.readFile(await ensureGuestImage())));
  const held = made.move();
  return {
    provider: loop.provider,
    profile: libvirtProfile(host, imageUrl),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}, { ignore });
