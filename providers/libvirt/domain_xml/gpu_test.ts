import { assertEquals } from "@virtrigaud/deps";
import { element, serializeXml } from "./element.ts";
import { parseXml } from "./element.ts";
import { gpuElements, pciKey, readGpus, readPciDevice, usedPci } from "./gpu.ts";

const card = (bus: number, group = ""): string =>
  `<device><name>pci_0000_${bus}_00_0</name><capability type='pci'><class>0x030000</class><domain>0</domain>
   <bus>${bus}</bus><slot>0</slot><function>0</function><product id='0x1eb8'>TU104</product><vendor id='0x10de'>NVIDIA</vendor>
   ${group}</capability></device>`;
const group = `<iommuGroup number='7'><address domain='0x0000' bus='0x00' slot='0x1c' function='0x0'/>
  <address domain='0x0000' bus='0x0a' slot='0x00' function='0x0'/>
  <address domain='0x0000' bus='0x0a' slot='0x00' function='0x1'/></iommuGroup>`;

Deno.test("a GPU goes with the other functions of its card, and the bridge above it stays", () => {
  const device = readPciDevice(card(10, group));
  assertEquals(device?.type, "10de-1eb8");
  assertEquals(device?.group.map(pciKey), ["0:10:0.0", "0:10:0.1"]);
});

Deno.test("a domain tells which GPUs it was given, and which places are taken by whomever", () => {
  const devices = [readPciDevice(card(10, group)), readPciDevice(card(11))].filter((device) => device !== undefined);
  const foreign = parseXml(
    `<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x0c' slot='0x01' function='0x2'/></source></hostdev>`,
  );
  const usb = parseXml("<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>");
  const domain = parseXml(serializeXml(
    element("domain", {}, element("devices", {}, ...gpuElements(devices), foreign, usb)),
  ));
  assertEquals(readGpus(domain), ["10de-1eb8", "10de-1eb8"]);
  assertEquals(usedPci(domain), ["0:10:0.0", "0:10:0.1", "0:11:0.0", "0:12:1.2"]);
});

Deno.test("what is not on PCI is no GPU", () => {
  assertEquals(readPciDevice("<device><capability type='net'/></device>"), undefined);
});
