/**
 * What selects pods and Services selects them as they are made: Service, disruption budget, spread and monitors of the
 * manager, and the monitor of the providers.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { API_VERSION, type Provider } from "@virtrigaud/api";
import { deployment, service } from "../../src/controllers/provider/runtime_objects.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { at, one, render, type Values } from "./support/helm.ts";

const ignore = await skipWithout("charts", "selectors", helmRig);

type Labels = Readonly<Record<string, string>>;
type Port = Readonly<{ name: string; targetPort?: string | number; containerPort?: number }>;

const selects = (selector: unknown, labels: unknown): boolean => {
  const wanted = Object.entries(selector as Labels);
  return wanted.length > 0 && wanted.every(([key, value]) => (labels as Labels)[key] === value);
};

const PROVIDER: Provider = {
  apiVersion: API_VERSION,
  kind: "Provider",
  metadata: { name: "kvm", namespace: "team", uid: "u" },
  spec: { type: "libvirt", endpoint: "qemu+ssh://root@kvm/system", runtime: { image: "i" } },
};
const POD_LABELS = "spec.template.metadata.labels";

Deno.test({
  name: "the manager's Service, disruption budget, spread and monitor select its pods, and no provider's",
  ignore,
  async fn() {
    const names: readonly Values[] = [{}, { fullnameOverride: "vr" }, { nameOverride: "other" }];
    for (const values of names) {
      const objects = await render({
        ...values,
        observability: { prometheus: { serviceMonitor: { enabled: true, providers: false } } },
      });
      const [manager, front] = [one(objects, "Deployment"), one(objects, "Service")];
      const provider = deployment(PROVIDER, { allowedSans: [] });
      const selectors: Readonly<Record<string, unknown>> = {
        Deployment: at(manager, "spec.selector.matchLabels"),
        Service: at(front, "spec.selector"),
        PodDisruptionBudget: at(one(objects, "PodDisruptionBudget"), "spec.selector.matchLabels"),
        spread: at(manager, "spec.template.spec.topologySpreadConstraints.0.labelSelector.matchLabels"),
      };
      for (const [what, selector] of Object.entries(selectors)) {
        const answers = [selects(selector, at(manager, POD_LABELS)), selects(selector, at(provider, POD_LABELS))];
        assertEquals([what, ...answers], [what, true, false]);
      }
      const monitor = one(objects, "ServiceMonitor");
      assert(selects(at(monitor, "spec.selector.matchLabels"), front.metadata.labels));
      const [port] = at(front, "spec.ports") as Port[];
      assertEquals(at(monitor, "spec.endpoints.0.port"), port?.name);
      const ports = at(manager, "spec.template.spec.containers.0.ports") as Port[];
      assert(ports.some(({ name }) => name === port?.targetPort), "the Service names a port that the pod does not");
    }
  },
});

Deno.test({
  name:
    "the monitor of providers selects the Services that the manager makes for them, and takes labels that they have",
  ignore,
  async fn() {
    const objects = await render({ observability: { prometheus: { serviceMonitor: { enabled: true } } } });
    const monitor = one(objects, "ServiceMonitor", "virtrigaud-providers");
    const front = service(PROVIDER);
    const { labels = {} } = front.metadata;
    assert(selects(at(monitor, "spec.selector.matchLabels"), labels));
    assert(!selects(at(monitor, "spec.selector.matchLabels"), one(objects, "Service").metadata.labels));
    for (const label of at(monitor, "spec.targetLabels") as string[]) assert(label in labels, label);
    const found = (at(front, "spec.ports") as Port[]).find(({ name }) => name === at(monitor, "spec.endpoints.0.port"));
    const ports = at(deployment(PROVIDER, { allowedSans: [] }), "spec.template.spec.containers.0.ports") as Port[];
    assert(ports.some(({ containerPort }) => containerPort === found?.targetPort));
    const confined = await render({
      rbac: { scope: "namespace", watchNamespace: "team" },
      observability: { prometheus: { serviceMonitor: { enabled: true } } },
    });
    const namespaces = at(one(confined, "ServiceMonitor", "virtrigaud-providers"), "spec.namespaceSelector");
    assertEquals(namespaces, { matchNames: ["team"] });
  },
});
