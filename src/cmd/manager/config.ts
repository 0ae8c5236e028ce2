/** What the manager is told: arguments and environment. The only place of this role that reads them. @module */
import { parseArgs } from "node:util";
import type { PolicySettings } from "@virtrigaud/contract/client/mod.ts";
import type { KubeConfigSource } from "@virtrigaud/kube";
import {
  breakerEnv,
  type EnvOf,
  logEnv,
  logOptions,
  otelEnv,
  parseEnv,
  rateLimitEnv,
  retryEnv,
  rpcTimeoutEnv,
  textVar,
  tracingEnv,
  workEnv,
} from "@virtrigaud/telemetry";

const spec = {
  ...logEnv,
  ...retryEnv,
  ...breakerEnv,
  ...rateLimitEnv,
  ...rpcTimeoutEnv,
  ...workEnv,
  ...tracingEnv,
  namespace: textVar("VIRTRIGAUD_NAMESPACE"),
  podNamespace: textVar("POD_NAMESPACE"),
  podName: textVar("POD_NAME"),
  podIp: textVar("POD_IP"),
  watchNamespace: textVar("VIRTRIGAUD_WATCH_NAMESPACE"),
  watchSelector: textVar("VIRTRIGAUD_WATCH_SELECTOR"),
  caSecret: textVar("VIRTRIGAUD_CA_SECRET"),
  kubeconfig: textVar("KUBECONFIG"),
  inCluster: textVar("KUBERNETES_SERVICE_HOST"),
} as const;

/** What the runtime has to be started with for traces; the manager only looks whether it was. */
const otelNames = Object.keys(
  otelEnv({ tracingEnabled: true, tracingEndpoint: "any", tracingSamplingRatio: 1, tracingInsecure: true }, "any"),
);

/** Names of the variables that a manager reads, for its permissions. */
export const MANAGER_ENV: readonly string[] = [...Object.values(spec).map(({ name }) => name), ...otelNames];

/** Settings of a manager process. */
export interface ManagerSettings {
  readonly kube: KubeConfigSource;
  readonly namespace: string;
  readonly watchNamespace?: string;
  readonly watchSelector?: string;
  readonly caSecret?: string;
  readonly identity: string;
  readonly leaderElection: boolean;
  readonly metricsPort: number;
  readonly healthPort: number;
  readonly host: string;
  /** `host:port` of the health endpoint, where other replicas see this process; absent when it cannot be known. */
  readonly peerAddress?: string;
  readonly workers?: number;
  readonly maxTasksPerProvider: number;
  readonly policy: PolicySettings;
  readonly log: ReturnType<typeof logOptions>;
}

/** Arguments that end the process before it works, or its settings. */
export type ManagerRequest =
  | { readonly type: "Version" }
  | { readonly type: "Help" }
  | { readonly type: "ApplyCrds"; readonly settings: Pick<ManagerSettings, "kube" | "log"> }
  | { readonly type: "Run"; readonly settings: ManagerSettings };

/** Addresses that nobody can be called at. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** For `--help`. */
export const USAGE = `virtrigaud-manager: reconciles virtual machines

  virtrigaud-manager [options]      runs until it is told to stop
  virtrigaud-manager apply-crds     brings the CustomResourceDefinitions to those of this build, and ends

Options:
  --kubeconfig=<file>               API server to work with (default: KUBECONFIG, or the pod's service account)
  --leader-elect                    act only while holding the Lease; needed with more than one replica
  --metrics-bind-address=<addr>     where /metrics is served (default :8080; 0 turns it off)
  --health-probe-bind-address=<addr> where /healthz and /readyz are served (default :8081)
  --watch-namespace=<namespace>     confine to one namespace (default: all)
  --watch-selector=<labels>         confine to objects with such labels, of every kind; see docs/scaling.md (default: all)
  --ca-secret=<name>                Secret of its namespace with a certificate authority that somebody else renews, such
                                    as cert-manager (default: the manager makes its own)
  --version                         print the version and exit
  --help                            print this and exit
`;

/**
 * Reads arguments and environment.
 * @throws {ConfigError} for variables, `TypeError` or `RangeError` for arguments, each naming what is allowed.
 */
export function readManager(args: readonly string[], env: (name: string) => string | undefined): ManagerRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      kubeconfig: { type: "string" },
      "leader-elect": { type: "boolean", default: false },
      "metrics-bind-address": { type: "string", default: ":8080" },
      "health-probe-bind-address": { type: "string", default: ":8081" },
      "watch-namespace": { type: "string" },
      "watch-selector": { type: "string" },
      "ca-secret": { type: "string" },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.version) return { type: "Version" };
  if (values.help) return { type: "Help" };
  const settings = parseEnv(spec, env);
  checkTracing(settings, env);
  const [command, ...rest] = positionals;
  if (rest.length > 0 || (command !== undefined && command !== "apply-crds")) {
    throw new TypeError(`unknown command ${JSON.stringify(positionals.join(" "))}; allowed: apply-crds, or none`);
  }
  const kube = kubeSource(values.kubeconfig ?? settings.kubeconfig, settings.inCluster);
  if (command === "apply-crds") return { type: "ApplyCrds", settings: { kube, log: logOptions(settings, env) } };
  const metrics = addressOf("--metrics-bind-address", values["metrics-bind-address"]);
  const health = addressOf("--health-probe-bind-address", values["health-probe-bind-address"]);
  const watched = values["watch-namespace"] ?? settings.watchNamespace;
  const selector = values["watch-selector"] ?? settings.watchSelector;
  const peerHost = WILDCARDS.has(health.host) ? settings.podIp : health.host;
  const caSecret = values["ca-secret"] ?? settings.caSecret;
  return {
    type: "Run",
    settings: {
      kube,
      namespace: settings.namespace || settings.podNamespace || "virtrigaud-system",
      ...(watched === "" ? {} : { watchNamespace: watched }),
      ...(selector === "" ? {} : { watchSelector: selector }),
      ...(caSecret === "" ? {} : { caSecret }),
      identity: `${settings.podName || "virtrigaud-manager"}_${crypto.randomUUID().slice(0, 8)}`,
      leaderElection: values["leader-elect"],
      metricsPort: metrics.port,
      healthPort: health.port,
      host: health.host,
      ...(peerHost === "" || health.port === 0
        ? {}
        : { peerAddress: `${peerHost.includes(":") ? `[${peerHost}]` : peerHost}:${health.port}` }),
      // Two slow hypervisors must not be able to hold up everybody else: unless told otherwise, the controllers choose.
      ...(env("WORKERS_PER_KIND") ? { workers: settings.workersPerKind } : {}),
      maxTasksPerProvider: settings.maxInflightTasks,
      policy: policyOf(settings),
      log: logOptions(settings, env),
    },
  };
}

/** The runtime exports traces itself, and reads what it needs for it when it starts and never again. */
function checkTracing(settings: EnvOf<typeof spec>, env: (name: string) => string | undefined): void {
  const needed = otelEnv(settings, "virtrigaud-manager");
  const absent = Object.entries(needed).filter(([name]) => !env(name));
  if (absent.length === 0) return;
  throw new TypeError(
    "VIRTRIGAUD_TRACING_ENABLED is true, but traces are exported by the runtime, which has to be started with " +
      absent.map(([name, value]) => `${name}=${value}`).join(" "),
  );
}

function kubeSource(kubeconfig: string, serviceHost: string): KubeConfigSource {
  if (kubeconfig !== "") return { kubeconfig };
  if (serviceHost !== "") return { inCluster: {} };
  throw new TypeError("which API server? give --kubeconfig=<file> or set KUBECONFIG, or run in a pod");
}

function policyOf(settings: EnvOf<typeof spec>): PolicySettings {
  return {
    timeouts: {
      describe: settings.describe,
      mutating: settings.mutating,
      validate: settings.validate,
      taskStatus: settings.taskStatus,
    },
    retry: {
      maxAttempts: settings.retryMaxAttempts,
      backoff: {
        baseMs: settings.retryBaseDelay,
        maxMs: settings.retryMaxDelay,
        factor: settings.retryMultiplier,
        jitter: settings.retryJitter ? 0.5 : 0,
      },
    },
    breaker: {
      failureThreshold: settings.breakerFailureThreshold,
      resetMs: settings.breakerReset,
      halfOpenMaxCalls: settings.breakerHalfOpenMaxCalls,
    },
    rateLimit: { qps: settings.rateLimitQps, burst: settings.rateLimitBurst },
  };
}

/** `:8080`, `127.0.0.1:8080` or `[::1]:8080`; `0` is port 0 with the meaning that the option gives it. */
function addressOf(option: string, text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new RangeError(`${option} is ${JSON.stringify(text)}; allowed: [host]:port such as :8080, or 0`);
  }
  return { host: match[1]?.replace(/^\[|\]$/g, "") || "0.0.0.0", port };
}
