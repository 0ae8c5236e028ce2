/** Virtual hardware of a VMClass, in the contract's units. Pure. @module */
import type { VMClass } from "@virtrigaud/api";
import type { Hardware, PerformanceProfile, ResourceLimits, SecurityProfile } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";
import type { Problem } from "./input.ts";
import { tryMib } from "./units.ts";

/** 64 TiB. */
const MAX_MEMORY_MIB = 64 * 1024 * 1024;

/** Hardware as the class describes it; what cannot be read goes to `problems`. */
export function hardwareOf(vmClass: VMClass, problems: Problem[]): Hardware {
  const { spec } = vmClass;
  const mib = (value: number | string | undefined, field: string): number | undefined =>
    value === undefined ? undefined : tryMib(value, `VMClass "${vmClass.metadata.name}" ${field}`, problems);
  const memoryMib = mib(spec.memory, "spec.memory") ?? 0;
  if (memoryMib < 1 || memoryMib > MAX_MEMORY_MIB) {
    problems.push({
      field: `VMClass "${vmClass.metadata.name}" spec.memory`,
      message: `${spec.memory} is not between 1Mi and 64Ti`,
    });
  }
  const limits: ResourceLimits = {
    ...optional("cpuLimitMhz", spec.resourceLimits?.cpuLimit),
    ...optional("cpuReservationMhz", spec.resourceLimits?.cpuReservation),
    ...optional("cpuShares", spec.resourceLimits?.cpuShares),
    ...optional("memoryLimitMib", mib(spec.resourceLimits?.memoryLimit, "spec.resourceLimits.memoryLimit")),
    ...optional(
      "memoryReservationMib",
      mib(spec.resourceLimits?.memoryReservation, "spec.resourceLimits.memoryReservation"),
    ),
  };
  return {
    cpus: spec.cpu,
    memoryMib,
    firmware: spec.firmware === undefined || spec.firmware === "BIOS" ? "BIOS" : "UEFI",
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...optional("performance", performanceOf(spec.performanceProfile)),
    ...optional("security", securityOf(spec.securityProfile)),
    ...optional("guestTools", spec.guestToolsPolicy),
    ...optional("extraConfig", spec.extraConfig),
  };
}

function performanceOf(profile: VMClass["spec"]["performanceProfile"]): PerformanceProfile | undefined {
  if (profile === undefined) return undefined;
  return {
    ...optional("latencySensitivity", profile.latencySensitivity),
    ...optional("cpuHotAdd", profile.cpuHotAddEnabled),
    ...optional("memoryHotAdd", profile.memoryHotAddEnabled),
    ...optional("nestedVirtualization", profile.nestedVirtualization),
    ...optional("virtualizationBasedSecurity", profile.virtualizationBasedSecurity),
    ...optional("hyperThreading", profile.hyperThreadingPolicy),
  };
}

function securityOf(profile: VMClass["spec"]["securityProfile"]): SecurityProfile | undefined {
  if (profile === undefined) return undefined;
  const encryption = profile.encryptionPolicy;
  return {
    ...optional("secureBoot", profile.secureBoot),
    ...optional("tpm", profile.tpmEnabled),
    ...optional("tpmVersion", profile.tpmVersion === "2" ? "2.0" : profile.tpmVersion),
    ...optional("vtd", profile.vtdEnabled),
    ...(encryption?.enabled === true || encryption?.requireEncryption === true
      ? {
        encryption: {
          ...optional("keyProvider", encryption.keyProvider),
          required: encryption.requireEncryption ?? false,
        },
      }
      : {}),
  };
}
