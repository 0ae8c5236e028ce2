/** Serves a {@linkcode Provider}: gRPC with health and reflection, and the HTTP endpoints beside it. @module */
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import {
  type HealthServer,
  type Logger,
  type MetricsRegistry,
  noMetrics,
  type ProviderMetric,
  serveHealth,
  silentLogger,
} from "@virtrigaud/telemetry";
import { MAX_MESSAGE_BYTES, SERVICE, serviceDefinition } from "../service.ts";
import type { Provider } from "../provider.ts";
import { allowCertificates, allowTokens, type Authorize, type JwtOptions } from "./auth.ts";
import { GrpcHealth } from "./grpc_health.ts";
import { createHandlers } from "./handlers.ts";
import { observeHypervisor } from "./hypervisor.ts";
import { guarded } from "./guarded.ts";
import { OperationGuard } from "./operations.ts";
import { addReflection } from "./reflection.ts";
import { ReloadingServerCredentials, type TlsSource } from "./tls.ts";

/** Bounds of a server. */
export interface ServerLimits {
  /** Calls at a time; one more is refused with `RateLimit`. Default 256. */
  readonly maxConcurrentCalls?: number;
  /** Largest request, bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** Operation ids that are remembered. Default 10 000. */
  readonly maxOperations?: number;
}

/** Who may call, besides what TLS asks for. */
export interface ServerAuth {
  /** Names of client certificates that are let in; empty or absent: every certificate of the authority. */
  readonly allowedSans?: readonly string[];
  /** Bearer tokens instead of client certificates; needs TLS. */
  readonly jwt?: JwtOptions;
}

/** Options of {@linkcode serveProvider}. */
export interface ServeOptions {
  readonly provider: Provider;
  /** Port of the gRPC server; 0 takes a free one. */
  readonly port: number;
  /** Port of `/healthz`, `/readyz`, `/health` and `/metrics`; 0 takes a free one, absent serves none. */
  readonly healthPort?: number;
  /** Address to listen on, IPv4 or IPv6 (`::` for both). Default `0.0.0.0`. */
  readonly host?: string;
  /** Certificates; absent: plaintext. Callers need a certificate of the authority unless `auth.jwt` is set. */
  readonly tls?: TlsSource;
  readonly auth?: ServerAuth;
  readonly log?: Logger;
  readonly metrics?: MetricsRegistry<ProviderMetric>;
  readonly clock?: Clock;
  readonly limits?: ServerLimits;
  /** How long calls under way may take to finish at shutdown, ms. Default 15 000. */
  readonly drainMs?: number;
}

/** A running server. */
export interface ProviderServer {
  readonly port: number;
  readonly healthPort?: number;
  /** Not ready at once, watches end, other calls have `drainMs` to finish, then are cancelled. Safe to call twice. */
  shutdown(): Promise<void>;
}

/** Keepalive and life of connections, as the field has it (facts: reference implementation, section 3.7). */
const CHANNEL_OPTIONS: grpc.ServerOptions = {
  "grpc.max_connection_idle_ms": 15 * 60_000,
  "grpc.max_connection_age_ms": 2 * 3_600_000,
  "grpc.max_connection_age_grace_ms": 5 * 60_000,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

/** Names under which `grpc.health.v1` knows us; the third is what earlier clients ask for. */
const HEALTH_NAMES = ["", SERVICE, "provider"];
/** Name under which `grpc.health.v1` tells whether the hypervisor answered the last `Validate`. */
const HYPERVISOR = "hypervisor";

/**
 * Starts to serve; resolves when the ports are bound.
 * @throws {Error} for bearer tokens without TLS, unusable keys, or a port that is taken.
 */
export async function serveProvider(options: ServeOptions): Promise<ProviderServer> {
  const { log = silentLogger, clock = systemClock, limits = {}, host = "0.0.0.0" } = options;
  const metrics = options.metrics ?? noMetrics;
  const maxBytes = limits.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const authorize = await authorization(options, clock);
  const stopping = new AbortController();
  const health = new GrpcHealth();
  for (const name of HEALTH_NAMES) health.set(name, "SERVING");
  const hypervisor = observeHypervisor(options.provider, clock, (reachable) => {
    health.set(HYPERVISOR, reachable ? "SERVING" : "NOT_SERVING");
    metrics.gauge("provider_hypervisor_connection_status", {}, reachable ? 1 : 0);
  });

  const server = new grpc.Server({
    ...CHANNEL_OPTIONS,
    "grpc.max_receive_message_length": maxBytes,
    "grpc.max_send_message_length": maxBytes,
  });
  server.addService(
    serviceDefinition,
    createHandlers({
      provider: guarded(hypervisor.provider, new OperationGuard({ capacity: limits.maxOperations })),
      log,
      clock,
      authorize,
      observe(method, code, seconds) {
        metrics.count("provider_grpc_requests_total", { method, code });
        metrics.observe("provider_grpc_request_duration_seconds", { method }, seconds);
      },
      maxConcurrentCalls: limits.maxConcurrentCalls ?? 256,
      stopping: stopping.signal,
    }),
  );
  health.addTo(server);
  addReflection(server);
  const port = await bind(server, `${host.includes(":") ? `[${host}]` : host}:${options.port}`, credentials(options));
  const http = options.healthPort === undefined ? undefined : serveBeside(server, {
    port: options.healthPort,
    host,
    ready: () => stopping.signal.aborted ? "shutting down" : true,
    checks: { hypervisor: hypervisor.check },
    metrics: options.metrics,
    log,
    clock,
  });
  log.info("serving", { port, healthPort: http?.port, tls: options.tls !== undefined });

  const stop = async (): Promise<void> => {
    stopping.abort();
    for (const name of HEALTH_NAMES) health.set(name, "NOT_SERVING");
    health.close();
    const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const cancel = clock.setTimeout(() => {
      log.warn("calls are cancelled that did not finish in time");
      server.forceShutdown();
    }, options.drainMs ?? 15_000);
    await drained;
    cancel();
    await http?.shutdown();
    log.info("stopped");
  };
  let stopped: Promise<void> | undefined;
  return { port, healthPort: http?.port, shutdown: () => stopped ??= stop() };
}

async function authorization({ auth = {}, tls }: ServeOptions, clock: Clock): Promise<Authorize> {
  if (auth.jwt !== undefined) {
    if (tls === undefined) throw new Error("bearer tokens are served over TLS only, and no certificates are given");
    return await allowTokens(auth.jwt, clock);
  }
  return tls === undefined ? () => Promise.resolve() : allowCertificates(auth.allowedSans ?? []);
}

function credentials({ tls, auth }: ServeOptions): grpc.ServerCredentials {
  if (tls === undefined) return grpc.ServerCredentials.createInsecure();
  return new ReloadingServerCredentials(tls, { requireClient: auth?.jwt === undefined });
}

function bind(server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error }));
    })
  );
}

function serveBeside(server: grpc.Server, options: Parameters<typeof serveHealth>[0]): HealthServer {
  try {
    return serveHealth(options);
  } catch (cause) {
    server.forceShutdown();
    throw new Error(`cannot listen on health port ${options.port}`, { cause });
  }
}
