/** `main` of a provider binary. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import {
  assertDenoVersion,
  buildInfo,
  buildLabels,
  createLogger,
  createMetrics,
  type Logger,
  type MetricsRegistry,
  PROCESS_METRICS,
  PROVIDER_METRICS,
  type ProviderMetric,
  signalled,
  versionLine,
} from "@virtrigaud/telemetry";
import type { Provider } from "../provider.ts";
import type { JwtOptions } from "./auth.ts";
import { type ProcessInput, type ProcessSettings, readProcess, USAGE } from "./config.ts";
import { type CredentialStore, openCredentials } from "./credentials.ts";
import { type ProviderServer, serveProvider } from "./serve.ts";
import { openTlsFolder, type TlsSource } from "./tls.ts";

/** What a provider is given to begin with. */
export interface ProviderConfig {
  /** `spec.type` of the Provider object. */
  readonly type: string;
  /** `spec.endpoint` of the Provider object. */
  readonly endpoint: string;
  /** Namespace and name of the Provider object. */
  readonly namespace: string;
  readonly name: string;
  /** `spec.defaults` of the Provider object: `datastore`, `cluster`, `resourcePool`, ... */
  readonly defaults: Readonly<Record<string, string>>;
  /** Do not check the hypervisor's certificate. */
  readonly insecureSkipVerify: boolean;
  /** The hypervisor's credentials; they may change at any time. */
  readonly credentials: CredentialStore;
  readonly log: Logger;
  readonly clock: Clock;
  /** The version it was built as. */
  readonly version: string;
}

/** A provider program. */
export interface ProviderProgram {
  /** Name of the program, such as `provider-libvirt`. */
  readonly name: string;
  readonly version: string;
  /** Makes the provider. Does not connect: a hypervisor that is away must not keep the process from starting. */
  create(config: ProviderConfig): Promise<Provider & Partial<AsyncDisposable>> | (Provider & Partial<AsyncDisposable>);
}

/** A started provider program. */
export interface RunningProvider extends ProviderServer {
  readonly log: Logger;
}

/** Dependencies that tests replace. */
export interface StartOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** Starts `program` with `settings`; its `shutdown` also lets go of the provider, credentials and certificates. */
export async function startProvider(
  program: ProviderProgram,
  settings: ProcessSettings,
  options: StartOptions = {},
): Promise<RunningProvider> {
  const { clock = systemClock } = options;
  const log = (options.log ?? createLogger(settings.log)).with({
    component: program.name,
    provider: `${settings.namespace}/${settings.name}`,
  });
  await using resources = new AsyncDisposableStack();
  const tls = await certificates(settings, log, clock);
  if (tls !== undefined) resources.defer(() => tls.close());
  const credentials = await openCredentials(settings.credentialsFolder, { log, clock });
  resources.defer(() => credentials.close());
  const provider = await program.create({
    type: settings.type,
    endpoint: settings.endpoint,
    namespace: settings.namespace,
    name: settings.name,
    defaults: settings.defaults,
    insecureSkipVerify: settings.insecureSkipVerify,
    credentials,
    log,
    clock,
    version: program.version,
  });
  resources.defer(async () => await provider[Symbol.asyncDispose]?.());
  const server = await serveProvider({
    provider,
    port: settings.port,
    healthPort: settings.healthPort,
    host: settings.listenHost,
    tls,
    auth: { allowedSans: settings.allowedSans, jwt: await tokens(settings) },
    log,
    clock,
    metrics: processMetrics(program),
  });
  const held = resources.move();
  let stopped: Promise<void> | undefined;
  return {
    log,
    port: server.port,
    healthPort: server.healthPort,
    shutdown: () =>
      stopped ??= (async () => {
        await server.shutdown();
        await held.disposeAsync();
      })(),
  };
}

/** Certificates are the rule; plaintext is served only when it was asked for outright. */
async function certificates(settings: ProcessSettings, log: Logger, clock: Clock): Promise<TlsSource | undefined> {
  const tls = settings.tlsEnabled ? await openTlsFolder(settings.tlsFolder, { log, clock }) : undefined;
  if (tls !== undefined) return tls;
  if (settings.insecure) {
    log.warn("serving in plaintext, as VIRTRIGAUD_PROVIDER_INSECURE asks for: anybody who reaches the port may call");
    return undefined;
  }
  throw new Error(
    settings.tlsEnabled
      ? `${settings.tlsFolder} holds none of tls.crt, tls.key and ca.crt: mount the certificates, or set ` +
        `VIRTRIGAUD_PROVIDER_INSECURE=true to serve in plaintext`
      : "TLS_ENABLED is false: set VIRTRIGAUD_PROVIDER_INSECURE=true as well to serve in plaintext",
  );
}

async function tokens(settings: ProcessSettings): Promise<JwtOptions | undefined> {
  const { jwtKeysFile, jwtIssuer: issuer, jwtAudience: audience } = settings;
  if (jwtKeysFile === "") return undefined;
  if (issuer === "" || audience === "") {
    throw new Error(
      "VIRTRIGAUD_PROVIDER_JWT_KEYS needs VIRTRIGAUD_PROVIDER_JWT_ISSUER and VIRTRIGAUD_PROVIDER_JWT_AUDIENCE",
    );
  }
  return { keys: await Deno.readTextFile(jwtKeysFile), issuer, audience };
}

function processMetrics(program: ProviderProgram): MetricsRegistry<ProviderMetric> {
  const metrics = createMetrics({ ...PROCESS_METRICS, ...PROVIDER_METRICS }, { process: true });
  metrics.gauge("virtrigaud_build_info", { ...buildLabels(program.name), version: program.version }, 1);
  return metrics;
}

/**
 * Runs `program` until SIGTERM or SIGINT and ends the process: 0 after a clean end, 1 when it could not start or a
 * second signal cut the end short, 2 for wrong arguments or environment.
 *
 * @example The whole entry point of a provider
 * ```ts ignore
 * await runProvider({
 *   name: "provider-example",
 *   version: VERSION,
 *   create: ({ endpoint, credentials, log }) => new ExampleProvider(endpoint, credentials, log),
 * });
 * ```
 */
export async function runProvider(program: ProviderProgram, input: ProcessInput = {
  args: Deno.args,
  env: Deno.env.toObject(),
}): Promise<never> {
  assertDenoVersion();
  const request = refuse(2, () => readProcess(input));
  if (request.type === "version") exitWith(0, versionLine(program.name, { ...buildInfo(), version: program.version }));
  if (request.type === "help") exitWith(0, `${program.name}: a VirtRigaud provider\n\n${USAGE}`);
  const log = createLogger(request.settings.log);
  globalThis.addEventListener("unhandledrejection", (event) => {
    // Said through the log, which hides secrets; the runtime's own report would not.
    event.preventDefault();
    log.error("a promise was rejected and nobody listened; the process ends", { error: event.reason });
    Deno.exit(1);
  });
  const running = await startProvider(program, request.settings, { log }).catch((error) => {
    log.error("cannot start", { component: program.name, error });
    return Deno.exit(1);
  });
  await signalled();
  running.log.info("asked to stop");
  void signalled().then(() => Deno.exit(1));
  await running.shutdown();
  return Deno.exit(0);
}

function exitWith(code: number, text: string): never {
  console.log(text);
  return Deno.exit(code);
}

function refuse<T>(code: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return Deno.exit(code);
  }
}
