/** For every value of the chart virtrigaud-provider-runtime: a setting of it, and what of the manifests it becomes. @module */
import type { Values } from "./support/helm.ts";
import type { Effect } from "./values_effects.ts";

const provider = (at: string, set: unknown, is: unknown = set): Effect => ({ set, in: "Provider", at, is });
const image = (set: unknown, is: string): Effect => provider("spec.runtime.image", set, is);
const MOCK = "projectbeskar/virtrigaud/provider-mock";
const restricted: Values = { networkPolicy: { enabled: true, hypervisor: { cidrs: ["10.0.0.1/32"] } } };
const policy = (at: string, set: unknown, is: unknown = set): Effect => ({
  set,
  beside: restricted,
  in: "NetworkPolicy",
  at,
  is,
});

/** Effects by the path of the value. */
export const PROVIDER_EFFECTS: Readonly<Record<string, Effect>> = {
  name: provider("metadata.name", "kvm"),
  type: provider("spec.type", "libvirt"),
  endpoint: provider("spec.endpoint", "mock://localhost?networks=a"),
  "image.registry": image("registry.example.com:5000", `registry.example.com:5000/${MOCK}:v0.1.0`),
  "image.repository": image("other/mock", "ghcr.io/other/mock:v0.1.0"),
  "image.tag": image("v9", `ghcr.io/${MOCK}:v9`),
  "image.digest": image(`sha256:${"a".repeat(64)}`, `ghcr.io/${MOCK}@sha256:${"a".repeat(64)}`),
  "image.pullPolicy": provider("spec.runtime.imagePullPolicy", "Always"),
  imagePullSecrets: provider("spec.runtime.imagePullSecrets", [{ name: "mine" }]),
  "credentials.existingSecret": provider("spec.credentialSecretRef.name", "mine"),
  "credentials.data": { set: { username: "a" }, in: "Secret", at: "stringData" },
  runtime: provider("spec.runtime.logLevel", { logLevel: "debug" }, "debug"),
  spec: provider("spec.insecureSkipVerify", { insecureSkipVerify: true }, true),
  "networkPolicy.enabled": { set: true, in: "NetworkPolicy", at: "spec.policyTypes", is: ["Ingress", "Egress"] },
  "networkPolicy.managerNamespace": policy(
    "spec.ingress.0.from.0.namespaceSelector.matchLabels",
    "infra",
    { "kubernetes.io/metadata.name": "infra" },
  ),
  "networkPolicy.metricsFrom": policy("spec.ingress.1.from.0.namespaceSelector", { matchLabels: { a: "b" } }),
  "networkPolicy.hypervisor.cidrs": policy("spec.egress.1.to", ["10.9.0.0/16"], [{ ipBlock: { cidr: "10.9.0.0/16" } }]),
  "networkPolicy.hypervisor.ports": policy("spec.egress.1.ports", [22], [{ port: 22, protocol: "TCP" }]),
};
