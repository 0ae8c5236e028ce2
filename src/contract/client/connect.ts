/** Connects to a provider. @module */
import { Buffer } from "node:buffer";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { type BreakerState, type Clock, systemClock } from "@virtrigaud/resilience";
import {
  type ClientMetric,
  type Logger,
  type Metrics,
  noMetrics,
  type Secret,
  silentLogger,
} from "@virtrigaud/telemetry";
import { MAX_MESSAGE_BYTES } from "../service.ts";
import { ProviderClient } from "./client.ts";
import { CallPolicy, type PolicySettings } from "./policy.ts";
import { Transport } from "./transport.ts";

/** How the channel is protected. */
export type ClientTls =
  /** Not at all: only where somebody asked for it. */
  | { readonly plaintext: true }
  | {
    /** Authorities that may have signed the provider's certificate. */
    readonly caPem: string;
    /** Our own certificate and key; absent where a bearer token says who we are. */
    readonly client?: { readonly certPem: string; readonly keyPem: Secret<string> };
    /** Encrypted, but anybody may answer. */
    readonly insecureSkipVerify?: boolean;
  };

/** Options of {@linkcode connectProvider}. */
export interface ConnectOptions extends PolicySettings {
  /** `host:port`. */
  readonly address: string;
  /**
   * Name that the provider's certificate has to carry. Default: the host of `address`. Has to be a DNS name: gRPC under
   * Deno cannot check a certificate against an IP address.
   */
  readonly serverName?: string;
  readonly tls: ClientTls;
  /** Sent as bearer token; only over TLS. */
  readonly token?: Secret<string>;
  /** `namespace/name`, for messages and metrics. Default: the address. */
  readonly provider?: string;
  /** Type of the provider, for metrics. */
  readonly providerType?: string;
  readonly log?: Logger;
  readonly metrics?: Metrics<ClientMetric>;
  readonly clock?: Clock;
  readonly onBreakerChange?: (state: BreakerState) => void;
}

/** A connected client. */
export interface ProviderConnection {
  readonly provider: ProviderClient;
  readonly breakerState: BreakerState;
  /** New calls use these certificates, over a new channel; calls under way finish on the old one. */
  reload(tls: ClientTls): void;
  /** Takes no further calls; the channel closes when those under way have ended. */
  close(): void;
}

/**
 * Opens a channel; the first call connects it. No failure of a call closes it: it reconnects by itself.
 * @throws {TypeError} for a token without TLS, or a server name that is an IP address.
 */
export function connectProvider(options: ConnectOptions): ProviderConnection {
  const { clock = systemClock, log = silentLogger, metrics = noMetrics, token } = options;
  const transport = new Transport(openChannel(options, options.tls), { clock, token });
  const policy = new CallPolicy(options, {
    clock,
    log,
    metrics,
    provider: options.provider ?? options.address,
    providerType: options.providerType ?? "",
    onBreakerChange: options.onBreakerChange,
  });
  return {
    provider: new ProviderClient(transport, policy),
    get breakerState() {
      return policy.breakerState;
    },
    reload: (tls) => transport.replace(openChannel(options, tls)),
    close() {
      policy.close();
      transport.close();
    },
  };
}

function openChannel(options: ConnectOptions, tls: ClientTls): grpc.Client {
  const channel: grpc.ChannelOptions = {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    // A dead path is found within 40 s even while a watch is quiet.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    // Two channels to one address do not share a connection: a reload has to make a new one.
    "grpc.use_local_subchannel_pool": 1,
    // Repetition is the policy's.
    "grpc.enable_retries": 0,
    // A provider pod is back within seconds; the default waits up to two minutes.
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 5000,
  };
  if ("plaintext" in tls) {
    if (options.token !== undefined) throw new TypeError("a bearer token is not sent over a plaintext channel");
    return new grpc.Client(options.address, grpc.credentials.createInsecure(), channel);
  }
  const serverName = options.serverName ?? options.address.replace(/:\d+$/, "");
  if (/^[\d.]+$|:/.test(serverName)) {
    throw new TypeError(`serverName has to be a DNS name of the provider's certificate, is ${serverName}`);
  }
  const credentials = grpc.credentials.createSsl(
    Buffer.from(tls.caPem),
    tls.client === undefined ? null : Buffer.from(tls.client.keyPem.reveal()),
    tls.client === undefined ? null : Buffer.from(tls.client.certPem),
    tls.insecureSkipVerify ? { rejectUnauthorized: false } : {},
  );
  return new grpc.Client(options.address, credentials, { ...channel, "grpc.ssl_target_name_override": serverName });
}
