import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { backupXml, readBackupFiles } from "./backup.ts";
import { parseXml } from "./element.ts";
import { findPoolFolder, readPoolKind, readPoolRoom, readPoolSource } from "./pool.ts";
import { readRemovals, removalsMetadata, removalsXml } from "./removals.ts";
import { isBlockVolume, readBacking, readFileBytes, readVolumeFormat, readWrittenAt, volumeXml } from "./volume.ts";

Deno.test("the files of a backup are read as they were written, whatever is in their names", () => {
  const disks = [{ target: "vda", path: "/pool/a&b.qcow2" }, { target: "vdb", path: `/pool/"c" <d>.qcow2` }];
  assertEquals(readBackupFiles(backupXml(disks)), disks.map(({ path }) => path));
});

Deno.test("disks that are to go are read from the metadata as they were noted; none is no metadata", () => {
  const removals = [{ name: "data", path: "/pool/x-data.qcow2" }, { name: "logs", path: "/pool/<&>.qcow2" }];
  // As libvirt puts it into the namespace.
  const noted = removalsXml(removals)?.replace("<disks", `<p:disks xmlns:p="${removalsMetadata.namespace}"`)
    .replace("</disks>", "</p:disks>");
  assertEquals(readRemovals(parseXml(`<domain><metadata><other/>${noted}</metadata></domain>`)), removals);
  assertEquals(removalsXml([]), undefined);
  assertEquals(readRemovals(parseXml("<domain/>")), []);
});

Deno.test("only a thick volume is allotted its space", () => {
  const plan = { name: "v", bytes: 4096, format: "qcow2" };
  assertEquals(volumeXml(plan).includes("allocation"), false);
  assertEquals(volumeXml({ ...plan, thick: true }).includes(`<allocation unit="bytes">4096</allocation>`), true);
});

Deno.test("what libvirt does not tell of a volume or pool is not made up", () => {
  const told = `<volume><physical unit="bytes">512</physical><target><timestamps><mtime>12.5</mtime></timestamps>` +
    `</target><backingStore><path>/base</path></backingStore></volume>`;
  assertEquals([readFileBytes(told), readWrittenAt(told), readBacking(told)], [512, 12_500, "/base"]);
  const silent = "<volume/>";
  assertEquals([readFileBytes(silent), readWrittenAt(silent), readBacking(silent)], [undefined, undefined, undefined]);
  assertEquals([`<pool><available unit="bytes">0</available></pool>`, "<pool/>"].map(readPoolRoom), [0, undefined]);
  const logical = `<pool type="logical"><name>p</name><source><name>vg-1</name></source></pool>`;
  assertEquals([readPoolKind(logical), readPoolSource(logical), readPoolSource("<pool/>")], ["logical", "vg-1", ""]);
  assertEquals(findPoolFolder("<pool><target><path>/images/</path></target></pool>", "p"), "/images");
  assertEquals(assertThrows(() => findPoolFolder("<pool/>", "p"), ProviderError).class, "NotSupported");
});

Deno.test("a logical volume is a block device that has no format", () => {
  // As libvirt 9.0 and 11.3 describe one.
  const volume = `<volume type="block"><name>d</name><key>7cc046-d51d-6b4f-ed9e-cafa-b8b8-73badf</key><source>` +
    `<device path="/dev/sdb"><extent start="0" end="12582912"/></device></source>` +
    `<capacity unit="bytes">12582912</capacity><target><path>/dev/vg/d</path></target></volume>`;
  assertEquals([isBlockVolume(volume), readVolumeFormat(volume)], [true, undefined]);
  const file = `<volume type="file"><target><format type="qcow2"/></target></volume>`;
  assertEquals([isBlockVolume(file), readVolumeFormat(file)], [false, "qcow2"]);
});
