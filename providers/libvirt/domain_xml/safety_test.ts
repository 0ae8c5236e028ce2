import { assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { ProviderError } from "@virtrigaud/contract";
import { type DomainPlan, domainXml } from "./build.ts";
import { readHostGuests, readMachineOffer } from "./capabilities.ts";
import { elements, parseXml, serializeXml, type XmlElement } from "./element.ts";
import { readPciDevice } from "./gpu.ts";
import { markMetadata, readMark } from "./mark.ts";
import { readDomain } from "./read.ts";
import { readRemovals, removalsXml } from "./removals.ts";
import { applySettings, settings } from "./settings.ts";
import { readSnapshot, snapshotXml } from "./snapshot.ts";
import { volumeXml } from "./volume.ts";

/** Text that would like to be markup, and text that no document can carry. */
const evil = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    `"/><disk type='file'><source file='/etc/shadow'/></disk><x a="`,
    `'><!ENTITY x SYSTEM "file:///etc/passwd">&x;`,
    "]]></name><devices/>",
    "<!-- -->",
    "&lt;emulator&gt;",
    "\0",
    "\u2028\u0085",
  ),
);
const TEXTS = 24;

/** A plan in which every text comes from `texts`. */
function planOf(texts: readonly string[]): DomainPlan {
  let next = 0;
  const text = (): string => texts[next++ % texts.length] ?? "";
  const disk = (name: string) => ({
    name,
    path: text(),
    format: text(),
    place: { bus: "virtio" as const, target: text() },
    driver: { cache: text(), io: text() },
  });
  return {
    uuid: text(),
    name: text(),
    mark: { ownerUid: text(), owner: text(), guestInitDigest: text(), tags: [text(), text()] },
    platform: { arch: text(), domainType: "qemu", machine: text(), emulator: text() },
    size: { cpus: { current: 1, max: 2 }, memoryMib: { current: 64, max: 64 }, numaNodes: 2 },
    settings: new Map(settings.map(({ field }) => [field, `${field.includes("graphics]") ? "vnc" : ""}${text()}`])),
    firmware: "UEFI",
    security: { secureBoot: true, tpm: "2.0", iommu: true },
    ignitionPath: text(),
    disks: [disk("root"), disk(text())],
    controllers: [],
    hostDevices: [],
    seedPath: text(),
    nics: [{
      name: text(),
      mac: text(),
      addresses: [],
      model: text(),
      backing: { type: "Bridge", bridge: text() },
      filter: { name: text(), parameters: { A: text() } },
      extra: { virtualPort: text(), txMode: text() },
    }],
    defaultNetwork: text(),
  };
}

/** Names of elements and attributes, without any content. */
const shape = (
  node: XmlElement,
): unknown => [node.name, Object.keys(node.attributes).sort(), elements(node).map(shape)];

/** Runs `write`; text that XML cannot carry may be refused, with our own error. */
function orRefused(write: () => string): XmlElement | undefined {
  let document: string;
  try {
    document = write();
  } catch (error) {
    assertEquals(error instanceof ProviderError && error.class, "InvalidSpec");
    return undefined;
  }
  return parseXml(document);
}

Deno.test("no text of a plan becomes an element or an attribute", () => {
  const plain = shape(parseXml(domainXml(planOf(["plain"]))));
  fc.assert(
    fc.property(fc.array(evil, { minLength: TEXTS, maxLength: TEXTS }), (texts) => {
      const domain = orRefused(() => domainXml(planOf(texts)));
      if (domain !== undefined) assertEquals(shape(domain), plain);
    }),
    { numRuns: 300 },
  );
});

Deno.test("nor does any of marks, notes, snapshots and volumes", () => {
  fc.assert(fc.property(evil, evil, (one, other) => {
    const tags = orRefused(() => markMetadata({ ownerUid: one, owner: other, tags: [one, other] }).content);
    if (tags !== undefined) assertEquals(elements(tags).map(({ name }) => name), ["tag", "tag"]);
    const note = orRefused(() => removalsXml([{ name: one, path: other }]) ?? "<disks/>");
    if (note !== undefined) assertEquals(elements(note).length, 1);
    const snapshot = orRefused(() => snapshotXml({ name: one, description: other }));
    if (snapshot !== undefined) assertEquals(elements(snapshot).map(({ name }) => name), ["name", "description"]);
    const volume = orRefused(() => volumeXml({ name: one, bytes: 1, format: other }));
    if (volume !== undefined) assertEquals(elements(volume).map(({ name }) => name)[0], "name");
  }));
});

const readers: readonly ((document: string) => unknown)[] = [
  readDomain,
  readHostGuests,
  readMachineOffer,
  readPciDevice,
  readSnapshot,
  (document) => readMark(parseXml(document)),
  (document) => readRemovals(parseXml(document)),
];

/** Every reader gives an answer or an error of ours. */
function survive(document: string): void {
  for (const read of readers) {
    try {
      read(document);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
    }
  }
}

Deno.test("readers take any text for what it is: a description, or an error with a class", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), survive), { numRuns: 300 });
});

Deno.test("readers take descriptions that were cut, doubled and stirred", () => {
  const whole = domainXml(planOf(["plain"]));
  const part = fc.tuple(fc.nat(whole.length), fc.nat(whole.length)).map(([a, b]) =>
    whole.slice(Math.min(a, b), Math.max(a, b))
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(part, fc.constant("<a>"), fc.constant("</devices>")), { maxLength: 3 }), (parts) => {
      survive(parts.join(""));
      survive(`<domain>${parts.join("")}</domain>`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("settings can be written into any tree", () => {
  const elementNames = ["cputune", "devices", "disk", "graphics", "driver", "cpu", "shares", "memoryBacking", "vcpu"];
  const tree = fc.letrec<{ node: XmlElement }>((tie) => ({
    node: fc.record({
      name: fc.constantFrom(...elementNames),
      attributes: fc.dictionary(fc.constantFrom("type", "mode", "name", "listen"), fc.constantFrom("1", "vnc", "x")),
      children: fc.array(fc.oneof({ maxDepth: 4 }, fc.constant("text"), tie("node")), { maxLength: 4 }),
    }),
  })).node;
  fc.assert(fc.property(tree, (node) => {
    const domain = { name: "domain", attributes: {}, children: [node] };
    const values = new Map(settings.map(({ field, read }) => [field, read(domain)]));
    const same = applySettings(domain, new Map([...values].filter(([, value]) => value === undefined)));
    survive(serializeXml(same));
    survive(serializeXml(applySettings(domain, values)));
  }));
});
