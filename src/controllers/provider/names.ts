/** Names and labels of what the manager makes for a Provider. Pure. @module */
import { type Provider, PROVIDER_LABEL } from "@virtrigaud/api";
import { digestOf } from "../shared/digest.ts";

/** Longest name of a Service, since it becomes a DNS label. */
const MAX_LABEL = 63;

/**
 * Name of Deployment, Service and ServiceAccount, in the Provider's namespace and unique there. A name that is too long
 * for a DNS label, or has dots, which labels cannot, keeps its beginning and ends in a digest of the whole.
 */
export function runtimeName(provider: Provider): string {
  const { namespace = "", name } = provider.metadata;
  const full = `virtrigaud-provider-${namespace}-${name}`;
  if (full.length <= MAX_LABEL && !name.includes(".")) return full;
  return `${full.replaceAll(".", "-").slice(0, MAX_LABEL - 9)}-${digestOf(`${namespace}/${name}`).slice(0, 8)}`;
}

/** Name of the Secret with the certificate that the manager issues. */
export function tlsSecretName(provider: Provider): string {
  return `${runtimeName(provider)}-tls`;
}

/** DNS name of the provider's Service, which is also the name that its certificate is checked for. */
export function serviceHost(provider: Provider): string {
  return `${runtimeName(provider)}.${provider.metadata.namespace ?? ""}.svc.cluster.local`;
}

/** Names that a certificate of the provider has to carry. */
export function certificateNames(provider: Provider): string[] {
  const name = runtimeName(provider);
  const { namespace = "" } = provider.metadata;
  return [serviceHost(provider), `${name}.${namespace}.svc`, `${name}.${namespace}`, name];
}

/** Port of the gRPC service. */
export function servicePort(provider: Provider): number {
  return provider.spec.runtime.service?.port ?? 9443;
}

/** Port of probes and metrics. */
export const HEALTH_PORT = 8080;

/** Labels that select the provider's pods. They never change: selectors cannot. */
export function selectorLabels(provider: Provider): Record<string, string> {
  return {
    "app.kubernetes.io/name": "virtrigaud-provider",
    "app.kubernetes.io/instance": labelValue(provider.metadata.name),
  };
}

/** Labels on everything that is made for the provider. */
export function objectLabels(provider: Provider): Record<string, string> {
  return {
    ...selectorLabels(provider),
    "app.kubernetes.io/component": "provider",
    "app.kubernetes.io/managed-by": "virtrigaud",
    "virtrigaud.io/provider-type": provider.spec.type,
    [PROVIDER_LABEL]: labelValue(provider.metadata.name),
  };
}

/** Selects all that {@linkcode objectLabels} is on. */
export const MANAGED_SELECTOR = "app.kubernetes.io/managed-by=virtrigaud";

function labelValue(name: string): string {
  return name.length <= MAX_LABEL ? name : `${name.slice(0, MAX_LABEL - 9)}-${digestOf(name).slice(0, 8)}`;
}
