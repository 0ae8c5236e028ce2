/** What keeps a Provider from being run. Pure. @module */
import { parseDuration, type Provider } from "@virtrigaud/api";
import type { ProviderInput } from "./input.ts";
import { tlsMode } from "./spec.ts";

/** Why it cannot be run now. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
  /** Nothing helps but a change by a person. */
  readonly stalled: boolean;
}

/** What stands in the way of running this provider. */
export function obstacleOf({ provider, credentials, tls }: ProviderInput): Obstacle | undefined {
  const { credentialSecretRef, type } = provider.spec;
  const { namespace } = provider.metadata;
  if (type === "firecracker" || type === "qemu") {
    return {
      reason: "UnsupportedType",
      message: `spec.type ${type} is a reserved name without a provider: use libvirt, vsphere, proxmox or mock`,
      stalled: true,
    };
  }
  if (credentialSecretRef?.namespace !== undefined && credentialSecretRef.namespace !== namespace) {
    return {
      reason: "InvalidConfiguration",
      message:
        `spec.credentialSecretRef.namespace is "${credentialSecretRef.namespace}", but pods can only mount Secrets of ` +
        `their own namespace "${namespace}": put the Secret there and leave the field out`,
      stalled: true,
    };
  }
  const bad = badDuration(provider);
  if (bad !== undefined) return { reason: "InvalidConfiguration", message: bad, stalled: true };
  if (credentials?.type === "Missing") {
    return {
      reason: "CredentialsMissing",
      message: `spec.credentialSecretRef: Secret "${credentials.name}" does not exist in namespace "${namespace}"`,
      stalled: false,
    };
  }
  if (credentials?.type === "Unknown") return { reason: "Starting", message: "looks for its Secrets", stalled: false };
  if (tls?.secret.type === "Missing" || tls?.secret.type === "Unknown") {
    const managed = tlsMode(provider) === "Managed";
    return {
      reason: managed ? "Starting" : tls.secret.type === "Missing" ? "TLSSecretMissing" : "Starting",
      message: managed
        ? "its certificate is being issued"
        : `spec.runtime.service.tls.secretRef: Secret "${tls.secret.name}" does not exist in namespace "${namespace}"`,
      stalled: false,
    };
  }
  if (tlsMode(provider) === "Secret" && tls !== undefined && tls.certificate === undefined) {
    return {
      reason: "TLSSecretInvalid",
      message: `spec.runtime.service.tls.secretRef: Secret "${tls.secret.name}" has no usable certificate: ` +
        `put PEM texts into tls.crt, tls.key and ca.crt`,
      stalled: false,
    };
  }
  return undefined;
}

function badDuration({ spec }: Provider): string | undefined {
  for (const field of ["interval", "timeout"] as const) {
    try {
      parseDuration(spec.healthCheck?.[field] ?? "1s");
    } catch (error) {
      return `spec.healthCheck.${field}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return undefined;
}
