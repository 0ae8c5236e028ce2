/** One gRPC channel to a provider: typed unary calls and the watch stream; errors come out as the taxonomy. @module */
import { grpc } from "@virtrigaud/deps/grpc.ts";
import type { Clock } from "@virtrigaud/resilience";
import type { Secret } from "@virtrigaud/telemetry";
import { type Rpc, WATCH_RPC } from "../codec/rpcs.ts";
import { watchEvent } from "../codec/requests.ts";
import { fromStatus } from "../codec/status.ts";
import { ProviderError } from "../errors.ts";
import type { CallContext, WatchEvent } from "../provider.ts";
import { serviceDefinition } from "../service.ts";
import { injectTrace } from "../tracing.ts";
import { formatTurn, TURN_HEADER } from "../turn.ts";
import type { Attempt } from "./policy.ts";

/** A watch without any event for this long is dead, ms; the server says something at least every 30 s. */
export const WATCH_SILENCE_MS = 75_000;

/** Options of {@linkcode Transport}. */
export interface TransportOptions {
  readonly clock: Clock;
  /** Sent as bearer token with every call. */
  readonly token?: Secret<string>;
}

/** Makes calls on a channel that {@linkcode Transport.replace} can exchange under it. */
export class Transport {
  #client: grpc.Client;
  readonly #options: TransportOptions;
  readonly #inFlight = new Map<grpc.Client, number>();
  readonly #retired = new Set<grpc.Client>();
  #closed = false;

  constructor(client: grpc.Client, options: TransportOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Calls go over `client` from now on; the old channel closes when the last of its calls has ended. */
  replace(client: grpc.Client): void {
    if (this.#closed) return client.close();
    const old = this.#client;
    this.#client = client;
    this.#retire(old);
  }

  /** Takes no further calls to the channel; closes it when those under way have ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retire(this.#client);
  }

  async unary<Q, R>(rpc: Rpc<Q, R>, request: object, attempt: Attempt): Promise<R> {
    attempt.signal.throwIfAborted();
    const metadata = this.#metadata(attempt);
    const wire = await this.#tracked((client) => send(client, rpc.rpc, request, metadata, attempt));
    try {
      return rpc.response.decode(wire, "");
    } catch (error) {
      throw malformed(rpc.rpc, error);
    }
  }

  /** The provider's events; ends with the signal, fails with `Unavailable` when the stream falls silent. */
  async *watch(context: CallContext): AsyncGenerator<WatchEvent> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(WATCH_RPC);
    const client = this.#enter();
    const call = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      this.#metadata(context),
    );
    let silent = false;
    const silence = () => {
      silent = true;
      call.cancel();
    };
    let cancelTimer = this.#options.clock.setTimeout(silence, WATCH_SILENCE_MS);
    const onAbort = () => call.cancel();
    context.signal.addEventListener("abort", onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    try {
      for await (const wire of call) {
        // A consumer that takes its time is not the provider's silence.
        cancelTimer();
        yield decodeEvent(wire);
        cancelTimer = this.#options.clock.setTimeout(silence, WATCH_SILENCE_MS);
      }
    } catch (error) {
      if (context.signal.aborted) return;
      if (silent) {
        throw new ProviderError("Unavailable", `watch heard nothing for ${WATCH_SILENCE_MS / 1000} s; taken for dead`, {
          reason: "WatchSilent",
        });
      }
      throw toProviderError(error);
    } finally {
      cancelTimer();
      context.signal.removeEventListener("abort", onAbort);
      call.on("error", () => {});
      call.cancel();
      this.#leave(client);
    }
  }

  #metadata(context: CallContext): grpc.Metadata {
    const metadata = new grpc.Metadata();
    metadata.set("x-request-id", context.requestId);
    if (context.turn !== undefined) metadata.set(TURN_HEADER, formatTurn(context.turn));
    const { token } = this.#options;
    injectTrace(metadata);
    if (token !== undefined) metadata.set("authorization", `Bearer ${token.reveal()}`);
    return metadata;
  }

  async #tracked<T>(call: (client: grpc.Client) => Promise<T>): Promise<T> {
    const client = this.#enter();
    try {
      return await call(client);
    } finally {
      this.#leave(client);
    }
  }

  #enter(): grpc.Client {
    if (this.#closed) {
      throw new ProviderError("Unavailable", "the connection to the provider was closed", { reason: "Closed" });
    }
    const client = this.#client;
    this.#inFlight.set(client, (this.#inFlight.get(client) ?? 0) + 1);
    return client;
  }

  #leave(client: grpc.Client): void {
    const left = (this.#inFlight.get(client) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(client, left);
    else {
      this.#inFlight.delete(client);
      if (this.#retired.delete(client)) client.close();
    }
  }

  #retire(client: grpc.Client): void {
    if (this.#inFlight.has(client)) this.#retired.add(client);
    else client.close();
  }
}

function definitionOf(rpc: string): grpc.MethodDefinition<object, object> {
  const definition = serviceDefinition[rpc];
  if (definition === undefined) throw new Error(`the descriptor has no RPC ${rpc}; run \`deno task generate\``);
  return definition;
}

function send(client: grpc.Client, rpc: string, request: object, metadata: grpc.Metadata, attempt: Attempt) {
  const { path, requestSerialize, responseDeserialize } = definitionOf(rpc);
  return new Promise<object>((resolve, reject) => {
    const onAbort = () => call.cancel();
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      // A duration from now; it travels to the provider, whose signal is aborted with it.
      { deadline: Date.now() + attempt.deadlineMs },
      (error, response) => {
        attempt.signal.removeEventListener("abort", onAbort);
        if (error !== null) reject(toProviderError(error));
        else resolve(response ?? {});
      },
    );
    attempt.signal.addEventListener("abort", onAbort, { once: true });
  });
}

function decodeEvent(wire: object): WatchEvent {
  try {
    return watchEvent.decode(wire, "");
  } catch (error) {
    throw malformed(WATCH_RPC, error);
  }
}

/** What the provider sent breaks the contract: its fault and not the request's, so that a retry or an upgrade may help. */
function malformed(rpc: string, error: unknown): ProviderError {
  const problem = error instanceof Error ? error.message : String(error);
  return new ProviderError("Retryable", `the provider's answer to ${rpc} breaks the contract: ${problem}`, {
    reason: "MalformedResponse",
    cause: error,
  });
}

function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  return fromStatus(error as Partial<grpc.StatusObject>);
}
