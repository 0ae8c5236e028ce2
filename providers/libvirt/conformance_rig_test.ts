import { type ConformanceProfile, testConformance } from "@virtrigaud/conformance";
import type { TransferTarget } from "@virtrigaud/contract";
import { loopback } from "@virtrigaud/contract/testing/fixture.ts";
import { Secret } from "@virtrigaud/telemetry";
import {
  ensureGuestImage,
  type HypervisorOptions,
  libvirtRig,
  releaseRig,
  startHypervisor,
} from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { S3_ACCOUNT, S3Server } from "../shared/testing/s3_server.ts";
import { providerFor } from "./testing/fixture.ts";
import { ImageServer, whole } from "../shared/testing/image_server.ts";
import { libvirtProfile } from "./testing/profile.ts";

const ignore = await skipWithout("libvirt provider", "the conformance suite on a real host", libvirtRig);
const withoutTrixie = await skipWithout("libvirt provider", "libvirt 11", libvirtRig, releaseRig("trixie"));

async function open(options: HypervisorOptions, change: Partial<ConformanceProfile> = {}) {
  await using made = new AsyncDisposableStack();
  const host = made.use(await startHypervisor(options));
  const provider = made.use(providerFor(host, "ssh"));
  const loop = made.use(await loopback({}, { serve: { provider } }));
  const server = made.use(await ImageServer.start());
  const imageUrl = server.at("/tiny.qcow2", whole(await Deno.readFile(await ensureGuestImage())));
  const store = made.use(await S3Server.start());
  const transferTarget = (name: string): TransferTarget => ({
    backend: "s3",
    url: `s3://disks/${name}`,
    credentials: new Secret(S3_ACCOUNT),
    options: { endpoint: store.endpoint, usePathStyle: "true" },
  });
  const held = made.move();
  return {
    provider: loop.provider,
    profile: { ...libvirtProfile(host, { imageUrl, transferTarget }), ...change },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

testConformance("libvirt on a real host passes the conformance suite, over gRPC and SSH", () => open({}), { ignore });

// What a guest does is the same under both; its boots are what takes the time.
testConformance(
  "libvirt 11 with QEMU 10 passes the conformance suite, as far as no guest has to boot for it",
  () => open({ release: "trixie" }, { guest: { address: false, agent: false, cloudInit: false, shutdown: false } }),
  { ignore: withoutTrixie },
);
