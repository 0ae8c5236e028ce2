/** Virtual hardware that a wish asks for, in libvirt's terms. @module */
import type { MachineSpec } from "@virtrigaud/contract";
import type { DomainSecurity } from "./domain_xml/build.ts";
import type { Platform } from "./domain_xml/capabilities.ts";
import type { DiskDriver } from "./domain_xml/devices.ts";
import { EXTRA_KEYS } from "./honesty.ts";

/** A running guest can only be given what its machine has sockets for; four times the wish leaves room. */
const HEADROOM_CPUS = 4;
const CPUS_MAX = 128;
const HEADROOM_MEMORY = 2;

/** Most CPUs that the VM can have without a power cycle. */
export const maxCpus = ({ hardware }: MachineSpec): number =>
  hardware.performance?.cpuHotAdd ? Math.min(hardware.cpus * HEADROOM_CPUS, CPUS_MAX) : hardware.cpus;

/** Most memory that the VM can have without a power cycle, MiB. The balloon holds the difference. */
export const maxMemoryMib = ({ hardware }: MachineSpec): number =>
  hardware.performance?.memoryHotAdd ? hardware.memoryMib * HEADROOM_MEMORY : hardware.memoryMib;

/** Model of the CPU that the guest sees. */
export function cpuMode({ hardware }: MachineSpec, platform: Platform): string {
  const asked = hardware.extraConfig?.[EXTRA_KEYS.cpuMode];
  if (asked !== undefined) return asked;
  if (hardware.performance?.nestedVirtualization) return "host-passthrough";
  return platform.domainType === "kvm" ? "host-model" : "maximum";
}

/** How disks are read and written. */
export function diskDriver({ hardware: { extraConfig } }: MachineSpec): DiskDriver {
  const [cache, io, discard] = [EXTRA_KEYS.diskCache, EXTRA_KEYS.diskIo, EXTRA_KEYS.diskDiscard]
    .map((key) => extraConfig?.[key]);
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
