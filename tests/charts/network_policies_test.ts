/**
 * Who can reach whom under the charts' network policies: the policies as rendered, evaluated for pods as they are made.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { API_VERSION, type Provider } from "@virtrigaud/api";
import { deployment } from "../../src/controllers/provider/runtime_objects.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { allowed, type Peer, type Policy } from "./support/network_policy.ts";
import { at, type Manifest, one, PROVIDER_CHART, render } from "./support/helm.ts";

const ignore = await skipWithout("charts", "network policies", helmRig);

const [SYSTEM, TEAM] = ["virtrigaud-system", "team"];
const HYPERVISOR: Peer = { type: "Address", ip: "10.0.0.7" };
const API_SERVER: Peer = { type: "Address", ip: "10.96.0.9" };
const INTERNET: Peer = { type: "Address", ip: "203.0.113.5" };

/** A pod of a Deployment as it is made. */
function podOf(deployment: unknown, namespace: string): Extract<Peer, { type: "Pod" }> {
  const ports = at(deployment, "spec.template.spec.containers.0.ports") as { name: string; containerPort: number }[];
  return {
    type: "Pod",
    namespace,
    namespaceLabels: { "kubernetes.io/metadata.name": namespace },
    labels: at(deployment, "spec.template.metadata.labels") as Readonly<Record<string, string>>,
    ports: Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort])),
  };
}

const pod = (namespace: string, labels: Readonly<Record<string, string>>): Peer => ({
  type: "Pod",
  namespace,
  namespaceLabels: { "kubernetes.io/metadata.name": namespace },
  labels,
  ports: {},
});
const DNS = pod("kube-system", { "k8s-app": "kube-dns" });
const PROMETHEUS = pod("monitoring", { app: "prometheus" });
const STRANGER = pod(TEAM, { app: "web" });

const PROVIDER: Provider = {
  apiVersion: API_VERSION,
  kind: "Provider",
  metadata: { name: "kvm", namespace: TEAM, uid: "u" },
  spec: { type: "libvirt", endpoint: "qemu+ssh://root@kvm/system", runtime: { image: "i" } },
};

const policiesIn = (objects: readonly Manifest[]): Policy[] =>
  objects.filter(({ kind }) => kind === "NetworkPolicy") as unknown as Policy[];

Deno.test({
  name: "the manager reaches providers, DNS and the API server; a provider its hypervisor; and nobody anything else",
  ignore,
  async fn(t) {
    const monitoring = { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } };
    const objects = await render({
      networkPolicies: {
        enabled: true,
        apiServer: { cidrs: ["10.96.0.0/24"], ports: [6443] },
        metricsFrom: monitoring,
        providerNamespaces: [TEAM],
      },
    });
    const provider = await render({
      networkPolicy: { enabled: true, metricsFrom: monitoring, hypervisor: { cidrs: ["10.0.0.7/32"], ports: [22] } },
    }, { chart: PROVIDER_CHART, release: "kvm", namespace: TEAM });
    const policies = [...policiesIn(objects), ...policiesIn(provider)];
    assertEquals(policies.length, 3);
    const MANAGER = podOf(one(objects, "Deployment"), SYSTEM);
    const KVM = podOf(deployment(PROVIDER, { allowedSans: [] }), TEAM);
    const OTHER = podOf(
      deployment({ ...PROVIDER, metadata: { ...PROVIDER.metadata, name: "other" } }, { allowedSans: [] }),
      TEAM,
    );

    const flows:
      readonly (readonly [from: Peer, to: Peer, port: number, protocol: "TCP" | "UDP", yes: boolean, what: string])[] =
        [
          [MANAGER, KVM, 9443, "TCP", true, "manager to provider"],
          [MANAGER, OTHER, 9443, "TCP", true, "manager to a provider without a policy of its own"],
          [MANAGER, API_SERVER, 6443, "TCP", true, "manager to API server"],
          [MANAGER, DNS, 53, "UDP", true, "manager to DNS"],
          [MANAGER, HYPERVISOR, 22, "TCP", false, "manager to hypervisor"],
          [MANAGER, INTERNET, 443, "TCP", false, "manager to the internet"],
          [MANAGER, STRANGER, 80, "TCP", false, "manager to somebody else's pod"],
          [KVM, HYPERVISOR, 22, "TCP", true, "provider to its hypervisor"],
          [KVM, HYPERVISOR, 16509, "TCP", false, "provider to another port of its hypervisor"],
          [KVM, DNS, 53, "TCP", true, "provider to DNS"],
          [KVM, API_SERVER, 6443, "TCP", false, "provider to API server"],
          [KVM, INTERNET, 443, "TCP", false, "provider to the internet"],
          [KVM, OTHER, 9443, "TCP", false, "provider to provider"],
          [KVM, MANAGER, 8080, "TCP", false, "provider to manager"],
          [STRANGER, KVM, 9443, "TCP", false, "stranger to provider"],
          [STRANGER, OTHER, 9443, "TCP", false, "stranger to a provider without a policy of its own"],
          [STRANGER, KVM, 8080, "TCP", false, "stranger to the provider's metrics"],
          [STRANGER, MANAGER, 8080, "TCP", false, "stranger to the manager's metrics"],
          [PROMETHEUS, MANAGER, 8080, "TCP", true, "Prometheus to the manager's metrics"],
          [PROMETHEUS, KVM, 8080, "TCP", true, "Prometheus to the provider's metrics"],
          [PROMETHEUS, KVM, 9443, "TCP", false, "Prometheus to the provider's calls"],
        ];
    for (const [from, to, port, protocol, yes, what] of flows) {
      await t.step(`${what}: ${yes ? "yes" : "no"}`, () => {
        assertEquals(allowed(policies, { from, to, port, protocol }), yes);
      });
    }
    await t.step("without the policies everything could be reached, so that the answers above are theirs", () => {
      assert(flows.every(([from, to, port, protocol]) => allowed([], { from, to, port, protocol })));
    });
  },
});
