/** Connects to a provider. @module */
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import type { Secret } from "@virtrigaud/telemetry";
import type { DeadlineGroup } from "../codec/rpcs.ts";
import { MAX_MESSAGE_BYTES } from "../service.ts";
import { ProviderClient } from "./client.ts";
import type { Policy } from "./policy.ts";
import { Transport } from "./transport.ts";

/** Deadline of one attempt by group, ms (`RPC_TIMEOUT_*`). */
export type RpcTimeouts = Readonly<Record<DeadlineGroup, number>>;

export const defaultTimeouts: RpcTimeouts = {
  validate: 10_000,
  describe: 30_000,
  mutating: 240_000,
  taskStatus: 10_000,
};

/** How the channel is protected. */
export type ClientTls = { readonly plaintext: true };

/** Options of {@linkcode connectProvider}. */
export interface ConnectOptions {
  /** `host:port`. */
  readonly address: string;
  readonly tls: ClientTls;
  /** Sent as bearer token. */
  readonly token?: Secret<string>;
  readonly timeouts?: Partial<RpcTimeouts>;
  readonly retry?: { readonly maxAttempts?: number };
  readonly clock?: Clock;
}

/** A connected client. */
export interface ProviderConnection {
  readonly provider: ProviderClient;
  /** Lets calls under way finish and closes the channel. */
  close(): void;
}

/** Opens a channel; the first call connects it. */
export function connectProvider(options: ConnectOptions): ProviderConnection {
  const { clock = systemClock } = options;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const client = new grpc.Client(options.address, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.enable_retries": 0,
  });
  const transport = new Transport(client, { clock, token: options.token });
  const policy: Policy = (rpc, context, attempt) => attempt({ ...context, deadlineMs: timeouts[rpc.deadline] });
  return { provider: new ProviderClient(transport, policy), close: () => transport.close() };
}
