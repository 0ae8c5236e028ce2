/** What keeps a Provider from being run. Pure. @module */
import { brokenRules } from "../shared/object_rules.ts";
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
  const { namespace } = provider.metadata;
  const broken = brokenRules(provider);
  if (broken.length > 0) {
    return {
      reason: broken.some(({ field }) => field === "spec.type") ? "UnsupportedType" : "InvalidConfiguration",
      message: broken.map(({ field, message }) => `${field}: ${message}`).join("; "),
      stalled: true,
    };
  }
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
