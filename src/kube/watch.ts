/** Turns the body of a watch into events. @module */
import type { Clock } from "@virtrigaud/resilience";
import { KubeError, type KubeStatus } from "./error.ts";
import type { KubeObject } from "./object.ts";

/** One line of a watch. A bookmark carries nothing but a resource version (and annotations). */
export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

/** Options of {@linkcode watchEvents}. */
export interface WatchStreamOptions {
  /** What is being watched, for errors. */
  readonly doing: string;
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  /**
   * Ends the stream when it aborts. Aborting the signal of the `fetch` is not enough: once that request object has been
   * collected as garbage, Deno 2.9 does not pass the abort on to the body.
   */
  readonly signal?: AbortSignal;
  /** Longest event taken, in characters. Default 16 Mi; the API server's own limit on an object is far below. */
  readonly maxEventLength?: number;
}

const MAX_EVENT_LENGTH = 16 << 20;

/**
 * Events of a watch body. Ends when the server ends the stream between two events.
 *
 * Nothing is read ahead of the consumer, so that a slow consumer slows the server down.
 *
 * @throws KubeError from an `ERROR` event (`isGone` when the version is too old), `InvalidResponse` for a line that is no
 * event, `ConnectionFailed` when the stream breaks or stops within an event, `DeadlineExceeded` when it is silent; the
 * reason of `signal` when that aborts.
 */
export async function* watchEvents<T extends KubeObject>(
  body: ReadableStream<Uint8Array>,
  options: WatchStreamOptions,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const { doing } = options;
  const limit = options.maxEventLength ?? MAX_EVENT_LENGTH;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await readInTime(reader, options);
      if (done) break;
      rest += decoder.decode(value, { stream: true });
      let from = 0;
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
        if (end > from) yield eventOf<T>(rest.slice(from, end), doing);
        from = end + 1;
      }
      if (from > 0) rest = rest.slice(from);
      if (rest.length > limit) throw invalid(doing, `an event of more than ${limit} characters`);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  if (rest.trim() !== "") {
    throw new KubeError(`${doing}: the stream ended within an event`, { code: 0, reason: "ConnectionFailed" });
  }
}

async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { clock, idleTimeoutMs, doing, signal }: WatchStreamOptions,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let idle: KubeError | undefined;
  const onAbort = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  const cancel = clock.setTimeout(() => {
    idle = new KubeError(`${doing}: nothing came for ${idleTimeoutMs} ms`, { code: 0, reason: "DeadlineExceeded" });
    // Ends the pending read; the connection underneath is dropped.
    reader.cancel(idle).catch(() => {});
  }, idleTimeoutMs);
  try {
    const result = await reader.read();
    signal?.throwIfAborted();
    if (idle !== undefined) throw idle;
    return result;
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof KubeError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new KubeError(`${doing}: the stream broke: ${message}`, { code: 0, reason: "ConnectionFailed", cause });
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

function eventOf<T extends KubeObject>(line: string, doing: string): WatchEvent<T> {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw invalid(doing, "a line that does not parse", cause);
  }
  if (typeof event !== "object" || event === null || typeof event.object !== "object" || event.object === null) {
    throw invalid(doing, "a line without an object");
  }
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: event.type, object: event.object as T };
    case "BOOKMARK":
      return { type: event.type, object: event.object as KubeObject };
    case "ERROR":
      throw KubeError.fromStatus(doing, event.object as KubeStatus);
    default:
      throw invalid(doing, `an event of type ${JSON.stringify(event.type)}`);
  }
}

function invalid(doing: string, what: string, cause?: unknown): KubeError {
  return new KubeError(`${doing}: expected a watch event, got ${what}`, { code: 0, reason: "InvalidResponse", cause });
}
