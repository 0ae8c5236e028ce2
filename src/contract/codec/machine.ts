/** Codecs of the wish for a machine and of the report on one. @module */
import type * as wire from "../gen/wire.ts";
import type * as domain from "../machine.ts";
import {
  bool,
  document,
  enumeration,
  int32,
  int64,
  list,
  map,
  name,
  optional,
  optionalList,
  optionalMap,
  quantity,
  secret,
  text,
} from "./codec.ts";
import { message, union } from "./message.ts";

const label = name(253);
const word = name(256);
const path = name(4096);

export const powerState = enumeration<domain.PowerState, wire.PowerState>({
  On: "POWER_STATE_ON",
  Off: "POWER_STATE_OFF",
  Suspended: "POWER_STATE_SUSPENDED",
  Transitional: "POWER_STATE_TRANSITIONAL",
  Unknown: "POWER_STATE_UNKNOWN",
});

const firmware = enumeration<domain.Firmware, wire.Firmware>({ BIOS: "FIRMWARE_BIOS", UEFI: "FIRMWARE_UEFI" });

const diskType = enumeration<domain.DiskType, wire.DiskType>({
  thin: "DISK_TYPE_THIN",
  thick: "DISK_TYPE_THICK",
  eagerzeroedthick: "DISK_TYPE_EAGER_ZEROED_THICK",
  ssd: "DISK_TYPE_SSD",
  hdd: "DISK_TYPE_HDD",
  nvme: "DISK_TYPE_NVME",
});

const resourceLimits = message<domain.ResourceLimits, wire.ResourceLimits>({
  cpuLimitMhz: optional(int32()),
  cpuReservationMhz: optional(int32()),
  cpuShares: optional(int32()),
  memoryLimitMib: optional(int64()),
  memoryReservationMib: optional(int64()),
});

const performanceProfile = message<domain.PerformanceProfile, wire.PerformanceProfile>({
  latencySensitivity: optional(
    enumeration<NonNullable<domain.PerformanceProfile["latencySensitivity"]>, wire.LatencySensitivity>({
      low: "LATENCY_SENSITIVITY_LOW",
      normal: "LATENCY_SENSITIVITY_NORMAL",
      high: "LATENCY_SENSITIVITY_HIGH",
    }),
  ),
  cpuHotAdd: optional(bool),
  memoryHotAdd: optional(bool),
  nestedVirtualization: optional(bool),
  virtualizationBasedSecurity: optional(bool),
  hyperThreading: optional(
    enumeration<NonNullable<domain.PerformanceProfile["hyperThreading"]>, wire.HyperThreading>({
      auto: "HYPER_THREADING_AUTO",
      prefer: "HYPER_THREADING_PREFER",
      avoid: "HYPER_THREADING_AVOID",
      require: "HYPER_THREADING_REQUIRE",
    }),
  ),
});

const securityProfile = message<domain.SecurityProfile, wire.SecurityProfile>({
  secureBoot: optional(bool),
  tpm: optional(bool),
  tpmVersion: optional(word),
  vtd: optional(bool),
  encryption: optional(
    message<NonNullable<domain.SecurityProfile["encryption"]>, wire.Encryption>({
      keyProvider: optional(word),
      required: bool,
    }),
  ),
});

export const hardware = message<domain.Hardware, wire.Hardware>({
  cpus: int32(1, 128),
  memoryMib: int64(1),
  firmware,
  limits: optional(resourceLimits),
  performance: optional(performanceProfile),
  security: optional(securityProfile),
  guestTools: optional(
    enumeration<NonNullable<domain.Hardware["guestTools"]>, wire.GuestTools>({
      install: "GUEST_TOOLS_INSTALL",
      skip: "GUEST_TOOLS_SKIP",
      upgrade: "GUEST_TOOLS_UPGRADE",
      uninstall: "GUEST_TOOLS_UNINSTALL",
    }),
  ),
  gpu: optional(
    message<NonNullable<domain.Hardware["gpu"]>, wire.Gpu>({
      count: int32(1, 64),
      type: optional(word),
      memoryMib: optional(int64()),
    }),
  ),
  extraConfig: optionalMap,
});

type Image<T> = Omit<Extract<domain.ImageSource, { type: T }>, "type">;

export const imageSource = union<domain.ImageSource, wire.ImageSource>({
  Template: [
    "template",
    message<Image<"Template">, wire.TemplateImage>({ template: path, linkedClone: optional(bool) }),
  ],
  Volume: [
    "volume",
    message<Image<"Volume">, wire.VolumeImage>({ path, pool: optional(label), format: optional(word) }),
  ],
  Url: [
    "url",
    message<Image<"Url">, wire.UrlImage>({
      url: path,
      format: optional(word),
      checksum: optional(
        message<NonNullable<Image<"Url">["checksum"]>, wire.Checksum>({
          algorithm: enumeration<"md5" | "sha1" | "sha256" | "sha512", wire.ChecksumAlgorithm>({
            md5: "CHECKSUM_ALGORITHM_MD5",
            sha1: "CHECKSUM_ALGORITHM_SHA1",
            sha256: "CHECKSUM_ALGORITHM_SHA256",
            sha512: "CHECKSUM_ALGORITHM_SHA512",
          }),
          value: name(128),
        }),
      ),
      pool: optional(label),
      headers: optionalSecretMap(),
      timeoutMs: optional(int64()),
    }),
  ],
  ContentLibrary: [
    "contentLibrary",
    message<Image<"ContentLibrary">, wire.ContentLibraryImage>({ library: word, item: word, version: optional(word) }),
  ],
  Registry: [
    "registry",
    message<Image<"Registry">, wire.RegistryImage>({
      image: path,
      format: optional(word),
      auth: optional(secret(document)),
    }),
  ],
  ImportedDisk: [
    "importedDisk",
    message<Image<"ImportedDisk">, wire.ImportedDiskImage>({ diskId: path, path: optional(path), format: word }),
  ],
  Blank: ["blank", message<Image<"Blank">, wire.BlankImage>({})],
});

/** Secret strings by name for an optional field: an empty map is the same as none. */
function optionalSecretMap() {
  const all = secret(map);
  return {
    encode: (value: Parameters<typeof all.encode>[0] | undefined, at: string) =>
      value === undefined ? undefined : all.encode(value, at),
    decode: (carried: Record<string, string> | undefined, at: string) =>
      carried === undefined || Object.keys(carried).length === 0 ? undefined : all.decode(carried, at),
  };
}

const rootDisk = message<domain.RootDisk, wire.RootDisk>({
  sizeGib: optional(int32(1)),
  type: optional(diskType),
  storageClass: optional(label),
  iops: optional(int32()),
});

const dataDisk = message<domain.DataDisk, wire.DataDisk>({
  name: name(63),
  sizeGib: int32(1),
  type: optional(diskType),
  storageClass: optional(label),
  expandPolicy: optional(
    enumeration<"Online" | "Offline", wire.ExpandPolicy>({
      Online: "EXPAND_POLICY_ONLINE",
      Offline: "EXPAND_POLICY_OFFLINE",
    }),
  ),
  iops: optional(int32()),
  scsi: optional(
    message<NonNullable<domain.DataDisk["scsi"]>, wire.Scsi>({
      controller: optional(int32()),
      controllerType: optional(word),
      sharedBus: optional(word),
    }),
  ),
});

const staticAddress = message<domain.StaticAddress, wire.StaticAddress>({
  address: name(64),
  prefix: int32(0, 128),
  gateway: optional(name(64)),
});

type Backing = NonNullable<domain.Nic["backing"]>;

const nic = message<domain.Nic, wire.Nic>({
  name: name(63),
  mac: optional(name(17)),
  model: optional(word),
  mtu: optional(int32(1, 65_535)),
  vlan: optional(int32(0, 4095)),
  backing: optional(
    union<Backing, wire.NicBacking>({
      Network: [
        "network",
        message<Omit<Extract<Backing, { type: "Network" }>, "type">, wire.NetworkBacking>({ network: word }),
      ],
      Bridge: [
        "bridge",
        message<Omit<Extract<Backing, { type: "Bridge" }>, "type">, wire.BridgeBacking>({ bridge: word }),
      ],
      Portgroup: [
        "portgroup",
        message<Omit<Extract<Backing, { type: "Portgroup" }>, "type">, wire.PortgroupBacking>({
          portgroup: word,
          distributedSwitch: optional(word),
        }),
      ],
    }),
  ),
  addresses: list(staticAddress, 32),
  unmanaged: optional(bool),
  dns: optional(
    message<NonNullable<domain.Nic["dns"]>, wire.Dns>({
      servers: list(name(64), 16),
      searchDomains: list(label, 16),
    }),
  ),
  routes: optionalList(
    message<NonNullable<domain.Nic["routes"]>[number], wire.Route>({
      destination: name(64),
      gateway: name(64),
      metric: optional(int32()),
    }),
    128,
  ),
  filter: optional(message<NonNullable<domain.Nic["filter"]>, wire.NicFilter>({ name: word, parameters: map })),
  qos: optional(
    message<NonNullable<domain.Nic["qos"]>, wire.NicQos>({
      ingressKbps: optional(int64()),
      egressKbps: optional(int64()),
    }),
  ),
  driver: optional(
    message<NonNullable<domain.Nic["driver"]>, wire.NicDriver>({ name: optional(word), queues: optional(int32()) }),
  ),
  extra: optionalMap,
});

type Init<T> = Omit<Extract<domain.GuestInit, { type: T }>, "type">;

const guestInit = union<domain.GuestInit, wire.GuestInit>({
  CloudInit: [
    "cloudInit",
    message<Init<"CloudInit">, wire.CloudInit>({
      userData: optional(secret(document)),
      metaData: optional(secret(document)),
      networkConfig: optional(secret(document)),
    }),
  ],
  Ignition: ["ignition", message<Init<"Ignition">, wire.Ignition>({ config: secret(document) })],
});

const placement = message<domain.Placement, wire.Placement>({
  cluster: optional(word),
  host: optional(word),
  datastore: optional(word),
  storagePod: optional(word),
  folder: optional(path),
  resourcePool: optional(path),
});

/** The wish. */
export const machineSpec = message<domain.MachineSpec, wire.MachineSpec>({
  name: name(63),
  hardware,
  image: imageSource,
  rootDisk,
  disks: list(dataDisk, 64),
  nics: list(nic, 32),
  guestInit: optional(guestInit),
  placement: optional(placement),
  tags: list(word, 64),
});

const observedDisk = message<domain.ObservedDisk, wire.DiskInfo>({
  name: path,
  id: path,
  sizeGib: quantity,
  type: optional(diskType),
  format: optional(word),
  path: optional(path),
});

const observedNic = message<domain.ObservedNic, wire.NetworkInfo>({
  name: word,
  // A hypervisor may report a card before it has an address.
  mac: text(64),
  network: optional(word),
  ips: list(name(64), 256),
  connected: bool,
});

/** The report. */
export const observedMachine = message<domain.ObservedMachine, wire.VMInfo>({
  id: path,
  name: path,
  ownerUid: optional(name(128)),
  power: powerState,
  cpus: int32(),
  memoryMib: int64(),
  disks: list(observedDisk, 256),
  nics: list(observedNic, 256),
  ips: list(name(64), 1024),
  guest: message<domain.ObservedGuest, wire.GuestInfo>({
    agent: enumeration<domain.ObservedGuest["agent"], wire.AgentState>({
      Running: "AGENT_STATE_RUNNING",
      NotRunning: "AGENT_STATE_NOT_RUNNING",
      NotInstalled: "AGENT_STATE_NOT_INSTALLED",
      Unknown: "AGENT_STATE_UNKNOWN",
    }),
    hostname: optional(text()),
    os: optional(text()),
  }),
  placement: optional(
    message<NonNullable<domain.ObservedMachine["placement"]>, wire.PlacementInfo>({
      host: optional(text()),
      cluster: optional(text()),
      datastore: optional(text()),
    }),
  ),
  consoleUrl: optional(text()),
  pendingPowerCycle: list(word, 256),
  guestInitDigest: optional(word),
  attention: optional(text()),
  details: map,
});
