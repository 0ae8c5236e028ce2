/**
 * A cluster to install charts on: the real API server, and in place of nodes what runs their pods: the runner of the
 * standalone for providers, and processes for the chart's Job and its Deployment, each with the arguments and variables
 * of its container and with a token of its own service account.
 *
 * @module
 */
import { programFor, programSources } from "../../../src/cmd/standalone/programs.ts";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR } from "@virtrigaud/controllers";
import { type KubeClient, loadKubeClient, resourceType, type UntypedObject } from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { Runner } from "@virtrigaud/standalone";
import { type Kubernetes, type KubernetesOptions, startKubernetes } from "../../rigs/kubernetes/mod.ts";
import { at, CHART, helm, ROOT, type Values } from "./helm.ts";

const JOBS = resourceType<UntypedObject>({
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  namespaced: true,
});
const DEPLOYMENTS = resourceType<UntypedObject>({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
});

/** A process that stands for a pod. */
export interface Pod extends AsyncDisposable {
  /** Resolves when it ends by itself, or is ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Ports of its listeners on loopback. */
  readonly metricsPort: number;
  readonly healthPort: number;
  /** What it wrote so far. */
  log(): string;
  /** Ends it; "KILL" gives it no time. */
  stop(signal?: "TERM" | "KILL"): Promise<void>;
}

/** A cluster for chart tests. */
export interface ChartCluster extends AsyncDisposable {
  readonly rig: Kubernetes;
  /** Acts as the administrator. */
  readonly client: KubeClient;
  readonly folder: string;
  /** `helm` with these arguments on this cluster. */
  helm(...args: string[]): Promise<string>;
  /** Installs or upgrades the release `virtrigaud` and carries out the Job of its hook, if it has one. */
  release(command: "install" | "upgrade", options?: ReleaseOptions): Promise<void>;
  /** Runs the manager as the Deployment of the release says. */
  manager(options?: { readonly namespace?: string; readonly name?: string }): Promise<Pod>;
  /** Port of probes and metrics of a provider's process (`namespace/name` of its Deployment). */
  providerPort(deployment: string): number | undefined;
  /** A kubeconfig for a service account. */
  account(namespace: string, name: string): Promise<string>;
}

/** Options of {@linkcode ChartCluster.release}. */
export interface ReleaseOptions {
  readonly namespace?: string;
  readonly values?: Values;
  readonly args?: readonly string[];
  /** Default: the chart of this repository. */
  readonly chart?: string;
}

/** Starts a cluster. */
export async function startCluster(options: KubernetesOptions = {}): Promise<ChartCluster> {
  await using held = new AsyncDisposableStack();
  const rig = held.use(await startKubernetes(options));
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-chart-" });
  held.defer(() => Deno.remove(folder, { recursive: true }));
  const client = await loadKubeClient({ kubeconfig: rig.kubeconfigPath }, { userAgent: "test" });
  held.defer(() => client.close());
  const stopRunner = new AbortController();
  const sources = programSources();
  const runner = new Runner({
    client,
    labelSelector: MANAGED_SELECTOR,
    folder: `${folder}/providers`,
    programOf: (image) => programFor(image, sources),
    addressAnnotation: DIAL_ADDRESS_ANNOTATION,
    baseEnv: baseEnv(),
  });
  const running = runner.run(stopRunner.signal);
  held.defer(async () => {
    stopRunner.abort();
    await running;
  });

  const account: ChartCluster["account"] = async (namespace, name) =>
    (await rig.account(namespace, name)).kubeconfigPath;
  const helmHere = (...args: string[]) => helm(args, { kubeconfig: rig.kubeconfigPath });
  const all = held.move();
  return {
    rig,
    client,
    folder,
    account,
    helm: helmHere,
    providerPort(deployment) {
      const pid = runner.pidOf(deployment);
      if (pid === undefined) return undefined;
      const port = /--health-port=(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/cmdline`))?.[1];
      return port === undefined ? undefined : Number(port);
    },
    async release(command, { namespace = "virtrigaud-system", values = {}, args = [], chart = CHART } = {}) {
      const done = new AbortController();
      const releasing = helm([
        command,
        "virtrigaud",
        chart,
        `--namespace=${namespace}`,
        ...command === "install" ? ["--create-namespace"] : [],
        "--timeout=120s",
        "--values=-",
        ...args,
      ], { kubeconfig: rig.kubeconfigPath, input: JSON.stringify(values) }).finally(() => done.abort());
      const [released, hook] = await Promise.allSettled([
        releasing,
        runHookJob(client, namespace, account, done.signal),
      ]);
      if (hook.status === "rejected" && !done.signal.aborted) throw hook.reason;
      if (released.status === "rejected") {
        throw new Error(`${released.reason} ${hook.status === "rejected" ? "" : hook.value}`);
      }
    },
    async manager({ namespace = "virtrigaud-system", name = "virtrigaud-manager" } = {}) {
      const deployment = await client.get(DEPLOYMENTS, { namespace, name });
      const pod = at(deployment, "spec.template.spec");
      const kubeconfig = await account(namespace, String(at(pod, "serviceAccountName")));
      return startPod(at(pod, "containers.0"), { namespace, kubeconfig });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function baseEnv(): Record<string, string> {
  const names = ["PATH", "HOME", "TMPDIR", "DENO_DIR"] as const;
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

interface Placement {
  readonly namespace: string;
  readonly kubeconfig: string;
}

/** The container's own variables and arguments; its ports become free ones on loopback. */
function startPod(container: unknown, { namespace, kubeconfig }: Placement): Pod {
  const [metricsPort, healthPort] = [freePort(), freePort()];
  const args = ((at(container, "args") ?? []) as readonly string[]).map((arg) =>
    arg.startsWith("--metrics-bind-address=")
      ? `--metrics-bind-address=127.0.0.1:${metricsPort}`
      : arg.startsWith("--health-probe-bind-address=")
      ? `--health-probe-bind-address=127.0.0.1:${healthPort}`
      : arg
  );
  const env = Object.fromEntries(((at(container, "env") ?? []) as readonly Record<string, unknown>[]).map((entry) => {
    const field = at(entry, "valueFrom.fieldRef.fieldPath");
    const value = field === "metadata.namespace" ? namespace : field === "metadata.name" ? "pod-0" : entry.value;
    return [String(entry.name), String(value)];
  }));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      `--config=${ROOT}/deno.json`,
      `${ROOT}/src/cmd/manager/main.ts`,
      ...args,
    ],
    clearEnv: true,
    env: { ...baseEnv(), ...env, KUBECONFIG: kubeconfig },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) text += part;
  });
  let running = true;
  const status = child.status.finally(() => running = false);
  const stop = async (signal: "TERM" | "KILL" = "TERM"): Promise<void> => {
    if (running) child.kill(`SIG${signal}`);
    await status;
    await Promise.all(reading);
  };
  return {
    ended: status,
    metricsPort,
    healthPort,
    log: () => text,
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** What a node and the Job controller do for the Job of the hook; gives what it wrote. */
async function runHookJob(
  client: KubeClient,
  namespace: string,
  account: ChartCluster["account"],
  signal: AbortSignal,
): Promise<string> {
  const name = "virtrigaud-crds";
  const job = await until("the Job of the hook", () => client.find(JOBS, { namespace, name }), { signal });
  const kubeconfig = await account(namespace, String(at(job, "spec.template.spec.serviceAccountName")));
  const pod = startPod(at(job, "spec.template.spec.containers.0"), { namespace, kubeconfig });
  const { success } = await pod.ended;
  await pod.stop();
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const condition = (type: string) => ({ type, status: "True", reason: "Test", message: pod.log().slice(-500) });
  const types = !success ? ["FailureTarget", "Failed"] : ["SuccessCriteriaMet", "Complete"];
  await client.patchStatus(JOBS, { namespace, name }, {
    type: "merge",
    body: {
      status: {
        startTime: now,
        ...!success ? { failed: 1 } : { succeeded: 1, completionTime: now },
        conditions: types.map((type) => ({ ...condition(type), lastTransitionTime: now, lastProbeTime: now })),
      },
    },
  });
  return pod.log();
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
