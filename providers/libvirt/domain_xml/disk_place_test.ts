import { assertEquals } from "@virtrigaud/deps";
import type { DataDisk } from "@virtrigaud/contract";
import type { DiskBus } from "./devices.ts";
import { DiskPlaces } from "./disk_place.ts";
import { parseXml } from "./element.ts";

/** Places a disk as creation and change do. */
function place(places: DiskPlaces, bus: DiskBus, scsi?: DataDisk["scsi"]): string {
  const controller = places.controllerFor(bus, scsi === undefined ? {} : { scsi });
  const found = places.next(bus, scsi);
  const on = found?.drive && `${found.drive.controller}:${found.drive.target}:${found.drive.unit}`;
  const made = controller && `+${controller.attributes["index"]} ${controller.attributes["model"]}`;
  return [found?.bus, found?.target, on, made].filter((part) => part !== undefined).join(" ");
}

Deno.test("a new machine has its common controller, and the first-boot medium keeps its place there", () => {
  const places = new DiskPlaces();
  assertEquals(place(places, "virtio"), "virtio vda");
  assertEquals(place(places, "scsi"), "scsi sdb 0:1:0");
  assertEquals(place(places, "virtio", { controller: 3, controllerType: "lsilogic" }), "scsi sdc 1:0:0 +1 lsilogic");
  assertEquals(place(places, "virtio", { controller: 3, controllerType: "lsilogic" }), "scsi sdd 1:0:1");
  assertEquals(place(places, "virtio", { controller: 0 }), "scsi sde 2:0:0 +2 vmpvscsi");
  assertEquals([place(places, "sata"), place(places, "ide")], ["sata sdf", "ide hda"]);
});

Deno.test("a machine of somebody else gets a controller only when a disk needs one, and none by accident", () => {
  const none = parseXml("<devices><disk><target dev='vda'/></disk></devices>");
  assertEquals(place(new DiskPlaces(none), "virtio"), "virtio vdb");
  assertEquals(place(new DiskPlaces(none), "scsi"), "scsi sdb 0:1:0 +0 virtio-scsi");
  assertEquals(place(new DiskPlaces(none), "virtio", {}), "scsi sdb 0:0:0 +0 vmpvscsi");
  const other = parseXml(
    `<devices><controller type='scsi' index='0' model='lsilogic'/><controller type='scsi' index='2' model='virtio-scsi'/>
     <disk><target dev='sdb' bus='scsi'/><address type='drive' controller='2' bus='0' target='0' unit='0'/></disk></devices>`,
  );
  assertEquals(place(new DiskPlaces(other), "scsi"), "scsi sdc 2:1:0");
  assertEquals(place(new DiskPlaces(other), "virtio", { controller: 1 }), "scsi sdc 3:0:0 +3 vmpvscsi");
});

Deno.test("a bus that is full has no place left", () => {
  const places = new DiskPlaces();
  const scsi = { controllerType: "lsilogic" };
  const taken = Array.from({ length: 8 }, () => place(places, "virtio", scsi));
  assertEquals([taken[6], taken[7]], ["scsi sdh 1:0:6", ""]);
  const letters = Array.from({ length: 27 }, () => place(places, "virtio"));
  assertEquals([letters[25], letters[26]], ["virtio vdz", ""]);
});

Deno.test("where a disk hangs is told from its address", () => {
  const places = new DiskPlaces(parseXml(
    `<devices><controller type='scsi' index='4' model='lsilogic'><alias name='ua-scsi-1'/></controller></devices>`,
  ));
  const disk = (bus: string, controller: number) =>
    parseXml(`<disk><target dev='sdb' bus='${bus}'/><address type='drive' controller='${controller}'/></disk>`);
  const lsi = { scsi: { controller: 1, controllerType: "lsilogic" } };
  assertEquals(places.isAsWished(disk("scsi", 4), lsi), true);
  assertEquals(places.isAsWished(disk("scsi", 0), lsi), false);
  assertEquals(places.isAsWished(disk("virtio", 4), lsi), false);
  assertEquals(places.isAsWished(disk("scsi", 4), { scsi: { controller: 1 } }), false);
  assertEquals(places.isAsWished(disk("scsi", 4), {}), false);
  assertEquals(places.isAsWished(disk("scsi", 0), {}), true);
  assertEquals(places.isAsWished(disk("virtio", 0), {}), true);
});
