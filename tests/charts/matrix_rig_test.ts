/** The chart under combinations of its larger settings: each renders whole, and a real API server takes all of it. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { helmRig } from "../rigs/helm/mod.ts";
import { kubernetesRig, startKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { at, CHART, helm, isServed, type Manifest, PROVIDER_CHART, render, ROOT, type Values } from "./support/helm.ts";
import { merge } from "./support/values.ts";

const ignore = await skipWithout("charts on a cluster", "combinations of values", helmRig, kubernetesRig);

/** Settings that change what is rendered, each as it is by default and otherwise. */
const SWITCHES: readonly (readonly [off: Values, on: Values])[] = [
  [{}, { rbac: { scope: "namespace", watchNamespace: "team" } }],
  [{ manager: { replicaCount: 1 } }, { rbac: { watchSelector: "example.com/shard=blue" } }],
  [{}, { networkPolicies: { enabled: true, providerNamespaces: ["team"] } }],
  [{}, {
    observability: {
      prometheus: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } },
      grafana: { dashboards: { enabled: true } },
    },
  }],
  [{}, { certificates: { source: "certManager", issuerRef: { name: "corporate" } } }],
  [{ admission: { action: "Off" } }, { admission: { action: "Deny" } }],
  [{ crdUpgrade: { enabled: false } }, {
    fullnameOverride: "vr",
    tracing: { enabled: true, endpoint: "http://collector:4318" },
    global: { imagePullSecrets: [{ name: "registry" }] },
  }],
];

/** Eight rows in which each pair of settings meets in all four ways (the orthogonal array L8). */
const ROWS: readonly (readonly number[])[] = Array.from({ length: 8 }, (_, row) => {
  const [a, b, c] = [row & 1, (row >> 1) & 1, (row >> 2) & 1];
  return [a, b, a ^ b, c, a ^ c, b ^ c, a ^ b ^ c];
});

const idOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;

Deno.test({
  name: "helm finds nothing to complain about",
  ignore,
  async fn() {
    for (const chart of [CHART, PROVIDER_CHART]) {
      const said = await helm(["lint", "--strict", chart]);
      assert(said.includes("0 chart(s) failed"), said);
    }
  },
});

Deno.test({
  name: "every combination renders objects that are there once, belong together, and that a real API server takes",
  ignore,
  async fn(t) {
    await using rig = await startKubernetes();
    await rig.installCrds(`${ROOT}/charts/virtrigaud/crds`);
    for (const namespace of ["virtrigaud-system", "team"]) await rig.kubectl("create", "namespace", namespace);
    for (const row of ROWS) {
      const values = row.reduce<Values>((sum, on, index) => merge(sum, SWITCHES[index]?.[on] ?? {}), {});
      await t.step(row.join(""), async () => {
        const objects = await render(values);
        const ids = objects.map(idOf);
        assertEquals(ids.filter((id, index) => ids.indexOf(id) !== index), []);
        for (const binding of objects.filter(({ kind }) => kind.endsWith("RoleBinding"))) {
          const role = idOf({
            ...binding,
            kind: String(at(binding, "roleRef.kind")),
            metadata: { ...binding.metadata, name: String(at(binding, "roleRef.name")) },
          });
          assert(ids.includes(role), `${idOf(binding)} binds ${role}, which is not there`);
        }
        const known = objects.filter(isServed);
        const file = await Deno.makeTempFile({ suffix: ".json" });
        try {
          await Deno.writeTextFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: known }));
          const said = await rig.kubectl("create", "--dry-run=server", "--validate=strict", "-f", file);
          assertEquals(said.trim().split("\n").length, known.length);
        } finally {
          await Deno.remove(file);
        }
      });
    }
  },
});
