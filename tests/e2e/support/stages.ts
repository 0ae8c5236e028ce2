/** The stages: embedded in this process, embedded in processes of its own, on a real kube-apiserver. @module */
import { join } from "node:path";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR } from "@virtrigaud/controllers";
import { loadKubeClient, NAMESPACES } from "@virtrigaud/kube";
import { Runner } from "@virtrigaud/standalone";
import { createLogger, type Logger } from "@virtrigaud/telemetry";
import { programFor, programSources } from "../../../src/cmd/standalone/programs.ts";
import { startSite } from "../../../src/cmd/standalone/site.ts";
import { parseAllYaml } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { startKubernetes } from "../../rigs/kubernetes/mod.ts";
import { baseEnv } from "./config.ts";
import { TestProcess } from "./process.ts";
import type { Stage } from "./world.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** API server, manager and runner in this process, as `virtrigaud up` has them. */
export async function embedded(folder: string): Promise<Stage> {
  const log = fileLogger(join(folder, "site.log"));
  const site = await startSite({ folder, baseEnv: baseEnv(), log: log.logger });
  return {
    name: "the embedded control plane",
    kubeconfig: site.kubeconfig,
    runnerFolder: join(folder, "providers"),
    writes: () => Promise.resolve(site.plane.revision),
    async [Symbol.asyncDispose]() {
      await site.stop();
      log.close();
    },
  };
}

/** API server with runner, and manager, each a process that can be killed. */
export async function embeddedInProcesses(folder: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const plane = stack.use(
    new TestProcess({
      name: "the control plane",
      args: [join(ROOT, "tests/e2e/support/site_main.ts"), folder, String(freePort())],
      env: baseEnv(),
      logFile: join(folder, "site.log"),
    }),
  );
  plane.start();
  const kubeconfig = join(folder, "kubeconfig-manager");
  await until("the control plane", () => Deno.stat(kubeconfig).then(() => true));
  const metricsPort = freePort();
  const manager = stack.use(managerProcess(folder, kubeconfig, metricsPort));
  manager.start();
  const client = await loadKubeClient({ kubeconfig });
  stack.defer(() => client.close());
  const running = stack.move();
  return {
    name: "the embedded control plane, in processes",
    kubeconfig: join(folder, "kubeconfig"),
    runnerFolder: join(folder, "providers"),
    plane,
    manager,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    writes: async () => Number((await client.list(NAMESPACES, { limit: 1 })).metadata.resourceVersion),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/**
 * A real kube-apiserver with the product's manifests, the manager as a process under its own service account, and the
 * runner in the part of the kubelet.
 */
export async function kubernetes(folder: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startKubernetes());
  await server.installCrds(join(ROOT, "charts/virtrigaud/crds"));
  await server.startControllers();
  await server.apply(await productManifests());
  const { kubeconfigPath: kubeconfig } = await server.account(SYSTEM, "virtrigaud-manager");
  // The authorizer sees a new binding a moment after it was acknowledged.
  await until("the rights of the manager", async () => {
    const may = await server.kubectl("auth", "can-i", "list", "virtualmachines", "--all-namespaces", `--as=${MANAGER}`);
    return may.trim() === "yes";
  });
  const log = fileLogger(join(folder, "runner.log"));
  stack.defer(() => log.close());
  const client = await loadKubeClient({ kubeconfig: server.kubeconfigPath }, { userAgent: "virtrigaud-runner" });
  stack.defer(() => client.close());
  const sources = programSources();
  const runner = new Runner({
    client,
    labelSelector: MANAGED_SELECTOR,
    folder: join(folder, "providers"),
    programOf: (image) => programFor(image, sources),
    addressAnnotation: DIAL_ADDRESS_ANNOTATION,
    baseEnv: baseEnv(),
    log: log.logger,
  });
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  const metricsPort = freePort();
  const manager = stack.use(managerProcess(folder, kubeconfig, metricsPort));
  manager.start();
  // Until an API server that starts has read all roles, it refuses everybody everything; it is not ready then.
  const startings: { readonly from: number; to: number }[] = [];
  const all = stack.move();
  return {
    name: "a real kube-apiserver",
    kubeconfig: server.kubeconfigPath,
    runnerFolder: join(folder, "providers"),
    plane: {
      kill: async () => {
        startings.push({ from: (await server.audit()).length, to: Infinity });
        await server.apiServer.kill();
      },
      start: async () => {
        await server.apiServer.start();
        const starting = startings.at(-1);
        if (starting !== undefined) starting.to = (await server.audit()).length;
      },
    },
    manager,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    writes: async () =>
      (await server.audit()).filter(({ verb, userAgent = "" }) =>
        userAgent.startsWith("virtrigaud-") && !["get", "list", "watch"].includes(verb)
      ).length,
    refusals: async () =>
      (await server.audit())
        .filter((_, index) => !startings.some(({ from, to }) => index >= from && index < to))
        .filter(({ user, responseStatus }) => user.username === MANAGER && responseStatus?.code === 403)
        .map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const SYSTEM = "virtrigaud-system";
const MANAGER = `system:serviceaccount:${SYSTEM}:virtrigaud-manager`;

/** What `kubectl apply -k deploy/kustomize/base` applies, but for what the test itself plays the part of. */
async function productManifests(): Promise<string> {
  const files = ["namespace.yaml", "manager.yaml"].map((name) => join(ROOT, "deploy/kustomize/base", name));
  const objects = (await Promise.all(files.map((file) => Deno.readTextFile(file)))).flatMap((text) =>
    parseAllYaml(text) as { readonly kind: string }[]
  );
  const played = ["Deployment", "PodDisruptionBudget"];
  const items = objects.filter(({ kind }) => !played.includes(kind));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** The manager as it runs in a cluster, but for where it finds the API server. */
function managerProcess(folder: string, kubeconfig: string, metricsPort: number): TestProcess {
  return new TestProcess({
    name: "the manager",
    args: [
      join(ROOT, "src/cmd/manager/main.ts"),
      `--kubeconfig=${kubeconfig}`,
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
      "--health-probe-bind-address=127.0.0.1:0",
    ],
    // The level at which most is said: what must not be in a log must not be in this one.
    env: { ...baseEnv(), LOG_LEVEL: "debug", LOG_SAMPLING: "false", POD_NAMESPACE: "virtrigaud-system" },
    logFile: join(folder, "manager.log"),
  });
}

/** A log in a file, at the level at which most is said. */
export function fileLogger(path: string): { readonly logger: Logger; close(): void } {
  const file = Deno.openSync(path, { create: true, append: true, mode: 0o600 });
  const encoder = new TextEncoder();
  return {
    logger: createLogger({ level: "debug", sink: (line) => void file.writeSync(encoder.encode(`${line}\n`)) }),
    close: () => file.close(),
  };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
