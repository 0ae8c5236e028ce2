import { assertEquals, assertNotEquals } from "@virtrigaud/deps";
import type { Nic } from "@virtrigaud/contract";
import { initVersion, joinWish, splitWish } from "./init_version.ts";
import { vm } from "./testing/inputs.ts";

const dhcp: Nic = { name: "lan", addresses: [] };
const fixed: Nic = { name: "lan", addresses: [{ address: "10.0.0.5", prefix: 24 }] };
const none = new Map<string, string>();

Deno.test("what a first-boot medium is made from has a version: inline text, versions of Secrets, static addresses", () => {
  const of = (spec: Parameters<typeof vm>[0] = {}, secrets = none, nics: readonly Nic[] = [dhcp]) =>
    initVersion(vm(spec), secrets, nics);
  assertEquals(of(), "");
  assertEquals(of({ spec: { userData: { cloudInit: { inline: "" } } } }), "");
  const inline = (text: string) => of({ spec: { userData: { cloudInit: { inline: text } } } });
  assertNotEquals(inline("a"), "");
  assertNotEquals(inline("a"), inline("b"));
  assertEquals(inline("a"), inline("a"));
  assertNotEquals(inline("a"), of({ spec: { metaData: { cloudInit: { inline: "a" } } } }));
  const secret = (version: string) =>
    of({ spec: { userData: { cloudInit: { secretRef: { name: "s" } } } } }, new Map([["s", version]]));
  assertNotEquals(secret("1"), secret("2"));
  const wired = (...nics: readonly Nic[]) => of({}, none, nics);
  assertNotEquals(wired(fixed), "");
  assertNotEquals(wired(fixed), wired({ ...fixed, addresses: [{ address: "10.0.0.6", prefix: 24 }] }));
  assertEquals(wired({ ...dhcp, mac: "52:54:00:00:00:01" }), "", "cards that ask for their address are in no medium");
});

Deno.test("a wish without first-boot configuration is written as it always was, and both halves come back", () => {
  assertEquals(joinWish({ shape: "abc", init: "" }), "abc");
  for (const wish of [{ shape: "abc", init: "" }, { shape: "abc", init: "def" }]) {
    assertEquals(splitWish(joinWish(wish)), wish);
  }
  assertEquals(splitWish(undefined), { shape: "", init: "" });
});
