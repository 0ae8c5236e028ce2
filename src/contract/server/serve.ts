/** Serves a {@linkcode Provider} over gRPC. @module */
import { grpc, HealthImplementation, ReflectionService } from "@virtrigaud/deps/grpc.ts";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { type Logger, silentLogger } from "@virtrigaud/telemetry";
import { MAX_MESSAGE_BYTES, packageDefinition, SERVICE, serviceDefinition } from "../service.ts";
import type { Provider } from "../provider.ts";
import { createHandlers } from "./handlers.ts";
import { OperationGuard } from "./operations.ts";

/** Bounds of a server. */
export interface ServerLimits {
  /** Calls at a time; one more is refused with `RateLimit`. Default 256. */
  readonly maxConcurrentCalls?: number;
  /** Largest request, bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /** Operation ids that are remembered. Default 10 000. */
  readonly maxOperations?: number;
}

/** Options of {@linkcode serveProvider}. */
export interface ServeOptions {
  readonly provider: Provider;
  /** Port of the gRPC server; 0 takes a free one. */
  readonly port: number;
  /** Address to listen on. Default `0.0.0.0`. */
  readonly host?: string;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly limits?: ServerLimits;
  /** How long calls under way may take to finish at shutdown, ms. Default 15 000. */
  readonly drainMs?: number;
}

/** A running server. */
export interface ProviderServer {
  readonly port: number;
  /** Says NOT_SERVING, lets calls finish for `drainMs`, then ends them. May be called more than once. */
  shutdown(): Promise<void>;
}

/** Keepalive and connection life, as the field has it (facts: reference implementation, section 3.7). */
const CHANNEL_OPTIONS: grpc.ServerOptions = {
  "grpc.max_connection_idle_ms": 15 * 60_000,
  "grpc.max_connection_age_ms": 2 * 3_600_000,
  "grpc.max_connection_age_grace_ms": 5 * 60_000,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

/** Starts to serve; resolves when the port is bound. */
export async function serveProvider(options: ServeOptions): Promise<ProviderServer> {
  const { log = silentLogger, clock = systemClock, limits = {} } = options;
  const maxBytes = limits.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const server = new grpc.Server({
    ...CHANNEL_OPTIONS,
    "grpc.max_receive_message_length": maxBytes,
    "grpc.max_send_message_length": maxBytes,
  });
  server.addService(
    serviceDefinition,
    createHandlers({
      provider: options.provider,
      guard: new OperationGuard({ capacity: limits.maxOperations }),
      log,
      clock,
      authorize: () => Promise.resolve(),
      observe: () => {},
      maxConcurrentCalls: limits.maxConcurrentCalls ?? 256,
    }),
  );
  const health = new HealthImplementation({ "": "SERVING", [SERVICE]: "SERVING", provider: "SERVING" });
  health.addToServer(server);
  new ReflectionService(packageDefinition).addToServer(server);
  const port = await bind(
    server,
    `${options.host ?? "0.0.0.0"}:${options.port}`,
    grpc.ServerCredentials.createInsecure(),
  );
  log.info("serving", { port });

  const stop = async (): Promise<void> => {
    for (const name of ["", SERVICE, "provider"]) health.setStatus(name, "NOT_SERVING");
    const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    const cancel = clock.setTimeout(() => server.forceShutdown(), options.drainMs ?? 15_000);
    await drained;
    cancel();
  };
  let stopping: Promise<void> | undefined;
  return { port, shutdown: () => stopping ??= stop() };
}

function bind(server: grpc.Server, address: string, credentials: grpc.ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(address, credentials, (error, port) => error === null ? resolve(port) : reject(error))
  );
}
