import { assert, assertEquals, assertMatch, assertNotEquals } from "@virtrigaud/deps";
import { API_VERSION, type Provider, type VMClass, type VMImage, type VMNetworkAttachment } from "@virtrigaud/api";
import { Secret } from "@virtrigaud/telemetry";
import { type References, resolveWish } from "./wish.ts";
import { vm, type VmChange } from "./testing/inputs.ts";

const meta = (name: string) => ({ name, namespace: "default", uid: `uid-${name}`, generation: 1 });
const provider = (spec: Partial<Provider["spec"]> = {}): Provider => ({
  apiVersion: API_VERSION,
  kind: "Provider",
  metadata: meta("p"),
  spec: { type: "mock", endpoint: "mock://", runtime: { image: "i" }, ...spec },
});
const vmClass = (spec: Partial<VMClass["spec"]> = {}): VMClass => ({
  apiVersion: API_VERSION,
  kind: "VMClass",
  metadata: meta("small"),
  spec: { cpu: 2, memory: "2Gi", ...spec },
});
const image = (source: VMImage["spec"]["source"]): VMImage => ({
  apiVersion: API_VERSION,
  kind: "VMImage",
  metadata: meta("tiny"),
  spec: { source },
});
const network = (spec: VMNetworkAttachment["spec"]): VMNetworkAttachment => ({
  apiVersion: API_VERSION,
  kind: "VMNetworkAttachment",
  metadata: meta("lan"),
  spec,
});

interface Given extends VmChange {
  readonly provider?: Provider;
  readonly class?: VMClass;
  readonly image?: VMImage;
  readonly network?: VMNetworkAttachment;
  readonly guestInit?: References["guestInit"];
}

function resolve(given: Given = {}) {
  return resolveWish(vm(given), {
    provider: { name: "p", object: given.provider ?? provider() },
    class: { name: "small", object: given.class ?? vmClass() },
    image: { name: "tiny", object: given.image ?? image({ vsphere: { templateName: "t" } }) },
    networks: given.network === undefined ? new Map() : new Map([["eth0", { name: "lan", object: given.network }]]),
    guestInit: given.guestInit ?? { type: "Unknown" },
  });
}

function specOf(given: Given = {}) {
  const wish = resolve(given);
  assert(wish.type === "Resolved", JSON.stringify(wish));
  return wish;
}

const problemOf = (given: Given) => {
  const wish = resolve(given);
  return wish.type === "Invalid"
    ? `${wish.reason} ${wish.problems.map((p) => `${p.field}: ${p.message}`).join("; ")}`
    : wish.type;
};

Deno.test("class and overrides give the size, in the contract's units", () => {
  const { hardware } = specOf().spec;
  assertEquals([hardware.cpus, hardware.memoryMib, hardware.firmware], [2, 2048, "BIOS"]);
  const own = specOf({ spec: { resources: { cpu: 8, memoryMiB: 512 } } }).spec.hardware;
  assertEquals([own.cpus, own.memoryMib], [8, 512]);
  assertEquals(specOf({ class: vmClass({ diskDefaults: { size: "10G" } }) }).spec.rootDisk.sizeGib, 10);
});

Deno.test("each type of provider reads its own block, and says which one is missing", () => {
  const source = { libvirt: { path: "/a.qcow2" }, vsphere: { templateName: "t" } };
  const typed = (type: Provider["spec"]["type"]) =>
    specOf({ provider: provider({ type }), image: image(source) }).spec.image;
  assertEquals(typed("mock").type, "Volume");
  const missing = problemOf({
    provider: provider({ type: "libvirt" }),
    image: image({ vsphere: { templateName: "t" } }),
  });
  assertMatch(missing, /spec\.imageRef: VMImage "tiny" has no source for providers of type libvirt/);
});

Deno.test("a static address, of the entry or of its attachment, reaches the card", () => {
  const networks = [{ name: "eth0", networkRef: { name: "lan" } }];
  const lab = { libvirt: { networkName: "lab" } };
  const ipAllocation = { type: "Static" as const, staticConfig: { address: "192.0.2.9/26", gateway: "192.0.2.1" } };
  const [card] = specOf({ spec: { networks }, network: network({ network: lab, ipAllocation }) }).spec.nics;
  assertEquals(card?.addresses, [{ address: "192.0.2.9", prefix: 26, gateway: "192.0.2.1" }]);
  assertEquals(card?.backing, { type: "Network", network: "lab" });
  const own = [{ name: "eth0", ipAddress: "2001:db8::9" }];
  assertEquals(specOf({ spec: { networks: own } }).spec.nics[0]?.addresses, [{ address: "2001:db8::9", prefix: 64 }]);
  assertMatch(problemOf({ spec: { networks: [{ name: "eth0", gateway: "192.0.2.1" }] } }), /gateway: needs ipAddress/);
});

Deno.test("absent networks mean the provider's default network, and nothing of an adopted VM's business", () => {
  const nics = (given: Given) => specOf(given).spec.nics.map(({ name, backing }) => [name, backing]);
  const defaults = { network: "prod" };
  assertEquals(nics({}), [["default", undefined]]);
  assertEquals(nics({ provider: provider({ defaults }) }), [["default", { type: "Network", network: "prod" }]]);
  assertEquals(nics({ spec: { networks: [] } }), []);
  assertEquals(nics({ labels: { "virtrigaud.io/adopted": "true" } }), []);
});

Deno.test("what cannot be honoured or cannot work is named, together", () => {
  const scsi = { disks: [{ name: "data", sizeGiB: 1, scsi: { controller: 1 } }], tags: ["x"] };
  const unsupported = problemOf({
    provider: provider({ type: "firecracker" }),
    spec: scsi,
    image: image({ libvirt: { path: "/a" } }),
  });
  assertMatch(
    unsupported,
    /^UnsupportedField .*disks\[data\]\.scsi\.controller.*Provider "p" of type firecracker.*spec\.tags/,
  );
  assertMatch(problemOf({ spec: { disks: [{ name: "root", sizeGiB: 1 }] } }), /^InvalidSpec spec\.disks\[root\]/);
  assertMatch(problemOf({ spec: { importedDisk: { diskID: "d" } } }), /spec\.importedDisk: cannot be set together/);
});

Deno.test("the digests tell what a change is about: order of keys and secrets do not count", () => {
  const base = specOf();
  const other = (given: Given) => {
    const { digest, shape } = specOf(given);
    return [digest !== base.digest, shape !== base.shape];
  };
  assertEquals(other({}), [false, false]);
  assertEquals(other({ image: image({ vsphere: { templateName: "u" } }) }), [true, false]);
  assertEquals(other({ spec: { placement: { host: "h" } } }), [true, false]);
  assertEquals(other({ spec: { tags: ["x"] } }), [true, true]);
  assertEquals(other({ class: vmClass({ cpu: 3 }) }), [true, true]);
  assertEquals(other({ annotations: { "virtrigaud.io/force-sync": "1" } }), [true, true]);
  const userData = { cloudInit: { secretRef: { name: "init" } } };
  const read = (content: string, version: string) => {
    const guestInit = { type: "CloudInit", userData: new Secret(content) } as const;
    return specOf({
      spec: { userData },
      guestInit: { type: "Read", birth: true, content: guestInit, versions: new Map([["init", version]]) },
    });
  };
  const born = read("hunter2", "7");
  assertEquals([born.shape, born.digest !== base.digest], [base.shape, true]);
  assertEquals(read("other", "7").digest, born.digest, "the content of a Secret is in no digest");
  assertNotEquals(read("hunter2", "8").digest, born.digest);
  assertNotEquals(base.digest, base.shape);
});

Deno.test("a provider's default storage is not mixed with a VM's own kind of storage", () => {
  const defaults = { datastore: "ds", cluster: "c" };
  assertEquals(specOf({ provider: provider({ defaults }) }).spec.placement, { datastore: "ds", cluster: "c" });
  const own = specOf({ provider: provider({ defaults }), spec: { placement: { storagePod: "pod" } } });
  assertEquals(own.spec.placement, { cluster: "c", storagePod: "pod" });
});
