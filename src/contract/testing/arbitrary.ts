/** Generators of contract values, for property tests. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import { Secret } from "@virtrigaud/telemetry";
import type * as machine from "../machine.ts";

type Arb<T> = fc.Arbitrary<T>;

/** A record of which the keys in `optional` may be absent (never present as `undefined`). */
function shape<T extends object>(fields: { readonly [K in keyof T]-?: Arb<NonNullable<T[K]>> }, required: (keyof T)[]) {
  return fc.record(fields as { [K in keyof T]: Arb<T[K]> }, {
    requiredKeys: required as never[],
    noNullPrototype: true,
  }) as Arb<
    T
  >;
}

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const count = fc.nat(2 ** 31 - 1);
const big = fc.maxSafeNat();
const bool = fc.boolean();
const list = <T>(item: Arb<T>) => fc.array(item, { maxLength: 4 });
const texts = fc.dictionary(word.filter((key) => key !== "__proto__"), word, { maxKeys: 4, noNullPrototype: true });
const someTexts = texts.filter((map) => Object.keys(map).length > 0);
const secretText = fc.string({ unit: "grapheme" }).map((text) => new Secret(text));
const diskType = fc.constantFrom<machine.DiskType>("thin", "thick", "eagerzeroedthick", "ssd", "hdd", "nvme");

const hardware = shape<machine.Hardware>({
  cpus: fc.integer({ min: 1, max: 128 }),
  memoryMib: big.map((n) => Math.max(1, n)),
  firmware: fc.constantFrom("BIOS", "UEFI"),
  limits: shape<machine.ResourceLimits>({
    cpuLimitMhz: count,
    cpuReservationMhz: count,
    cpuShares: count,
    memoryLimitMib: big,
    memoryReservationMib: big,
  }, []),
  performance: shape<machine.PerformanceProfile>({
    latencySensitivity: fc.constantFrom("low", "normal", "high"),
    cpuHotAdd: bool,
    memoryHotAdd: bool,
    nestedVirtualization: bool,
    virtualizationBasedSecurity: bool,
    hyperThreading: fc.constantFrom("auto", "prefer", "avoid", "require"),
  }, []),
  security: shape<machine.SecurityProfile>({
    secureBoot: bool,
    tpm: bool,
    tpmVersion: fc.constantFrom("1.2", "2.0"),
    vtd: bool,
    encryption: shape<NonNullable<machine.SecurityProfile["encryption"]>>({ keyProvider: word, required: bool }, [
      "required",
    ]),
  }, []),
  guestTools: fc.constantFrom("install", "skip", "upgrade", "uninstall"),
  gpu: shape<NonNullable<machine.Hardware["gpu"]>>({
    count: fc.integer({ min: 1, max: 64 }),
    type: word,
    memoryMib: big,
  }, ["count"]),
  extraConfig: someTexts,
}, ["cpus", "memoryMib", "firmware"]);

type Image<T> = Extract<machine.ImageSource, { type: T }>;

/** Every way an image can be named. */
export const imageSource: Arb<machine.ImageSource> = fc.oneof(
  shape<Image<"Template">>({ type: fc.constant("Template"), template: word, linkedClone: bool }, ["type", "template"]),
  shape<Image<"Volume">>({ type: fc.constant("Volume"), path: word, pool: word, format: word }, ["type", "path"]),
  shape<Image<"Url">>({
    type: fc.constant("Url"),
    url: fc.webUrl(),
    format: word,
    checksum: fc.record({ algorithm: fc.constantFrom("md5", "sha1", "sha256", "sha512"), value: word }, {
      noNullPrototype: true,
    }),
    pool: word,
    headers: someTexts.map((map) => new Secret(map)),
    timeoutMs: big,
  }, ["type", "url"]),
  shape<Image<"ContentLibrary">>({ type: fc.constant("ContentLibrary"), library: word, item: word, version: word }, [
    "type",
    "library",
    "item",
  ]),
  shape<Image<"Registry">>({ type: fc.constant("Registry"), image: word, format: word, auth: secretText }, [
    "type",
    "image",
  ]),
  shape<Image<"ImportedDisk">>({ type: fc.constant("ImportedDisk"), diskId: word, path: word, format: word }, [
    "type",
    "diskId",
    "format",
  ]),
  fc.constant({ type: "Blank" as const }),
);

const dataDisk = shape<machine.DataDisk>({
  name: label,
  sizeGib: fc.integer({ min: 1, max: 65_536 }),
  type: diskType,
  storageClass: word,
  expandPolicy: fc.constantFrom("Online", "Offline"),
  iops: count,
  scsi: shape<NonNullable<machine.DataDisk["scsi"]>>({ controller: count, controllerType: word, sharedBus: word }, []),
}, ["name", "sizeGib"]);

type Backing<T> = Extract<NonNullable<machine.Nic["backing"]>, { type: T }>;

const nic = shape<machine.Nic>({
  name: label,
  mac: fc.constant("52:54:00:00:00:01"),
  model: word,
  mtu: fc.integer({ min: 1, max: 65_535 }),
  vlan: fc.integer({ min: 0, max: 4095 }),
  backing: fc.oneof(
    fc.record({ type: fc.constant("Network" as const), network: word }, { noNullPrototype: true }),
    fc.record({ type: fc.constant("Bridge" as const), bridge: word }, { noNullPrototype: true }),
    shape<Backing<"Portgroup">>({ type: fc.constant("Portgroup"), portgroup: word, distributedSwitch: word }, [
      "type",
      "portgroup",
    ]),
  ),
  addresses: list(
    shape<machine.StaticAddress>({ address: fc.ipV6(), prefix: fc.integer({ min: 0, max: 128 }), gateway: fc.ipV4() }, [
      "address",
      "prefix",
    ]),
  ),
  unmanaged: bool,
  dns: fc.record({ servers: list(fc.ipV4()), searchDomains: list(label) }, { noNullPrototype: true }),
  routes: fc.array(
    shape<NonNullable<machine.Nic["routes"]>[number]>({ destination: word, gateway: fc.ipV4(), metric: count }, [
      "destination",
      "gateway",
    ]),
    { minLength: 1, maxLength: 3 },
  ),
  filter: fc.record({ name: word, parameters: texts }, { noNullPrototype: true }),
  qos: shape<NonNullable<machine.Nic["qos"]>>({ ingressKbps: big, egressKbps: big }, []),
  driver: shape<NonNullable<machine.Nic["driver"]>>({ name: word, queues: count }, []),
  extra: someTexts,
}, ["name", "addresses"]);

/** Every wish that the contract allows, with optional parts present or not. */
export const machineSpec: Arb<machine.MachineSpec> = shape<machine.MachineSpec>({
  name: label,
  hardware,
  image: imageSource,
  rootDisk: shape<machine.RootDisk>({
    sizeGib: fc.integer({ min: 1, max: 65_536 }),
    type: diskType,
    storageClass: word,
    iops: count,
  }, []),
  disks: list(dataDisk),
  nics: list(nic),
  guestInit: fc.oneof(
    shape<Extract<machine.GuestInit, { type: "CloudInit" }>>({
      type: fc.constant("CloudInit"),
      userData: secretText,
      metaData: secretText,
      networkConfig: secretText,
    }, ["type"]),
    fc.record({ type: fc.constant("Ignition" as const), config: secretText }, { noNullPrototype: true }),
  ),
  placement: shape<machine.Placement>({
    cluster: word,
    host: word,
    datastore: word,
    storagePod: word,
    folder: word,
    resourcePool: word,
  }, []),
  tags: list(word),
}, ["name", "hardware", "image", "rootDisk", "disks", "nics", "tags"]);

/** Every report that the contract allows. */
export const observedMachine: Arb<machine.ObservedMachine> = shape<machine.ObservedMachine>({
  id: word,
  name: word,
  ownerUid: fc.uuid(),
  power: fc.constantFrom("On", "Off", "Suspended", "Transitional", "Unknown"),
  cpus: count,
  memoryMib: big,
  disks: list(
    shape<machine.ObservedDisk>({
      name: word,
      id: word,
      sizeGib: fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs),
      type: diskType,
      format: word,
      path: word,
    }, ["name", "id", "sizeGib"]),
  ),
  nics: list(
    shape<machine.ObservedNic>({ name: word, mac: word, network: word, ips: list(fc.ipV4()), connected: bool }, [
      "name",
      "mac",
      "ips",
      "connected",
    ]),
  ),
  ips: list(fc.ipV6()),
  guest: shape<machine.ObservedGuest>({
    agent: fc.constantFrom("Running", "NotRunning", "NotInstalled", "Unknown"),
    hostname: label,
    os: word,
  }, ["agent"]),
  placement: shape<NonNullable<machine.ObservedMachine["placement"]>>(
    { host: word, cluster: word, datastore: word },
    [],
  ),
  consoleUrl: fc.webUrl(),
  pendingPowerCycle: list(word),
  guestInitDigest: word,
  attention: word,
  details: texts,
}, ["id", "name", "power", "cpus", "memoryMib", "disks", "nics", "ips", "guest", "pendingPowerCycle", "details"]);
