/** What is wrong with a class, an image or a network, whatever the VM. Pure. @module */
import {
  PROVIDER_TYPES,
  type ProviderType,
  quantityToMiB,
  unsupportedFields,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import { brokenRules } from "../shared/object_rules.ts";
import type { Validity } from "./decide.ts";

/** Provider types that there is a provider for. */
const TYPES: readonly ProviderType[] = PROVIDER_TYPES.filter((type) => type !== "qemu" && type !== "firecracker");

/** A class: sizes that can be read, hardware that goes together, and which provider types honour all of it. */
export function classValidity(vmClass: VMClass, users: number): Validity {
  const { spec } = vmClass;
  const problems = [
    ...broken(vmClass),
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
  const problems = broken(image);
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
  const problems = broken(network);
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

const broken = (object: { readonly kind: string }): string[] =>
  brokenRules(object).map(({ field, message }) => `${field}: ${message}`);

function trying(field: string, read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    return [`${field}: ${error instanceof Error ? error.message : String(error)}`];
  }
}
