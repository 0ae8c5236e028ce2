/** The two API servers that the product is measured on, and how their writes are counted. @module */
import { fileURLToPath } from "node:url";
import { kinds } from "@virtrigaud/api";
import { KubeClient } from "@virtrigaud/kube";
import { startControlPlane, writePrivate } from "@virtrigaud/standalone";
import { startKubernetes } from "../rigs/kubernetes/mod.ts";

/** Which API server. */
export type PlaneType = "embedded" | "kubernetes";

/** Writes of the manager so far, by verb and resource, such as `update virtualmachines/status` or `create events`. */
export type WriteCounts = Readonly<Record<string, number>>;

/** An API server with an administrator's client, and a kubeconfig for the manager. */
export interface ApiServer extends AsyncDisposable {
  readonly client: KubeClient;
  readonly managerKubeconfig: string;
  /** Every request of the manager that was to change something, refused ones included. */
  writes(): Promise<WriteCounts>;
}

const WRITES = new Set(["create", "update", "patch", "delete", "deletecollection"]);

/** Starts one; `folder` keeps its files. */
export function startApiServer(type: PlaneType, folder: string): Promise<ApiServer> {
  switch (type) {
    case "embedded":
      return startEmbedded(folder);
    case "kubernetes":
      return startReal();
  }
}

/** Counted by the authorizer, which is asked about every request. */
async function startEmbedded(folder: string): Promise<ApiServer> {
  const counts: Record<string, number> = {};
  const plane = await startControlPlane({
    dataDir: `${folder}/control-plane`,
    kinds,
    authorize: ({ name }, { verb, resource, subresource }) => {
      if (name === "manager" && WRITES.has(verb)) count(counts, verb, resource, subresource);
      return true;
    },
  });
  const token = plane.tokens.find(({ name }) => name === "admin")?.token ?? "";
  const client = new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token, userAgent: "virtrigaud-bench" });
  const managerKubeconfig = `${folder}/kubeconfig-manager`;
  await writePrivate(managerKubeconfig, plane.kubeconfig("manager"));
  return {
    client,
    managerKubeconfig,
    writes: () => Promise.resolve({ ...counts }),
    async [Symbol.asyncDispose]() {
      client.close();
      await plane.close();
    },
  };
}

/** Counted in the audit log. */
async function startReal(): Promise<ApiServer> {
  const kubernetes = await startKubernetes();
  try {
    await kubernetes.installCrds(fileURLToPath(new URL("../../charts/virtrigaud/crds", import.meta.url)));
    const manager = await kubernetes.user("manager", ["system:masters"]);
    const { url, caPem, admin: { certPem, keyPem } } = kubernetes;
    const client = new KubeClient({ baseUrl: url, caPem, certPem, keyPem, userAgent: "virtrigaud-bench" });
    return {
      client,
      managerKubeconfig: manager.kubeconfigPath,
      async writes() {
        const counts: Record<string, number> = {};
        for (const { verb, user, objectRef } of await kubernetes.audit()) {
          if (user.username !== "manager" || !WRITES.has(verb)) continue;
          count(counts, verb, objectRef?.resource ?? "", objectRef?.subresource ?? "");
        }
        return counts;
      },
      async [Symbol.asyncDispose]() {
        client.close();
        await kubernetes.stop();
      },
    };
  } catch (error) {
    await kubernetes.stop();
    throw error;
  }
}

function count(counts: Record<string, number>, verb: string, resource: string, subresource: string): void {
  const name = `${verb} ${resource}${subresource === "" ? "" : `/${subresource}`}`;
  counts[name] = (counts[name] ?? 0) + 1;
}

/** All of them. */
export function sumOf(counts: WriteCounts): number {
  return Object.values(counts).reduce((sum, number) => sum + number, 0);
}

/** Those that are in `after` and not yet in `before`. */
export function writesBetween(before: WriteCounts, after: WriteCounts): WriteCounts {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, number]) => [name, number - (before[name] ?? 0)] as const)
      .filter(([, number]) => number > 0),
  );
}
