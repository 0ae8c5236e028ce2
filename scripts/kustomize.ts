/**
 * `deno task kustomize`: writes the manifests under deploy/kustomize from the chart, so that there is one source. Needs
 * Helm. A test fails when they are stale.
 */
import { findChartTool } from "../tests/rigs/helm/mod.ts";
import { run } from "../tests/rigs/command.ts";
import { assertDenoVersion } from "../src/telemetry/deno_version.ts";

const ROOT = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const NAMESPACE = "virtrigaud-system";
const NOTICE = "# Made by `deno task kustomize` from charts/virtrigaud; do not edit.\n";

/**
 * Definitions are applied on their own (they are too large for a client-side apply), so the hook has nothing to do; and
 * policies are an overlay of their own, which `deno task generate` writes, since not every cluster takes them.
 */
const WITHOUT_HOOK = { crdUpgrade: { enabled: false }, admission: { action: "Off" } };

/** Rendered files, with the values that they are rendered with and, if not all of it, the template that is taken. */
const RENDERED: Readonly<Record<string, { readonly values: Record<string, unknown>; readonly only?: string }>> = {
  "base/manager.yaml": { values: WITHOUT_HOOK },
  "namespaced/manager.yaml": { values: { ...WITHOUT_HOOK, rbac: { scope: "namespace" } } },
  "overlays/restricted/networkpolicy.yaml": {
    values: { ...WITHOUT_HOOK, networkPolicies: { enabled: true } },
    only: "templates/networkpolicy.yaml",
  },
  "overlays/monitored/monitoring.yaml": {
    values: {
      ...WITHOUT_HOOK,
      observability: {
        prometheus: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } },
        grafana: { dashboards: { enabled: true } },
      },
    },
    only: "templates/monitoring.yaml",
  },
};

/** Text of each file by its path below deploy/kustomize. @throws without Helm */
export async function kustomizeFiles(): Promise<Map<string, string>> {
  const helm = findChartTool("helm");
  if (helm === undefined) throw new Error("helm is missing: deno task setup builds it where there is Go");
  const files = new Map<string, string>();
  for (const [path, { values, only }] of Object.entries(RENDERED)) {
    const text = await run([
      helm,
      "template",
      "virtrigaud",
      `${ROOT}/charts/virtrigaud`,
      `--namespace=${NAMESPACE}`,
      "--kube-version=1.36.3",
      "--values=-",
      ...only === undefined ? [] : [`--show-only=${only}`],
    ], { input: JSON.stringify(values) });
    // Helm does not own these.
    files.set(
      path,
      NOTICE +
        text.split("\n").filter((line) =>
          !/^\s*(# Source:|helm\.sh\/chart:|app\.kubernetes\.io\/managed-by: Helm)/.test(line)
        )
          .join("\n"),
    );
  }
  return files;
}

if (import.meta.main) {
  assertDenoVersion();
  for (const [path, text] of await kustomizeFiles()) {
    await Deno.writeTextFile(`${ROOT}/deploy/kustomize/${path}`, text);
    console.log(`deploy/kustomize/${path}`);
  }
}
