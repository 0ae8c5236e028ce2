/** The whole product on this machine: API server, manager and runner in one process, providers in their own. @module */
import { join } from "node:path";
import { admissionPolicies, kinds } from "@virtrigaud/api";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR } from "@virtrigaud/controllers";
import { isAlreadyExists, KubeClient, type KubeClientOptions, NAMESPACES } from "@virtrigaud/kube";
import { observeRequests } from "@virtrigaud/runtime";
import { type ControlPlane, Runner, startControlPlane, writePrivate } from "@virtrigaud/standalone";
import { type Logger, serveHealth, silentLogger } from "@virtrigaud/telemetry";
import { assembleManager, type ManagerRole } from "../manager/assemble.ts";
import { managerMetrics } from "../manager/metrics.ts";
import { programFor, programSources } from "./programs.ts";

/** Options of {@linkcode startSite}. */
export interface SiteOptions {
  /** Folder of everything that is kept: database, certificates, logs. */
  readonly folder: string;
  /** Port of the API server on 127.0.0.1. Default 0: any free one. */
  readonly port?: number;
  /** Port of /metrics, /healthz and /readyz on 127.0.0.1; 0: any free one. Default: they are not served. */
  readonly metricsPort?: number;
  /** Without it only API server and runner are started, for a manager of its own. Default true. */
  readonly withManager?: boolean;
  readonly log?: Logger;
  /** Variables of this machine that provider processes get. */
  readonly baseEnv: Readonly<Record<string, string>>;
}

/** A running site. */
export interface Site extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly runner: Runner;
  readonly manager?: ManagerRole;
  /** Where it tells its metrics, if it does. */
  readonly metricsUrl?: string;
  /** File of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Acts as the administrator. */
  readonly client: KubeClient;
  /** Rejects when a part of the site fails by itself; never resolves before the end. */
  readonly failed: Promise<void>;
  /** Ends everything in order: manager, providers, API server. */
  stop(): Promise<void>;
}

/** Namespace of the manager. */
export const SYSTEM_NAMESPACE = "virtrigaud-system";

/** Starts a site. @throws what {@linkcode startControlPlane} throws */
export async function startSite(options: SiteOptions): Promise<Site> {
  const { folder, baseEnv, log = silentLogger } = options;
  const plane = await startControlPlane({
    dataDir: join(folder, "control-plane"),
    kinds,
    // As the chart does by default.
    admission: { policies: admissionPolicies(kinds), action: "Warn" },
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  const clientFor = (user: string, more: Partial<KubeClientOptions> = {}): KubeClient => {
    const token = plane.tokens.find(({ name }) => name === user)?.token ?? "";
    return new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token, userAgent: `virtrigaud-${user}`, ...more });
  };
  const metrics = options.metricsPort === undefined ? undefined : managerMetrics("virtrigaud");
  const admin = clientFor("admin");
  const manager = clientFor("manager", metrics === undefined ? {} : { onRequest: observeRequests(metrics) });
  const kubelet = clientFor("admin");
  const kubeconfig = join(folder, "kubeconfig");
  await writePrivate(kubeconfig, plane.kubeconfig("admin"));
  await writePrivate(join(folder, "kubeconfig-manager"), plane.kubeconfig("manager"));
  await createNamespace(admin, SYSTEM_NAMESPACE);

  const sources = programSources();
  const runner = new Runner({
    client: kubelet,
    labelSelector: MANAGED_SELECTOR,
    folder: join(folder, "providers"),
    programOf: (image) => programFor(image, sources),
    addressAnnotation: DIAL_ADDRESS_ANNOTATION,
    baseEnv,
    log: log.with({ component: "runner" }),
  });
  const role = options.withManager === false ? undefined : await assembleManager({
    client: manager,
    namespace: SYSTEM_NAMESPACE,
    identity: `standalone_${crypto.randomUUID().slice(0, 8)}`,
    log: log.with({ component: "manager" }),
    ...(metrics === undefined ? {} : { metrics }),
  });
  const health = metrics === undefined ? undefined : serveHealth({
    port: options.metricsPort ?? 0,
    host: "127.0.0.1",
    metrics,
    log,
    ...(role === undefined ? {} : { ready: role.ready }),
  });
  const stopManager = new AbortController();
  const stopRunner = new AbortController();
  const managing = role?.run(stopManager.signal) ?? Promise.resolve();
  const running = runner.run(stopRunner.signal);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    stopping ??= (async () => {
      stopManager.abort();
      await managing.catch(() => {});
      stopRunner.abort();
      await running.catch(() => {});
      await health?.shutdown();
      for (const client of [admin, manager, kubelet]) client.close();
      await plane.close();
    })();
  return {
    plane,
    runner,
    ...(role === undefined ? {} : { manager: role }),
    ...(health === undefined ? {} : { metricsUrl: `http://127.0.0.1:${health.port}/metrics` }),
    kubeconfig,
    client: admin,
    failed: Promise.all([managing, running]).then(() => new Promise<void>(() => {})),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function createNamespace(client: KubeClient, name: string): Promise<void> {
  try {
    await client.create(NAMESPACES, { metadata: { name } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
