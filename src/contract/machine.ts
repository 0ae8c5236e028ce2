/**
 * What manager and provider say about a virtual machine: the wish ({@linkcode MachineSpec}) and the report
 * ({@linkcode ObservedMachine}). The wire form is `proto/provider/v1/provider.proto`; `codec/` maps the two.
 *
 * Units: memory in MiB, disks in GiB, bandwidth in kilobit/s, time in milliseconds unless a name says otherwise.
 *
 * @module
 */
import type { Secret } from "@virtrigaud/telemetry";

/** Power as a hypervisor reports it. `Transitional`: starting, stopping, paused by a task. */
export type PowerState = "On" | "Off" | "Suspended" | "Transitional" | "Unknown";

/** Firmware that a VM boots with. */
export type Firmware = "BIOS" | "UEFI";

/** How a disk takes its space. `ssd`, `hdd` and `nvme` are hints on the storage behind it. */
export type DiskType = "thin" | "thick" | "eagerzeroedthick" | "ssd" | "hdd" | "nvme";

/** Limits, reservations and shares of a VM; absent means the hypervisor's default. */
export interface ResourceLimits {
  /** MHz. */
  readonly cpuLimitMhz?: number;
  readonly cpuReservationMhz?: number;
  readonly cpuShares?: number;
  readonly memoryLimitMib?: number;
  readonly memoryReservationMib?: number;
}

/** What a VM may change while it runs, and how the hypervisor schedules it. */
export interface PerformanceProfile {
  readonly latencySensitivity?: "low" | "normal" | "high";
  readonly cpuHotAdd?: boolean;
  readonly memoryHotAdd?: boolean;
  readonly nestedVirtualization?: boolean;
  readonly virtualizationBasedSecurity?: boolean;
  readonly hyperThreading?: "auto" | "prefer" | "avoid" | "require";
}

/** Boot and memory protection. */
export interface SecurityProfile {
  readonly secureBoot?: boolean;
  readonly tpm?: boolean;
  /** `1.2` or `2.0`. */
  readonly tpmVersion?: string;
  /** Virtual IOMMU. */
  readonly vtd?: boolean;
  readonly encryption?: { readonly keyProvider?: string; readonly required: boolean };
}

/** Size and shape of the virtual hardware, from the class and the VM's own overrides. */
export interface Hardware {
  /** Virtual CPUs, 1 to 128. */
  readonly cpus: number;
  readonly memoryMib: number;
  readonly firmware: Firmware;
  readonly limits?: ResourceLimits;
  readonly performance?: PerformanceProfile;
  readonly security?: SecurityProfile;
  readonly guestTools?: "install" | "skip" | "upgrade" | "uninstall";
  readonly gpu?: { readonly count: number; readonly type?: string; readonly memoryMib?: number };
  /** Provider-specific settings; a provider refuses keys that it does not know. */
  readonly extraConfig?: Readonly<Record<string, string>>;
}

/** Where the content of the root disk comes from. Exactly one way per request; resolved for the provider's type. */
export type ImageSource =
  /** A template, or an image prepared earlier, by its id at the hypervisor. */
  | { readonly type: "Template"; readonly template: string; readonly linkedClone?: boolean }
  /** A file or volume that the hypervisor has already. `pool` where the provider has pools. */
  | { readonly type: "Volume"; readonly path: string; readonly pool?: string; readonly format?: string }
  | {
    readonly type: "Url";
    readonly url: string;
    readonly format?: string;
    readonly checksum?: { readonly algorithm: "md5" | "sha1" | "sha256" | "sha512"; readonly value: string };
    readonly pool?: string;
    readonly headers?: Secret<Readonly<Record<string, string>>>;
    readonly timeoutMs?: number;
  }
  | { readonly type: "ContentLibrary"; readonly library: string; readonly item: string; readonly version?: string }
  | { readonly type: "Registry"; readonly image: string; readonly format?: string; readonly auth?: Secret<string> }
  /** A disk imported before (migration, adoption); it becomes the root disk itself and is not copied. */
  | { readonly type: "ImportedDisk"; readonly diskId: string; readonly path?: string; readonly format: string }
  /** No image: an empty root disk. */
  | { readonly type: "Blank" };

/** The boot disk. */
export interface RootDisk {
  /** At least this size; the image's own size if absent. Never shrunk. */
  readonly sizeGib?: number;
  readonly type?: DiskType;
  readonly storageClass?: string;
  readonly iops?: number;
}

/** A data disk, found again by its name. */
export interface DataDisk {
  /** DNS label, unique in the VM; `root` is the boot disk's name and not allowed here. */
  readonly name: string;
  readonly sizeGib: number;
  readonly type?: DiskType;
  readonly storageClass?: string;
  readonly expandPolicy?: "Online" | "Offline";
  readonly iops?: number;
  readonly scsi?: {
    readonly controller?: number;
    readonly controllerType?: string;
    readonly sharedBus?: string;
  };
}

/** Addresses that the guest is to be given. */
export interface StaticAddress {
  /** IPv4 or IPv6, without prefix. */
  readonly address: string;
  readonly prefix: number;
  readonly gateway?: string;
}

/** A network card, found again by its name. */
export interface Nic {
  /** DNS label, unique in the VM. */
  readonly name: string;
  /** Lower-case, colon separated. Absent: the provider derives a stable one from VM UID and name. */
  readonly mac?: string;
  readonly model?: string;
  readonly mtu?: number;
  readonly vlan?: number;
  /** What the card is plugged into; absent: the provider's default network. */
  readonly backing?:
    | { readonly type: "Network"; readonly network: string }
    | { readonly type: "Bridge"; readonly bridge: string }
    | { readonly type: "Portgroup"; readonly portgroup: string; readonly distributedSwitch?: string };
  /** Static addresses; empty means DHCP unless `unmanaged`. */
  readonly addresses: readonly StaticAddress[];
  /** True: the guest's network configuration leaves this card alone. */
  readonly unmanaged?: boolean;
  readonly dns?: { readonly servers: readonly string[]; readonly searchDomains: readonly string[] };
  readonly routes?: readonly { readonly destination: string; readonly gateway: string; readonly metric?: number }[];
  readonly filter?: { readonly name: string; readonly parameters: Readonly<Record<string, string>> };
  readonly qos?: { readonly ingressKbps?: number; readonly egressKbps?: number };
  readonly driver?: { readonly name?: string; readonly queues?: number };
  /** Everything else that only one hypervisor knows; a provider refuses keys that it does not know. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** First-boot configuration. Contents are secret: they carry passwords and keys. */
export type GuestInit =
  | {
    readonly type: "CloudInit";
    /** MIME multi-part or a single part, ready for the data source. */
    readonly userData?: Secret<string>;
    /** Extra meta-data as YAML or JSON; the provider adds `instance-id` and `local-hostname` where absent. */
    readonly metaData?: Secret<string>;
    /** Network configuration version 2; absent: the provider writes it from the NICs if one has static addresses. */
    readonly networkConfig?: Secret<string>;
  }
  | { readonly type: "Ignition"; readonly config: Secret<string> };

/** Where the VM is to run; every field narrows the choice, absent ones leave it to provider and hypervisor. */
export interface Placement {
  readonly cluster?: string;
  readonly host?: string;
  readonly datastore?: string;
  readonly storagePod?: string;
  readonly folder?: string;
  readonly resourcePool?: string;
}

/** The whole wish. */
export interface MachineSpec {
  /** Name at the hypervisor and default host name of the guest; at most 63 characters. */
  readonly name: string;
  readonly hardware: Hardware;
  readonly image: ImageSource;
  readonly rootDisk: RootDisk;
  readonly disks: readonly DataDisk[];
  readonly nics: readonly Nic[];
  readonly guestInit?: GuestInit;
  readonly placement?: Placement;
  readonly tags: readonly string[];
}

/** A disk as it is. */
export interface ObservedDisk {
  /** `root`, the name it was created with, or the hypervisor's own for disks that carry no mark. */
  readonly name: string;
  /** Id at the hypervisor (volume key, device key). */
  readonly id: string;
  readonly sizeGib: number;
  readonly type?: DiskType;
  readonly format?: string;
  readonly path?: string;
}

/** A network card as it is. */
export interface ObservedNic {
  /** The name it was created with, or the hypervisor's own for cards that carry no mark. */
  readonly name: string;
  readonly mac: string;
  readonly network?: string;
  readonly ips: readonly string[];
  readonly connected: boolean;
}

/** What the guest itself tells. */
export interface ObservedGuest {
  readonly agent: "Running" | "NotRunning" | "NotInstalled" | "Unknown";
  readonly hostname?: string;
  readonly os?: string;
}

/** The whole report. Only what is: nothing here is copied from a wish. */
export interface ObservedMachine {
  /** Id at the hypervisor, as used in every later request. */
  readonly id: string;
  readonly name: string;
  /** UID of the object that owns this VM, from the mark written at birth; absent: not ours. */
  readonly ownerUid?: string;
  readonly power: PowerState;
  readonly cpus: number;
  readonly memoryMib: number;
  readonly disks: readonly ObservedDisk[];
  readonly nics: readonly ObservedNic[];
  /** All addresses, without link-local ones, IPv4 before IPv6. */
  readonly ips: readonly string[];
  readonly guest: ObservedGuest;
  readonly placement?: { readonly host?: string; readonly cluster?: string; readonly datastore?: string };
  readonly consoleUrl?: string;
  /** Fields of the last wish that wait for a power cycle, as paths (`hardware.memoryMib`). */
  readonly pendingPowerCycle: readonly string[];
  /**
   * Changes whenever the first-boot configuration is replaced. It must not follow from the content alone: who may read
   * this report may not be allowed to guess at the passwords in it.
   */
  readonly guestInitDigest?: string;
  /** Something that needs a person: question pending, orphaned, locked. */
  readonly attention?: string;
  /** Further facts for `status.provider`; stable values only, no counters or clocks. */
  readonly details: Readonly<Record<string, string>>;
}
