import { assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import type { Nic } from "@virtrigaud/contract";
import { find, parseXml, serializeXml } from "./element.ts";
import { changedNic, nicDifferences, nicElement, readNicSettings, wishedNic } from "./nic.ts";

const optional = <T>(from: fc.Arbitrary<T>) => fc.option(from, { nil: undefined });
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);

/** Any card that passes the checks. */
const nic: fc.Arbitrary<Nic & { readonly mac: string }> = fc.record({
  backing: optional(fc.oneof(
    word.map((network) => ({ type: "Network" as const, network })),
    word.map((bridge) => ({ type: "Bridge" as const, bridge })),
  )),
  model: optional(fc.constantFrom("virtio", "e1000")),
  mtu: optional(fc.integer({ min: 68, max: 9000 })),
  vlan: optional(fc.integer({ min: 1, max: 4094 })),
  filter: optional(fc.record({ name: word, parameters: fc.dictionary(word, fc.string(), { maxKeys: 2 }) })),
  qos: optional(fc.record({ ingressKbps: optional(fc.integer({ min: 1 })), egressKbps: optional(fc.nat()) })),
  driver: optional(fc.record({ queues: optional(fc.integer({ min: 1, max: 16 })) })),
  extra: optional(fc.constantFrom<Record<string, string>>(
    { trunkVlans: "1,2" },
    { txMode: "timer", ioEventFd: "true" },
    { eventIdx: "false", virtualPort: "openvswitch" },
  )),
}).map((given) => JSON.parse(JSON.stringify({ ...given, name: "lan", mac: "52:54:00:00:00:01", addresses: [] })));

const clean = (text: string): boolean => /^[\u0020-\ud7ff\ue000-\ufffd]*$/.test(text);
const fits = (card: Nic): boolean => Object.values(card.filter?.parameters ?? {}).every(clean);

Deno.test("a card has no difference from the wish that it was made by", () => {
  fc.assert(fc.property(nic.filter(fits), (card) => {
    const made = parseXml(serializeXml(nicElement(card, "default")));
    const differing = nicDifferences(readNicSettings(made), wishedNic(card, "default"), { silentMeansAny: false });
    assertEquals([...differing], []);
  }));
});

Deno.test("a card that is changed by its differences has none left, and keeps its address and slot", () => {
  fc.assert(fc.property(nic.filter(fits), nic.filter(fits), (is, wish) => {
    const slot = parseXml("<interface><address type='pci' slot='0x3'/><target dev='vnet0'/></interface>");
    const made = nicElement(is, "default");
    const old = { ...made, children: [...made.children, ...slot.children] };
    const wished = wishedNic(wish, "default");
    const differing = nicDifferences(readNicSettings(old), wished, { silentMeansAny: false });
    const now = parseXml(serializeXml(changedNic(old, wish, differing, "default")));
    assertEquals(readNicSettings(now), wished);
    assertEquals(find(now, "address")?.attributes["slot"], "0x3");
    assertEquals(find(now, "mac")?.attributes["address"], is.mac);
  }));
});

Deno.test("what a network gives its cards is no difference where the wish is silent", () => {
  const running = parseXml(
    `<interface type='network'><source network='default' bridge='virbr0'/><model type='virtio'/>
     <vlan><tag id='7'/></vlan><bandwidth><inbound average='9'/></bandwidth></interface>`,
  );
  const differences = (
    wish: Partial<Nic>,
    silentMeansAny: boolean,
  ) => [...nicDifferences(readNicSettings(running), wishedNic({ name: "lan", addresses: [], ...wish }, "default"), {
    silentMeansAny,
  })];
  assertEquals(differences({}, true), []);
  assertEquals(differences({}, false), ["vlan", "bandwidth"]);
  assertEquals(differences({ vlan: 8 }, true), ["vlan"]);
});
