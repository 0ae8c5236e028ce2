import { assertEquals, assertMatch, assertNotEquals } from "@virtrigaud/deps";
import {
  blockVolume,
  diskVolume,
  domainUuid,
  isVmId,
  seedVolume,
  stageVolume,
  volumePrefix,
  withAddresses,
} from "./identity.ts";

Deno.test("a UID that is a UUID is the domain's UUID; any other gives one that is always the same", () => {
  assertEquals(domainUuid("ABCDEF01-2345-4789-8ABC-DEF012345678"), "abcdef01-2345-4789-8abc-def012345678");
  assertEquals(isVmId(domainUuid("owner-1")), true);
  assertMatch(domainUuid("owner-1"), /^.{8}-.{4}-8.{3}-a.{3}-.{12}$/);
  assertEquals(domainUuid("owner-1"), domainUuid("owner-1"));
  assertNotEquals(domainUuid("owner-1"), domainUuid("owner-2"));
});

Deno.test("names of volumes begin with the UUID, so that no other VM's are taken for ours", () => {
  const uuid = domainUuid("owner-1");
  const block = blockVolume(uuid, "data");
  for (const name of [diskVolume(uuid, "root"), block, stageVolume(block), seedVolume(uuid)]) {
    assertEquals(name.startsWith(volumePrefix(uuid)), true);
  }
});

Deno.test("a card keeps the address it was given, or gets one that follows from VM and name", () => {
  const nics = [{ name: "a", addresses: [] }, { name: "b", mac: "52:54:00:AA:00:01", addresses: [] }];
  const [a, b] = withAddresses("vm-1", nics);
  assertMatch(a?.mac ?? "", /^52:54:00(:[0-9a-f]{2}){3}$/);
  assertEquals(b?.mac, "52:54:00:aa:00:01");
  assertEquals(withAddresses("vm-1", nics)[0], a);
  assertNotEquals(withAddresses("vm-2", nics)[0]?.mac, a?.mac);
});
