/** A real kube-apiserver with its etcd on loopback. @module */
import { until } from "@virtrigaud/resilience";
import { run } from "../command.ts";
import { endInstance, makeInstance, sweepInstances } from "../instance.ts";
import { type Authority, createAuthority, type KeyPair, serviceAccountKeys } from "./pki.ts";
import { type ServerProcess, startServer } from "./process.ts";
import { findTool, type Tool, tools } from "./tools.ts";

const KIND = "k8s";
/** What every cluster needs that lives longer than one test. */
const CONTROLLERS = ["garbage-collector-controller", "namespace-controller", "serviceaccount-controller"];
/** Both processes are ready after 3 s on an idle machine. */
const START_TIMEOUT_MS = 120_000;
const LOOK_TIMEOUT_MS = 5_000;

/** Access of one user. */
export interface UserAccess extends KeyPair {
  readonly kubeconfigPath: string;
}

/** Access of a service account, as its token gives it to a pod. */
export interface AccountAccess {
  readonly token: string;
  readonly kubeconfigPath: string;
}

/** One line of the audit log, as far as tests look at it (audit.k8s.io/v1 Event). */
export interface AuditEvent {
  readonly verb: string;
  readonly stage: string;
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    apiGroup?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

/** The API server's process, for tests that kill it; etcd goes on. */
export interface ControlPlaneProcess {
  /** Ends it as kill -9 does. */
  kill(): Promise<void>;
  /** Starts it again on the same port; returns when it is ready. */
  start(): Promise<void>;
}

/** A running API server: RBAC, own CA, audit log; no scheduler and no kubelet. */
export interface Kubernetes extends AsyncDisposable {
  readonly url: string;
  readonly caPem: string;
  /** A member of `system:masters`. */
  readonly admin: UserAccess;
  /** The administrator's kubeconfig. */
  readonly kubeconfigPath: string;
  /** Makes a client certificate for a user; what it may do, RBAC says. */
  user(name: string, groups?: readonly string[]): Promise<UserAccess>;
  /** Asks for a token of a service account, good for two hours. */
  account(namespace: string, name: string): Promise<AccountAccess>;
  /** Runs kubectl as the administrator and gives what it printed. */
  kubectl(...args: string[]): Promise<string>;
  /** `kubectl apply -f -` of manifests in YAML or JSON. */
  apply(manifests: string): Promise<string>;
  /** Server-side apply of every CRD in a folder; returns when all are established. */
  installCrds(folder: string): Promise<void>;
  /**
   * Starts the controllers that clean up, garbage collection and the deletion of namespaces, and the one that makes
   * service accounts. Call it when the custom kinds are there: those that come later are not looked for before half a
   * minute has passed. `more` names further ones, such as those of Deployments, which make pods that nobody runs.
   */
  startControllers(...more: string[]): Promise<void>;
  readonly apiServer: ControlPlaneProcess;
  /** Every completed request so far: the honest count of API traffic by user agent. */
  audit(): Promise<AuditEvent[]>;
  stop(): Promise<void>;
}

/** Options of {@linkcode startKubernetes}. */
export interface KubernetesOptions {
  readonly signal?: AbortSignal;
  /** Admission plugins beside those that are on by default. */
  readonly admissionPlugins?: readonly string[];
}

/** Starts etcd and kube-apiserver; ask {@linkcode kubernetesRig.unavailable} first. Takes about 4 s. */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  await sweepInstances();
  const dir = await makeInstance(KIND);
  const servers: ServerProcess[] = [];
  const stop = async () => {
    // The API server first: it writes to etcd while it ends.
    for (const server of servers.splice(0).reverse()) await server.stop();
    await endInstance(dir);
  };
  try {
    const authority = await createAuthority();
    const [clientPort, peerPort, port] = freePorts(3);
    const etcdUrl = `http://127.0.0.1:${clientPort}`;
    servers.push(await startServer(dir, "etcd", etcdCommand(dir, etcdUrl, `http://127.0.0.1:${peerPort}`)));
    await writeApiServerFiles(dir, authority);
    const start = () => startServer(dir, "kube-apiserver", apiServerCommand(dir, etcdUrl, Number(port), options));
    servers.push(await start());

    const url = `https://127.0.0.1:${port}`;
    const kubeconfig = async (user: string, credentials: Record<string, string>, namespace?: string) => {
      const path = `${dir}/${encodeURIComponent(user)}.kubeconfig`;
      const text = JSON.stringify(kubeconfigOf(url, authority.caPem, user, credentials, namespace));
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      return path;
    };
    const user: Kubernetes["user"] = async (name, groups = []) => {
      const pair = await authority.client(name, groups);
      const [cert, key] = [btoa(pair.certPem), btoa(pair.keyPem)];
      const credentials = { "client-certificate-data": cert, "client-key-data": key };
      return { ...pair, kubeconfigPath: await kubeconfig(name, credentials) };
    };
    const admin = await user("rig-admin", ["system:masters"]);
    await untilReady(url, authority.caPem, admin, servers, options.signal);

    const kubectl = (args: readonly string[], input?: string): Promise<string> =>
      run([tool("kubectl"), `--kubeconfig=${admin.kubeconfigPath}`, ...args], {
        // kubectl keeps its discovery cache at home.
        env: { HOME: dir },
        ...(input === undefined ? {} : { input }),
      });
    return {
      url,
      caPem: authority.caPem,
      admin,
      kubeconfigPath: admin.kubeconfigPath,
      user,
      account: async (namespace, name) => {
        const token = (await kubectl(["create", "token", name, `--namespace=${namespace}`, "--duration=2h"])).trim();
        return { token, kubeconfigPath: await kubeconfig(`${namespace}-${name}`, { token }, namespace) };
      },
      kubectl: (...args) => kubectl(args),
      apply: (manifests) => kubectl(["apply", "-f", "-"], manifests),
      installCrds: async (folder) => {
        await kubectl(["apply", "--server-side", "-f", folder]);
        await kubectl(["wait", "--for=condition=Established", "--timeout=60s", "-f", folder]);
      },
      startControllers: async (...more) => {
        const command = controllersCommand(dir, admin.kubeconfigPath, more);
        servers.push(await startServer(dir, "kube-controller-manager", command));
      },
      apiServer: {
        kill: async () => await servers[1]?.kill(),
        start: async () => {
          servers[1] = await start();
          await untilReady(url, authority.caPem, admin, servers, options.signal);
        },
      },
      audit: async () => {
        // The last line may be half-written yet.
        const lines = (await Deno.readTextFile(`${dir}/audit.log`)).split("\n").slice(0, -1);
        return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tool(name: Tool["name"]): string {
  const path = tools().filter((candidate) => candidate.name === name).map((candidate) => findTool(candidate))[0];
  if (path === undefined) {
    throw new Error(`${name} is neither in the cache nor in KUBEBUILDER_ASSETS: run deno task setup`);
  }
  return path;
}

function etcdCommand(dir: string, clientUrl: string, peerUrl: string): string[] {
  return [
    tool("etcd"),
    `--data-dir=${dir}/etcd`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // Nothing here outlives the run.
    "--unsafe-no-fsync",
  ];
}

async function writeApiServerFiles(dir: string, authority: Authority): Promise<void> {
  const [server, tokens] = [await authority.server(), await serviceAccountKeys()];
  const policy = {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived", "ResponseStarted"],
    rules: [{ level: "Metadata" }],
  };
  const files = {
    "ca.crt": authority.caPem,
    "server.crt": server.certPem,
    "server.key": server.keyPem,
    "tokens.pub": tokens.publicPem,
    "tokens.key": tokens.privatePem,
    "audit-policy.json": JSON.stringify(policy),
    "audit.log": "",
  };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir}/${name}`, text, { mode: 0o600 });
}

function apiServerCommand(dir: string, etcdUrl: string, port: number, options: KubernetesOptions): string[] {
  const { admissionPlugins = [] } = options;
  return [
    tool("kube-apiserver"),
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--tls-cert-file=${dir}/server.crt`,
    `--tls-private-key-file=${dir}/server.key`,
    `--client-ca-file=${dir}/ca.crt`,
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${dir}/tokens.pub`,
    `--service-account-signing-key-file=${dir}/tokens.key`,
    "--service-cluster-ip-range=10.0.0.0/24",
    ...admissionPlugins.length > 0 ? [`--enable-admission-plugins=${admissionPlugins.join(",")}`] : [],
    `--audit-policy-file=${dir}/audit-policy.json`,
    `--audit-log-path=${dir}/audit.log`,
  ];
}

/** Those of Deployments only on request: they would give those of providers a status of their own, as the runner does. */
function controllersCommand(dir: string, kubeconfigPath: string, more: readonly string[]): string[] {
  return [
    tool("kube-controller-manager"),
    `--kubeconfig=${kubeconfigPath}`,
    `--service-account-private-key-file=${dir}/tokens.key`,
    `--controllers=${[...CONTROLLERS, ...more].join(",")}`,
    "--horizontal-pod-autoscaler-sync-period=1s",
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    "--secure-port=0",
  ];
}

/** A kubeconfig as an object; JSON is YAML. */
function kubeconfigOf(
  server: string,
  caPem: string,
  user: string,
  credentials: Record<string, string>,
  namespace = "default",
): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "rig", cluster: { server, "certificate-authority-data": btoa(caPem) } }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: "rig", context: { cluster: "rig", user, namespace } }],
    "current-context": "rig",
  };
}

async function untilReady(
  url: string,
  caPem: string,
  admin: KeyPair,
  servers: readonly ServerProcess[],
  signal?: AbortSignal,
): Promise<void> {
  using client = Deno.createHttpClient({ caCerts: [caPem], cert: admin.certPem, key: admin.keyPem });
  let answer = "none";
  await until("kube-apiserver to be ready", async () => {
    for (const server of servers) {
      const failure = await server.failure();
      if (failure) throw new Error(failure);
    }
    const init: RequestInit & { client: Deno.HttpClient } = { client, signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) };
    try {
      const response = await fetch(`${url}/readyz`, init);
      answer = await response.text();
      return response.ok;
    } catch (error) {
      answer = String(error);
    }
  }, {
    limitMs: START_TIMEOUT_MS,
    seen: () => answer,
    transient: () => false,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Ports that are free now; held together, so that they differ. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
