import { assertEquals } from "@virtrigaud/deps";
import { fieldsOf } from "./fields.ts";
import { kindNamed, kinds } from "./kinds.ts";
import { pathsOf, supportOf } from "./support.ts";
import { unsupportedFields } from "./unsupported.ts";

for (const kind of kinds) {
  Deno.test(`${kind.kind}: every path of the support table leads to a field`, () => {
    const paths = new Set([...fieldsOf(kind.schema)].map(({ path }) => path));
    assertEquals(pathsOf(kind.support).filter((path) => !paths.has(path)), []);
  });
}

const vm = (spec: Record<string, unknown>) => ({
  kind: "VirtualMachine",
  spec: { providerRef: { name: "p" }, classRef: { name: "c" }, ...spec },
});

Deno.test("of several paths that cover a field the longest decides", () => {
  const machine = kindNamed("VirtualMachine");
  assertEquals(supportOf(machine, "libvirt", "spec.disks[].sizeGiB"), "honoured");
  assertEquals(supportOf(machine, "libvirt", "spec.disks[].scsi.sharedBus"), "refused");
  assertEquals(supportOf(machine, "libvirt", "spec.importedDisk.source"), "descriptive");
  assertEquals(supportOf(machine, "libvirt", "spec.importedDisk.path"), "honoured");
  assertEquals(supportOf(machine, "vsphere", "spec.powerState"), "honoured");
  assertEquals(supportOf(machine, "vsphere", "spec.disks[].sizeGiB"), "planned");
  assertEquals(supportOf(machine, "firecracker", "spec.disks[].sizeGiB"), "refused");
  assertEquals(supportOf(machine, "mock", "spec.disks[].scsi.controller"), "honoured");
});

Deno.test("a hook that the manager does not run is unsupported even on the mock", () => {
  const object = vm({ lifecycle: { preStop: { exec: { command: ["sync"] } }, gracefulShutdownTimeout: "30s" } });
  assertEquals(unsupportedFields(object, "mock"), ["spec.lifecycle.preStop.exec.command"]);
});

Deno.test("unsupported fields are named by the entry they are on", () => {
  const object = vm({
    powerState: "Off",
    disks: [{ name: "data", sizeGiB: 1 }, { name: "logs", sizeGiB: 1, scsi: { sharedBus: "virtualSharing" } }],
    placement: { cluster: "c" },
  });
  assertEquals(unsupportedFields(object, "libvirt"), ["spec.disks[logs].scsi.sharedBus", "spec.placement.cluster"]);
  assertEquals(unsupportedFields(object, "mock"), []);
});

Deno.test("what the API server filled in by default was not asked for and is not held against the object", () => {
  const object = vm({
    disks: [{ name: "data", sizeGiB: 1, type: "thin", expandPolicy: "Offline", scsi: { controllerType: "pvscsi" } }],
    tags: [],
  });
  assertEquals(unsupportedFields(object, "libvirt"), []);
});

Deno.test("a block for another kind of hypervisor is passed over", () => {
  const image = {
    kind: "VMImage",
    spec: { source: { libvirt: { path: "/a" }, vsphere: { templateName: "t" }, proxmox: { templateID: 100 } } },
  };
  assertEquals(unsupportedFields(image, "libvirt"), []);
  assertEquals(unsupportedFields(image, "vsphere"), ["spec.source.vsphere.templateName"]);
  assertEquals(unsupportedFields(image, "mock"), []);
});

Deno.test("fields that are not in the schema are nobody's business", () => {
  assertEquals(unsupportedFields(vm({ invented: 1 }), "libvirt"), []);
});
