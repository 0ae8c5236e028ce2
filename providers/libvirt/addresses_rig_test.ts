import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { libvirtRig, releaseRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { describeOrFail, machine, made, providerFor } from "./testing/fixture.ts";

// libvirt 9.0 cannot read the neighbours of this kernel (mended in 9.1).
const ignore = await skipWithout(
  "libvirt provider",
  "addresses from the host's neighbours",
  libvirtRig,
  releaseRig("trixie"),
);

Deno.test({ name: "what neither agent nor lease tell of a card, the host's neighbours do", ignore }, async () => {
  await using host = await startHypervisor({ release: "trixie" });
  await using provider = providerFor(host);
  // The card with the address is the only one that can be talked through at this moment; the other asks for a lease later.
  const script = "#!/bin/sh\nrm /usr/sbin/qemu-ga\nping -c 1 192.168.122.1\n";
  const backing = { type: "Network", network: "default" } as const;
  const spec = machine("quiet", {
    guestInit: { type: "CloudInit", userData: new Secret(script) },
    nics: [
      { name: "leased", backing, addresses: [] },
      { name: "fixed", backing, addresses: [{ address: "192.168.122.9", prefix: 24 }] },
    ],
  });
  const uid = await made(provider, spec);
  // No event tells of either address, so that a watch looks now and then; the test looks all the time.
  let seen = await describeOrFail(provider, uid);
  const vm = await until("two addresses", async () => {
    seen = await describeOrFail(provider, uid);
    return seen.ips.length >= 2 && seen;
  }, { seen: () => JSON.stringify(seen.nics), transient: () => false });
  const [leased = ""] = vm.nics[0]?.ips ?? [];
  assertStringIncludes(await host.virsh("domifaddr", uid, "--source", "lease"), `${leased}/`);
  assertEquals(vm.nics.map(({ name, ips }) => [name, ips]), [["leased", [leased]], ["fixed", ["192.168.122.9"]]]);
  assertEquals([vm.guest.agent, vm.ips], ["NotRunning", [leased, "192.168.122.9"]]);
});
