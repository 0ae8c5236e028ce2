/** Virtual hardware that a wish asks for, in libvirt's terms. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import type { DomainSecurity } from "./domain_xml/build.ts";
import type { Platform } from "./domain_xml/capabilities.ts";
import type { DiskBus, DiskDriver } from "./domain_xml/devices.ts";
import { EXTRA_KEYS, extraField, type ExtraKey } from "./domain_xml/extra_keys.ts";
import { GRAPHICS_FIELDS, LIMIT_FIELDS, QUOTA_PERIOD_US, type SettingValues } from "./domain_xml/settings.ts";
import type { Size } from "./domain_xml/size.ts";

/** A running guest can only be given what its machine has sockets for; four times the wish leaves room. */
const HEADROOM_CPUS = 4;
const CPUS_MAX = 128;
const HEADROOM_MEMORY = 2;
/** The least quota that libvirt takes, microseconds. */
const QUOTA_MIN_US = 1_000;
/** What QEMU needs beside the guest's memory: a share of it, and a fixed part, MiB. */
const QEMU_SHARE = 1.02;
const QEMU_MIB = 256;
const VNC_PASSWORD_MAX = 8;
/** libvirt's own default. */
const LISTEN = "127.0.0.1";

/** Value of a key of `hardware.extraConfig`. */
export const extra = ({ hardware }: MachineSpec, key: ExtraKey): string | undefined => hardware.extraConfig?.[key];

function extraNumber(spec: MachineSpec, key: ExtraKey): number | undefined {
  const text = extra(spec, key);
  return text === undefined ? undefined : Number(text);
}

/** Size with room to grow: what the class says, else what hot-add calls for. */
export function sizeOf(spec: MachineSpec): Size {
  const { cpus, memoryMib, performance } = spec.hardware;
  const cores = extraNumber(spec, EXTRA_KEYS.cpuCores);
  const threads = extraNumber(spec, EXTRA_KEYS.cpuThreads);
  const topology = cores === undefined && threads === undefined
    ? undefined
    : { cores: cores ?? 1, threads: threads ?? 1 };
  const room = extraNumber(spec, EXTRA_KEYS.maxCpus) ??
    (performance?.cpuHotAdd ? Math.max(cpus, Math.min(cpus * HEADROOM_CPUS, CPUS_MAX)) : cpus);
  const numaNodes = extraNumber(spec, EXTRA_KEYS.numaNodes);
  return {
    cpus: { current: cpus, max: wholeSockets(room, topology) },
    memoryMib: {
      current: memoryMib,
      max: extraNumber(spec, EXTRA_KEYS.maxMemoryMib) ??
        (performance?.memoryHotAdd ? memoryMib * HEADROOM_MEMORY : memoryMib),
    },
    ...(topology === undefined ? {} : { topology }),
    ...(numaNodes === undefined ? {} : { numaNodes }),
  };
}

/** The number of CPUs that fills the last socket. */
function wholeSockets(cpus: number, topology: Size["topology"]): number {
  const unit = (topology?.cores ?? 1) * (topology?.threads ?? 1);
  return Math.ceil(cpus / unit) * unit;
}

/** Model of the CPU that the guest sees. */
export function cpuMode(spec: MachineSpec, platform: Platform): string {
  const { performance } = spec.hardware;
  const asked = extra(spec, EXTRA_KEYS.cpuMode);
  if (asked !== undefined) return asked;
  if (performance?.nestedVirtualization || performance?.virtualizationBasedSecurity) return "host-passthrough";
  return platform.domainType === "kvm" ? "host-model" : "maximum";
}

/** What {@linkcode settingsOf} has to know beside the wish. */
export interface SettingContext {
  readonly platform: Platform;
  /** Frequency of the host's CPUs; 0 where it is not known. */
  readonly cpuMhz: number;
  /** Password of consoles; absent: whatever they have stays. */
  readonly graphicsPassword?: string;
}

/**
 * Every setting of a machine that is ours.
 * @throws {ProviderError} `NotSupported` for a CPU limit on a host that does not tell its frequency; `InvalidSpec` for a
 * password that VNC cannot have.
 */
export function settingsOf(spec: MachineSpec, { platform, cpuMhz, graphicsPassword }: SettingContext): SettingValues {
  const { limits } = spec.hardware;
  const graphics = extra(spec, EXTRA_KEYS.graphics) ?? "vnc";
  const { cache, io, discard } = diskDriver(spec);
  if (graphics === "vnc" && graphicsPassword !== undefined && graphicsPassword.length > VNC_PASSWORD_MAX) {
    throw new ProviderError(
      "InvalidSpec",
      `the credentials' graphics-password is longer than the ${VNC_PASSWORD_MAX} characters that VNC looks at`,
      { field: GRAPHICS_FIELDS.password },
    );
  }
  return new Map([
    [LIMIT_FIELDS.cpuShares, limits?.cpuShares?.toString()],
    [LIMIT_FIELDS.cpuLimit, quota(limits?.cpuLimitMhz, cpuMhz)],
    [LIMIT_FIELDS.memoryLimit, hardLimitKib(limits?.memoryLimitMib)],
    ["hardware.limits.memoryReservationMib", limits?.memoryReservationMib ? "all" : undefined],
    [extraField(EXTRA_KEYS.cpuMode), cpuMode(spec, platform)],
    [GRAPHICS_FIELDS.type, graphics],
    [GRAPHICS_FIELDS.listen, graphics === "none" ? undefined : extra(spec, EXTRA_KEYS.graphicsListen) ?? LISTEN],
    ...(graphicsPassword === undefined ? [] : [[GRAPHICS_FIELDS.password, graphicsPassword] as const]),
    [extraField(EXTRA_KEYS.video), extra(spec, EXTRA_KEYS.video) ?? "virtio"],
    [extraField(EXTRA_KEYS.diskCache), cache],
    [extraField(EXTRA_KEYS.diskIo), io],
    [extraField(EXTRA_KEYS.diskDiscard), discard ?? "unmap"],
  ]);
}

/** Share of one host CPU, in microseconds of {@linkcode QUOTA_PERIOD_US}, for the machine as a whole. */
function quota(limitMhz: number | undefined, cpuMhz: number): string | undefined {
  if (limitMhz === undefined) return undefined;
  if (cpuMhz <= 0) {
    throw new ProviderError("NotSupported", "the libvirt host does not tell the frequency of its CPUs", {
      field: LIMIT_FIELDS.cpuLimit,
    });
  }
  return `${Math.max(QUOTA_MIN_US, Math.round(limitMhz / cpuMhz * QUOTA_PERIOD_US))}`;
}

/** The host counts QEMU's own memory too: without room for it a machine that uses all of its memory would be killed. */
const hardLimitKib = (limitMib: number | undefined): string | undefined =>
  limitMib === undefined ? undefined : `${Math.ceil(limitMib * QEMU_SHARE + QEMU_MIB) * 1024}`;

/** Bus that disks hang on which do not say themselves. */
export function diskBus(spec: MachineSpec): DiskBus {
  const asked = extra(spec, EXTRA_KEYS.diskBus);
  return asked === "scsi" || asked === "sata" || asked === "ide" ? asked : "virtio";
}

/** How disks are read and written. */
export function diskDriver(spec: MachineSpec): DiskDriver {
  const [cache, io, discard] = ([EXTRA_KEYS.diskCache, EXTRA_KEYS.diskIo, EXTRA_KEYS.diskDiscard] as const)
    .map((key) => extra(spec, key));
  return {
    ...(cache === undefined ? {} : { cache }),
    ...(io === undefined ? {} : { io }),
    ...(discard === undefined ? {} : { discard }),
  };
}

/** Secure Boot, TPM and IOMMU. */
export function securityOf({ hardware: { security } }: MachineSpec): DomainSecurity {
  return {
    secureBoot: security?.secureBoot ?? false,
    iommu: security?.vtd ?? false,
    ...(security?.tpm ? { tpm: security.tpmVersion === "1.2" ? "1.2" : "2.0" } : {}),
  };
}
