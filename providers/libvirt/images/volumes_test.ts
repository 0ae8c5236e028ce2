import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { LibvirtError } from "../client/errors.ts";
import type { DiskPool } from "./pools.ts";
import { diskVolumeIn } from "./volumes.ts";

const UUID = "11111111-2222-4333-8444-555555555555";
const pool = { name: "p", uuid: UUID };
const group = (name: string): DiskPool => ({ ...pool, volumes: "BlockDevices", group: name });

Deno.test("a logical volume has a name that LVM takes: no longer than device-mapper's, with each hyphen twice", () => {
  assertEquals(diskVolumeIn({ ...pool, volumes: "Files" }, UUID, "data"), `${UUID}-data.qcow2`);
  assertEquals(diskVolumeIn(group("vg"), UUID, "data"), `${UUID}-data`);
  // 2 and 1 of the group, 40 of the UUID, 2 of the hyphen after it.
  const longest = "a".repeat(127 - 45);
  assertEquals(diskVolumeIn(group("vg"), UUID, longest), `${UUID}-${longest}`);
  for (const [inGroup, disk] of [["vg-", longest], ["vg", `${longest.slice(1)}-`]] as const) {
    const error = assertThrows(() => diskVolumeIn(group(inGroup), UUID, disk), ProviderError);
    assertEquals([error.class, error.field], ["InvalidSpec", `disks[${disk}].name`]);
  }
});

Deno.test("a volume group without room is told as such", () => {
  const why = `Volume group "vg" has insufficient free space (21 extents): 40 required.`;
  const error = new LibvirtError(
    1,
    `internal error: Child process (/sbin/lvcreate) unexpected exit status 5:   ${why}`,
  );
  assertEquals([error.class, error.message.endsWith("; make room on the host")], ["QuotaExceeded", true]);
});
