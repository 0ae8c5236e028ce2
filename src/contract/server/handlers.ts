/** gRPC handlers from a {@linkcode Provider}: decode, call, encode, and one way for errors to go out. @module */
import type { EventEmitter } from "node:events";
import type { grpc } from "@virtrigaud/deps/grpc.ts";
import type { Clock } from "@virtrigaud/resilience";
import type { Logger } from "@virtrigaud/telemetry";
import { type Rpc, rpcs, type UnaryMethod, WATCH_RPC } from "../codec/rpcs.ts";
import { watchEvent } from "../codec/requests.ts";
import { codeName, toStatus } from "../codec/status.ts";
import { ProviderError } from "../errors.ts";
import type { CallContext, Provider, WatchEvent } from "../provider.ts";
import { extractTrace, traced } from "../tracing.ts";
import { parseTurn, type Turn, TURN_HEADER } from "../turn.ts";

/** A quiet watch says at least this often that it lives, ms. */
export const HEARTBEAT_MS = 30_000;

/** What the handlers work with. */
export interface HandlerOptions {
  readonly provider: Provider;
  readonly log: Logger;
  readonly clock: Clock;
  /** Refuses a call that must not be made; called before anything is decoded. */
  readonly authorize: (call: IncomingCall, access: Access) => Promise<void>;
  /** Called once for each finished call. */
  readonly observe: (rpc: string, code: string, seconds: number) => void;
  readonly maxConcurrentCalls: number;
  /** Aborted when the server begins to shut down: watches end, so that their callers look for another one. */
  readonly stopping: AbortSignal;
}

/** What a method does, for authorisation. */
export type Access = "read" | "write";

/** What authorisation looks at. */
export type IncomingCall = Pick<
  grpc.ServerUnaryCall<object, object>,
  "metadata" | "getPeer" | "getAuthContext" | "cancelled"
>;

type AnyRpc = Rpc<unknown, unknown>;

/** Handlers by RPC name, for `grpc.Server.addService`. */
export function createHandlers(options: HandlerOptions): grpc.UntypedServiceImplementation {
  const calls = new CallRunner(options);
  const handlers: grpc.UntypedServiceImplementation = {
    [WATCH_RPC]: (call: grpc.ServerWritableStream<object, object>) => void calls.watch(call),
  };
  for (const method of Object.keys(rpcs) as UnaryMethod[]) {
    const rpc = rpcs[method] as AnyRpc;
    handlers[rpc.rpc] = (call: grpc.ServerUnaryCall<object, object>, callback: grpc.sendUnaryData<object>) =>
      void calls.unary(method, rpc, call, callback);
  }
  return handlers;
}

class CallRunner {
  readonly #options: HandlerOptions;
  #active = 0;

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  async unary(
    method: UnaryMethod,
    rpc: AnyRpc,
    call: grpc.ServerUnaryCall<object, object>,
    callback: grpc.sendUnaryData<object>,
  ): Promise<void> {
    await this.#run(rpc.rpc, rpc.mutating ? "write" : "read", call, async (context) => {
      const request = rpc.request.decode(call.request, "");
      const response = await this.#invoke(method, request, context);
      const wire = encodeResponse(rpc, response);
      return () => callback(null, wire);
    }, (error) => callback(error));
  }

  async watch(call: grpc.ServerWritableStream<object, object>): Promise<void> {
    await this.#run(WATCH_RPC, "read", call, async (context) => {
      const { clock, provider, stopping } = this.#options;
      const signal = AbortSignal.any([context.signal, stopping]);
      await new EventStream(call, clock, signal).pump(provider.watch({ ...context, signal }));
      if (stopping.aborted) throw new ProviderError("Unavailable", "the provider is shutting down; watch again");
      return () => call.end();
    }, (error) => call.emit("error", error));
  }

  #invoke(method: UnaryMethod, request: unknown, context: CallContext): Promise<unknown> {
    const { provider } = this.#options;
    const target = provider[method] as (...args: unknown[]) => Promise<unknown>;
    return request === undefined ? target.call(provider, context) : target.call(provider, request, context);
  }

  /** Frame of every call: authorisation, bound on concurrency, signal, log, metrics, and what an error becomes. */
  async #run(
    rpc: string,
    access: Access,
    call: IncomingCall & EventEmitter,
    body: (context: CallContext) => Promise<() => void>,
    fail: (error: grpc.StatusObject & Error) => void,
  ): Promise<void> {
    const { clock, authorize, observe, maxConcurrentCalls } = this.#options;
    const started = clock.monotonic();
    const requestId = readRequestId(call.metadata);
    const abort = new AbortController();
    const onCancelled = () => abort.abort(new ProviderError("Timeout", `${rpc} was cancelled by its caller`));
    call.on("cancelled", onCancelled);
    let code = "OK";
    const tooMany = ++this.#active > maxConcurrentCalls;
    try {
      const turn = readTurn(call.metadata);
      // Whoever says that it leads shuts others out: that is more than to read.
      await authorize(call, turn === undefined ? access : "write");
      if (tooMany) {
        throw new ProviderError("RateLimit", `${maxConcurrentCalls} calls are under way, no more are taken`, {
          retryAfterMs: 1000,
        });
      }
      const context = { signal: abort.signal, requestId, ...(turn === undefined ? {} : { turn }) };
      const finish = await traced(rpc, "server", () => body(context), extractTrace(call.metadata));
      finish();
    } catch (error) {
      const classified = this.#classify(rpc, requestId, error);
      const status = toStatus(classified);
      code = codeName(classified.class);
      if (!call.cancelled) fail(Object.assign(new Error(status.details), status));
    } finally {
      this.#active--;
      call.off("cancelled", onCancelled);
      observe(rpc, code, (clock.monotonic() - started) / 1000);
    }
  }

  /** What leaves the process: an error of the taxonomy as it is; of any other, nothing that could give secrets away. */
  #classify(rpc: string, requestId: string, error: unknown): ProviderError {
    const { log } = this.#options;
    if (ProviderError.is(error)) {
      log.debug("call failed", { rpc, requestId, class: error.class, reason: error.reason, error });
      return error;
    }
    log.error("call failed with an error outside the taxonomy", { rpc, requestId, error });
    return new ProviderError(
      "Retryable",
      `${rpc} failed inside the provider; its log has the details under request ${requestId}`,
      { reason: "Internal" },
    );
  }
}

function encodeResponse(rpc: AnyRpc, response: unknown): object {
  try {
    return rpc.response.encode(response, "") as object;
  } catch (error) {
    throw new Error(`the provider answered ${rpc.rpc} with something that the contract does not allow`, {
      cause: error,
    });
  }
}

function readRequestId(metadata: grpc.Metadata): string {
  const given = metadata.get("x-request-id")[0];
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

function readTurn(metadata: grpc.Metadata): Turn | undefined {
  const given = metadata.get(TURN_HEADER)[0];
  return given === undefined ? undefined : parseTurn(String(given));
}

/** Writes events with back-pressure and fills silence with heartbeats. */
class EventStream {
  readonly #call: grpc.ServerWritableStream<object, object>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(call: grpc.ServerWritableStream<object, object>, clock: Clock, signal: AbortSignal) {
    this.#call = call;
    this.#clock = clock;
    this.#signal = signal;
  }

  async pump(events: AsyncIterable<WatchEvent>): Promise<void> {
    const beat = () => {
      if (!this.#signal.aborted && !this.#call.writableNeedDrain) void this.#write({ type: "Heartbeat" });
      cancel = this.#clock.setTimeout(beat, HEARTBEAT_MS);
    };
    let cancel = this.#clock.setTimeout(beat, HEARTBEAT_MS);
    try {
      for await (const event of interruptible(events, this.#signal)) {
        await this.#write(event);
        cancel();
        cancel = this.#clock.setTimeout(beat, HEARTBEAT_MS);
      }
    } finally {
      cancel();
    }
  }

  async #write(event: WatchEvent): Promise<void> {
    if (this.#call.write(watchEvent.encode(event, "") ?? {})) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#call.off("drain", done);
        this.#signal.removeEventListener("abort", done);
        resolve();
      };
      this.#call.once("drain", done);
      this.#signal.addEventListener("abort", done, { once: true });
    });
  }
}

/** Ends with `signal` even when `source` does not: a provider that ignores its signal must not keep the call. */
async function* interruptible<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<{ done: true; value: undefined }>();
  const onAbort = () => aborted.resolve({ done: true, value: undefined });
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not awaited: a generator that hangs in its own await would hang us with it.
    void iterator.return?.()?.then(undefined, () => {});
  }
}
