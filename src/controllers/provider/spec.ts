/** What a Provider's spec comes to where it leaves something out. Pure. @module */
import { type Provider, unsupportedFields } from "@virtrigaud/api";
import type { UntypedObject } from "@virtrigaud/kube";
import { tlsSecretName } from "./names.ts";

/** How transport security is set up. */
export function tlsMode({ spec }: Provider): "Managed" | "Secret" | "Disabled" {
  const tls = spec.runtime.service?.tls;
  if (tls?.enabled === false) return "Disabled";
  return tls?.secretRef?.name === undefined ? "Managed" : "Secret";
}

/** Name of the Secret with the server certificate; `undefined` in plain text. */
export function tlsSecretOf(provider: Provider): string | undefined {
  switch (tlsMode(provider)) {
    case "Disabled":
      return undefined;
    case "Secret":
      return provider.spec.runtime.service?.tls?.secretRef?.name;
    case "Managed":
      return tlsSecretName(provider);
  }
}

/** Set fields that this provider's type does not honour. */
export function dishonoured(provider: Provider): string[] {
  return unsupportedFields(provider, provider.spec.type);
}

/** Pods of the Deployment that are ready. */
export function readyReplicas(deployment: UntypedObject | undefined): number {
  const status = deployment?.status as { readyReplicas?: number } | undefined;
  return status?.readyReplicas ?? 0;
}
