/**
 * `deno task slow:libvirt`: the conformance suite with every disk on a logical volume, for both versions of libvirt. Minutes,
 * as raw disks are copied byte by byte. Below libvirt are stand-ins of LVM's commands: tests/rigs/libvirt/host/lvm.sh.
 *
 * @module
 */
import { assertEquals } from "@virtrigaud/deps";
import { runConformance } from "@virtrigaud/conformance";
import { type CallContext, type Capabilities, type Provider, ProviderError } from "@virtrigaud/contract";
import { loopback } from "@virtrigaud/contract/testing/fixture.ts";
import {
  addPool,
  ensureGuestImage,
  type HypervisorOptions,
  libvirtRig,
  releaseRig,
  startHypervisor,
} from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { ImageServer, whole } from "../../providers/shared/testing/image_server.ts";
import type { LibvirtProvider } from "../../providers/libvirt/provider.ts";
import { providerFor } from "../../providers/libvirt/testing/fixture.ts";
import { libvirtProfile } from "../../providers/libvirt/testing/profile.ts";

const GROUP = "vg";
/** What libvirt cannot do with such a volume, and no capability of the contract tells. */
const GROW = ["disks/add-and-grow", "disks/grow-offline", "disks/grow-online"];

/** A provider whose default pool cannot have snapshots and overlays, and says so: the suite holds it to refusing them. */
function withoutOverlays(provider: LibvirtProvider): Provider {
  return new Proxy(provider, {
    get(target, name) {
      if (name === "getCapabilities") {
        return async (context: CallContext): Promise<Capabilities> => ({
          ...await target.getCapabilities(context),
          snapshots: false,
          memorySnapshots: false,
          quiescedSnapshots: false,
          linkedClones: false,
        });
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

async function conforms(options: HypervisorOptions): Promise<void> {
  await using host = await startHypervisor(options);
  await addPool(host, { name: GROUP, kind: "logical", sizeMib: 16 * 1024 });
  await using endpoint = providerFor(host, "ssh", { defaultPool: GROUP });
  await using loop = await loopback({}, { serve: { provider: withoutOverlays(endpoint) } });
  await using server = await ImageServer.start();
  const url = server.at("/tiny.qcow2", whole(await Deno.readFile(await ensureGuestImage())));
  const profile = libvirtProfile(host, { imageUrl: url });
  const listVolumes = async () =>
    (await Promise.all([GROUP, host.pool].map((pool) => host.virsh("vol-list", pool)))).join("\n").split("\n")
      .map((line) => line.trim());
  const results = await runConformance(loop.provider, {
    ...profile,
    image: { type: "Url", url, format: "qcow2" },
    guest: { address: false, agent: false, cloudInit: false, shutdown: false },
    controls: { ...profile.controls, listVolumes },
  });
  const failed = results.filter(({ outcome }) => outcome === "Failed");
  assertEquals(failed.filter(({ name }) => !GROW.includes(name)).map(({ name, reason }) => [name, reason]), []);
  for (const { error } of failed) {
    const refusal = ProviderError.is(error, "NotSupported") ? error.field : error;
    assertEquals(String(refusal).replace(/\[.*\]/, "[]"), "disks[].sizeGib");
  }
  assertEquals(failed.map(({ name }) => name).sort(), GROW);
}

for (const release of [undefined, "trixie"] as const) {
  const needs = release === undefined ? [libvirtRig] : [libvirtRig, releaseRig(release)];
  Deno.test({
    name: `disks on logical volumes pass the conformance suite${release === undefined ? "" : `, on ${release}`}`,
    ignore: await skipWithout("slow libvirt", "logical volumes", ...needs),
    fn: () => conforms(release === undefined ? {} : { release }),
  });
}
