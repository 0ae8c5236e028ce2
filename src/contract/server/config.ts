/** What a provider process is told: arguments, environment, mounted files. The only place that reads them. @module */
import { parseArgs } from "node:util";
import { boolVar, type EnvOf, listVar, logEnv, logOptions, parseEnv, textVar } from "@virtrigaud/telemetry";

/** What a process is started with. */
export interface ProcessInput {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

const spec = {
  ...logEnv,
  type: textVar("PROVIDER_TYPE"),
  endpoint: textVar("PROVIDER_ENDPOINT"),
  namespace: textVar("PROVIDER_NAMESPACE", "default"),
  name: textVar("PROVIDER_NAME", "provider"),
  tlsEnabled: boolVar("TLS_ENABLED", true),
  insecure: boolVar("VIRTRIGAUD_PROVIDER_INSECURE", false),
  allowedSans: listVar("VIRTRIGAUD_PROVIDER_ALLOWED_SANS"),
  insecureSkipVerify: boolVar("TLS_INSECURE_SKIP_VERIFY", false),
  credentialsFolder: textVar("VIRTRIGAUD_CREDENTIALS_DIR", "/etc/virtrigaud/credentials"),
  tlsFolder: textVar("VIRTRIGAUD_TLS_DIR", "/etc/virtrigaud/tls"),
  jwtKeysFile: textVar("VIRTRIGAUD_PROVIDER_JWT_KEYS"),
  jwtIssuer: textVar("VIRTRIGAUD_PROVIDER_JWT_ISSUER"),
  jwtAudience: textVar("VIRTRIGAUD_PROVIDER_JWT_AUDIENCE"),
  listenHost: textVar("VIRTRIGAUD_LISTEN_HOST", "0.0.0.0"),
} as const;

const DEFAULT_PREFIX = "PROVIDER_DEFAULT_";

/** Names of the variables that every provider process reads, for its permissions; `*` stands for any ending. */
export const PROVIDER_ENV: readonly string[] = [...Object.values(spec).map(({ name }) => name), `${DEFAULT_PREFIX}*`];

/** Settings of a provider process. */
export type ProcessSettings = EnvOf<typeof spec> & {
  readonly port: number;
  readonly healthPort: number;
  readonly log: ReturnType<typeof logOptions>;
  /** `PROVIDER_DEFAULT_RESOURCE_POOL` as `resourcePool`, and so on. */
  readonly defaults: Readonly<Record<string, string>>;
};

/** Arguments that end the process before it serves, or its settings. */
export type ProcessRequest =
  | { readonly type: "version" }
  | { readonly type: "help" }
  | { readonly type: "serve"; readonly settings: ProcessSettings };

/** For `--help`. */
export const USAGE = `Options:
  --port=<n>          port of the gRPC server (default 9443)
  --health-port=<n>   port of /healthz, /readyz, /health and /metrics (default 8080)
  --version           print the version and exit
  --help              print this and exit
`;

/**
 * Reads arguments and environment.
 * @throws {ConfigError} for variables, `TypeError` or `RangeError` for arguments, each naming what is allowed.
 */
export function readProcess({ args, env }: ProcessInput): ProcessRequest {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "9443" },
      "health-port": { type: "string", default: "8080" },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.version) return { type: "version" };
  if (values.help) return { type: "help" };
  const read = (name: string) => env[name];
  const settings = parseEnv(spec, read);
  return {
    type: "serve",
    settings: {
      ...settings,
      port: portOf("--port", values.port),
      healthPort: portOf("--health-port", values["health-port"]),
      log: logOptions(settings, read),
      defaults: defaultsOf(env),
    },
  };
}

function portOf(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new RangeError(`${option} is ${JSON.stringify(text)}; allowed: a port from 0 (any free one) to 65535`);
}

function defaultsOf(env: ProcessInput["env"]): Record<string, string> {
  const defaults: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(DEFAULT_PREFIX) || !value) continue;
    const key = name.slice(DEFAULT_PREFIX.length).toLowerCase().replaceAll(/_([a-z0-9])/g, (_, c) => c.toUpperCase());
    defaults[key] = value;
  }
  return defaults;
}
