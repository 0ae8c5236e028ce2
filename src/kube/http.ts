/** Sends requests: deadline, budget, repeats where they are safe, errors with their cause. @module */
import { backoffDelay, type BackoffPolicy, type Clock } from "@virtrigaud/resilience";
import type { RequestBudget } from "./budget.ts";
import type { Connection } from "./connection.ts";
import { KubeError, type KubeStatus } from "./error.ts";
import type { Lane, RequestObservation } from "./options.ts";

/** One request, before deadline and repeats. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** What is being done to which object, for errors: `get ConfigMap default/a`. */
  readonly doing: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  /** Sending it twice has the effect of sending it once. */
  readonly idempotent: boolean;
  readonly lane: Lane;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What {@linkcode KubeHttp} works with. */
export interface KubeHttpOptions {
  readonly connection: Connection;
  readonly lanes: Readonly<Record<Lane, RequestBudget>>;
  readonly userAgent: string;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onRequest?: (observation: RequestObservation) => void;
}

const MAX_ATTEMPTS = 6;
const RETRY: BackoffPolicy = { baseMs: 100, maxMs: 5_000 };
/** An error answer is a Status object; more than this of it is not worth reading. */
const MAX_ERROR_BYTES = 1 << 20;
/** Marks of a connection that was never made, in the words of the platform: nothing was sent. */
const NEVER_CONNECTED = /client error \(Connect\)|tcp connect error|dns error/;

/** Failure of one attempt with what is needed to decide about another. */
interface Failure {
  readonly error: KubeError;
  readonly nothingSent: boolean;
}

/** HTTP to one API server. */
export class KubeHttp {
  readonly #options: KubeHttpOptions;
  readonly #host: string;

  constructor(options: KubeHttpOptions) {
    this.#options = options;
    this.#host = new URL(options.connection.baseUrl).host;
  }

  /**
   * Sends the request and reads the JSON answer.
   *
   * Repeated, within the deadline: 429, and 503 with Retry-After, because the server did nothing; anything that never
   * reached the server; lost connections of idempotent requests; 5xx of reads; one 401, with fresh credentials.
   */
  async json(request: HttpRequest): Promise<unknown> {
    const deadline = new Deadline(request, this.#options.clock);
    try {
      const release = await this.#options.lanes[request.lane].acquire(deadline.signal);
      try {
        return await this.#attempts(request, deadline);
      } finally {
        release();
      }
    } catch (error) {
      throw deadline.translate(error);
    } finally {
      deadline.dispose();
    }
  }

  /** Sends the request once and gives the open answer; the deadline ends with the headers. For streams. */
  async open(request: HttpRequest): Promise<{ body: ReadableStream<Uint8Array>; dispose: () => void }> {
    const deadline = new Deadline(request, this.#options.clock);
    try {
      const release = await this.#options.lanes[request.lane].acquire(deadline.signal);
      try {
        const result = await this.#once(request, deadline.signal, (response) => Promise.resolve(response.body));
        if ("error" in result) {
          if (result.error.code === 401) this.#options.connection.invalidate();
          throw result.error;
        }
        if (result.value === null) throw invalid(request, "an answer without a body");
        deadline.disarm();
        return { body: result.value, dispose: () => deadline.dispose() };
      } finally {
        release();
      }
    } catch (error) {
      deadline.dispose();
      throw deadline.translate(error);
    }
  }

  async #attempts(request: HttpRequest, deadline: Deadline): Promise<unknown> {
    let renewed = false;
    for (let attempt = 1;; attempt++) {
      const result = await this.#once(request, deadline.signal, async (response) => {
        const text = await readText(response, this.#options.maxResponseBytes, request, deadline.signal);
        return parse(text, request);
      });
      if (!("error" in result)) return result.value;
      const { error } = result;
      if (error.code === 401 && !renewed) {
        renewed = true;
        this.#options.connection.invalidate();
        continue;
      }
      const wait = this.#retryDelay(request, result, attempt);
      if (wait === undefined || wait >= deadline.leftMs()) throw error;
      await this.#options.clock.sleep(wait, { signal: deadline.signal });
    }
  }

  #retryDelay(request: HttpRequest, failure: Failure, attempt: number): number | undefined {
    if (attempt >= MAX_ATTEMPTS) return undefined;
    const { error } = failure;
    const repeat = error.code === 429 ||
      (error.code === 503 && error.retryAfterSeconds !== undefined) ||
      (error.code >= 500 && request.method === "GET") ||
      (error.reason === "ConnectionFailed" && (request.idempotent || failure.nothingSent));
    if (!repeat) return undefined;
    const backoff = backoffDelay(RETRY, attempt, this.#options.random);
    return error.retryAfterSeconds === undefined ? backoff : error.retryAfterSeconds * 1000 + backoff;
  }

  async #once<R>(
    request: HttpRequest,
    signal: AbortSignal,
    read: (response: Response) => Promise<R>,
  ): Promise<{ readonly value: R } | Failure> {
    const start = this.#options.clock.monotonic();
    let code = 0;
    try {
      const headers: Record<string, string> = { accept: "application/json", "user-agent": this.#options.userAgent };
      if (request.body !== undefined) headers["content-type"] = request.contentType ?? "application/json";
      const response = await this.#options.connection.fetch(request.path, {
        method: request.method,
        headers,
        body: request.body,
        signal,
      });
      code = response.status;
      if (response.ok) return { value: await read(response) };
      return { error: await errorOf(response, request, signal), nothingSent: false };
    } catch (cause) {
      if (signal.aborted || cause instanceof KubeError) throw cause;
      const message = chainOf(cause);
      return {
        error: new KubeError(`${request.doing}: no answer from ${this.#options.connection.baseUrl}: ${message}`, {
          code: 0,
          reason: "ConnectionFailed",
          cause,
        }),
        nothingSent: NEVER_CONNECTED.test(message),
      };
    } finally {
      const seconds = (this.#options.clock.monotonic() - start) / 1000;
      this.#options.onRequest?.({ method: request.method, code, host: this.#host, seconds });
    }
  }
}

/** Messages of an error and of what caused it: the platform's own says no more than "fetch failed". */
function chainOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${chainOf(error.cause)}`;
}

/** Joins the caller's signal and a time limit into one signal, and tells them apart afterwards. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #request: HttpRequest;
  readonly #clock: Clock;
  readonly #end: number;
  readonly #onAbort: () => void;
  #cancel: () => void;

  constructor(request: HttpRequest, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
    this.#end = clock.monotonic() + request.timeoutMs;
    this.#onAbort = () => this.#abort.abort(request.signal?.reason);
    if (request.signal?.aborted) this.#onAbort();
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#cancel = clock.setTimeout(() => {
      this.#abort.abort(
        new KubeError(`${request.doing}: no complete answer within ${request.timeoutMs} ms`, {
          code: 0,
          reason: "DeadlineExceeded",
        }),
      );
    }, request.timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  leftMs(): number {
    return this.#end - this.#clock.monotonic();
  }

  /** Ends the time limit; the caller's signal stays joined. */
  disarm(): void {
    this.#cancel();
  }

  dispose(): void {
    this.#cancel();
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** What to throw: the reason of the abort, when that is why `error` came. */
  translate(error: unknown): unknown {
    return this.#abort.signal.aborted ? this.#abort.signal.reason : error;
  }
}

function invalid(request: HttpRequest, what: string, cause?: unknown): KubeError {
  return new KubeError(`${request.doing}: expected a JSON object from the API server, got ${what}`, {
    code: 0,
    reason: "InvalidResponse",
    cause,
  });
}

function parse(text: string, request: HttpRequest): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(request, `${text.length} characters that do not parse`, cause);
  }
}

/**
 * Text of a body of at most `limit` bytes. An abort cancels the reader, since Deno 2.9 does not pass it on to the body
 * once the request object has been collected as garbage.
 */
async function readText(response: Response, limit: number, request: HttpRequest, signal: AbortSignal): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const onAbort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", onAbort, { once: true });
  const decoder = new TextDecoder();
  let [text, size] = ["", Number(response.headers.get("content-length") ?? 0)];
  try {
    if (size <= limit) size = 0;
    while (size <= limit) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return text + decoder.decode();
      size += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
    throw invalid(request, `more than the limit of ${limit} bytes`);
  } finally {
    signal.removeEventListener("abort", onAbort);
    await reader.cancel().catch(() => {});
  }
}

async function errorOf(response: Response, request: HttpRequest, signal: AbortSignal): Promise<KubeError> {
  const retryAfter = Number(response.headers.get("retry-after") ?? NaN);
  let status: KubeStatus;
  try {
    const text = await readText(response, MAX_ERROR_BYTES, request, signal);
    const body: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
    status = isStatus(body) ? body : { message: text.slice(0, 500) };
  } catch {
    status = { message: "the body of the answer could not be read" };
  }
  return KubeError.fromStatus(
    request.doing,
    { ...status, code: response.status },
    Number.isFinite(retryAfter) && retryAfter >= 0 ? retryAfter : undefined,
  );
}

function isStatus(body: unknown): body is KubeStatus {
  return typeof body === "object" && body !== null && (body as KubeStatus).kind === "Status";
}
