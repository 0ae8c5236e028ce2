/** What is wrong with a class, an image or a network, whatever the VM. Pure. @module */
import {
  parseDuration,
  PROVIDER_TYPES,
  type ProviderType,
  quantityToMiB,
  unsupportedFields,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import type { Validity } from "./decide.ts";

/** Provider types that there is a provider for. */
const TYPES: readonly ProviderType[] = PROVIDER_TYPES.filter((type) => type !== "qemu" && type !== "firecracker");

/** A class: sizes that can be read, hardware that goes together, and which provider types honour all of it. */
export function classValidity(vmClass: VMClass, users: number): Validity {
  const { spec } = vmClass;
  const problems = [
    ...trying("spec.memory", () => {
      const mib = quantityToMiB(spec.memory);
      if (mib < 1) throw new RangeError(`${spec.memory} is less than 1Mi`);
    }),
    ...trying("spec.diskDefaults.size", () => quantityToMiB(spec.diskDefaults?.size ?? "1Gi")),
    ...trying("spec.resourceLimits.memoryLimit", () => quantityToMiB(spec.resourceLimits?.memoryLimit ?? 0)),
    ...trying(
      "spec.resourceLimits.memoryReservation",
      () => quantityToMiB(spec.resourceLimits?.memoryReservation ?? 0),
    ),
  ];
  if (spec.securityProfile?.secureBoot === true && (spec.firmware ?? "BIOS") === "BIOS") {
    problems.push("spec.securityProfile.secureBoot: needs spec.firmware UEFI, is BIOS");
  }
  const results = TYPES.map((type) => [type, unsupportedFields(vmClass, type)] as const);
  return {
    problems,
    status: {
      usedByVMs: users,
      supportedProviders: results.filter(([, fields]) => fields.length === 0).map(([type]) => type),
      validationResults: Object.fromEntries(results.map(([type, fields]) => [
        type,
        fields.length === 0 ? { valid: true } : { valid: false, message: `not honoured: ${fields.join(", ")}` },
      ])),
    },
  };
}

/** An image: has a source, and times that can be read. */
export function imageValidity(image: VMImage, users: number): Validity {
  const { source, prepare } = image.spec;
  const problems = [
    ...trying("spec.prepare.timeout", () => parseDuration(prepare?.timeout ?? "30m")),
    ...trying("spec.source.http.timeout", () => parseDuration(source.http?.timeout ?? "30m")),
  ];
  if (Object.values(source).every((block) => block === undefined)) {
    problems.push("spec.source: names no source: add libvirt, vsphere, proxmox, http or registry");
  }
  if (source.libvirt !== undefined && source.libvirt.path === undefined && source.libvirt.url === undefined) {
    problems.push("spec.source.libvirt: needs path or url");
  }
  const ready = problems.length === 0;
  return {
    problems,
    status: {
      usedByVMs: users,
      ready,
      phase: ready ? "Ready" : "Failed",
      message: ready ? "can be used" : problems.join("; "),
    },
  };
}

/** A network: has a block for some hypervisor, and an allocation that is complete. */
export function networkValidity(network: VMNetworkAttachment, users: number): Validity {
  const { spec } = network;
  const problems: string[] = [];
  const { libvirt, vsphere, proxmox } = spec.network;
  if (libvirt === undefined && vsphere === undefined && proxmox === undefined) {
    problems.push("spec.network: names no network: add libvirt, vsphere or proxmox");
  }
  if (libvirt !== undefined && libvirt.networkName === undefined && libvirt.bridge === undefined) {
    problems.push("spec.network.libvirt: needs networkName or bridge");
  }
  const allocation = spec.ipAllocation;
  if (allocation?.type === "Static" && allocation.staticConfig === undefined) {
    problems.push("spec.ipAllocation.staticConfig: is needed for type Static");
  }
  if (allocation?.type === "Pool") {
    problems.push("spec.ipAllocation.type: Pool is not served: use DHCP, Static or None");
  }
  const ready = problems.length === 0;
  return {
    problems,
    status: {
      connectedVMs: users,
      ready,
      phase: ready ? "Ready" : "Failed",
      message: ready ? "can be used" : problems.join("; "),
    },
  };
}

function trying(field: string, read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    return [`${field}: ${error instanceof Error ? error.message : String(error)}`];
  }
}
