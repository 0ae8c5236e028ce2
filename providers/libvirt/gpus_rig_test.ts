import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { element, elements, find, mapElements, parseXml, serializeXml } from "./domain_xml/element.ts";
import { gpuElements, pciKey, readGpus, readPciDevice, usedPci } from "./domain_xml/gpu.ts";
import { callContext, createRequest, machine, made, operation, providerFor } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "GPUs of a real host", libvirtRig, {
  unavailable: async () => {
    const devices = await Array.fromAsync(Deno.readDir("/sys/bus/pci/devices")).catch(() => []);
    return devices.length > 0 ? undefined : "this machine has no PCI devices";
  },
});

Deno.test({
  name: "GPUs: libvirt takes what is written for a real PCI device; without an IOMMU they are refused",
  ignore,
}, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const name = (await host.virsh("nodedev-list", "--cap", "pci")).split("\n")[0]?.trim() ?? "";
  assert(name !== "", "libvirt tells of no PCI device");
  const device = readPciDevice(await host.virsh("nodedev-dumpxml", name));
  assert(device);
  const uid = await made(provider, machine("gpu"), { powerOn: false });
  const plain = parseXml(await host.virsh("dumpxml", uid));
  const given = mapElements(
    plain,
    (child) => child.name === "devices" ? element("devices", {}, ...elements(child), ...gpuElements([device])) : child,
  );
  await host.sh(["tee", "/root/gpu.xml"], { input: serializeXml(given) });
  await host.virsh("define", "/root/gpu.xml");
  const stored = parseXml(await host.virsh("dumpxml", uid));
  assertEquals(readGpus(stored), [device.type]);
  assertEquals(usedPci(stored), device.group.map(pciKey));
  assertEquals(find(stored, "devices", "hostdev")?.attributes["managed"], "yes");

  const without = () =>
    provider.reconfigure({ operation: operation(uid), vmId: uid, spec: machine("gpu") }, callContext());
  assertEquals((await assertRejects(without, ProviderError)).field, "hardware.gpu");
  const { hardware } = machine("x");
  const wish = machine("more", { hardware: { ...hardware, gpu: { count: 1, type: device.type } } });
  const more = () => provider.create(createRequest(crypto.randomUUID(), wish), callContext());
  const refusal = await assertRejects(more, ProviderError);
  assertEquals(refusal.field, "hardware.gpu");
});
