/** One HTTP request, to the very address that was judged, so that no name server can slip in another. @module */
import { lookup } from "node:dns/promises";
import { type IncomingMessage, request as httpRequest, type RequestOptions as NodeOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { ProviderError } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import { addressKind } from "./addresses.ts";

/** What every request is limited by. */
export interface RequestOptions {
  readonly clock: Clock;
  /** How long the server may be silent, milliseconds. Default 60 000. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
  /** Addresses of a host name. Default: the machine's resolver. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Field that errors name. */
  readonly field: string;
  /** Reason of errors that are the server's. */
  readonly reason: string;
}

/** What is asked for. */
export interface Ask {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** What a server sends. */
export interface HttpBody {
  /** As the server says; `undefined` if it does not. */
  readonly bytes: number | undefined;
  /** Ends with an error when the server sends less than it said, or nothing for too long. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const IDLE_MS = 60_000;

const resolveName = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

export const bad = (message: string, field: string): ProviderError =>
  new ProviderError("InvalidSpec", message, { field });

/** Without what may be secret: signatures stand in the query. */
export const shown = (url: URL): string => `${url.origin}${url.pathname}`;

/** An error of the way to the server. */
export const failed = (url: URL, error: unknown, { reason }: RequestOptions): ProviderError =>
  error instanceof ProviderError ? error : new ProviderError(
    "Retryable",
    `ask ${shown(url)}: ${error instanceof Error ? error.message : String(error)}`,
    { reason, cause: error },
  );

/**
 * An address of `url` that may be asked: never one that is link-local, with `publicOnly` none inside the house.
 * @throws {ProviderError} `InvalidSpec` if there is none, `Retryable` if the name cannot be resolved.
 */
export async function choose(url: URL, publicOnly: boolean, options: RequestOptions): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? await (options.resolve ?? resolveName)(host) : [host];
  } catch (error) {
    throw new ProviderError("Retryable", `URL ${shown(url)}: the name ${host} cannot be resolved`, { cause: error });
  }
  const allowed = addresses.find((address) => {
    const kind = addressKind(address);
    return kind === "public" || (kind === "private" && !publicOnly);
  });
  if (allowed !== undefined) return allowed;
  const why = publicOnly ? "a redirect to an address inside the house" : "an address that is not allowed";
  throw bad(`URL ${shown(url)} leads to ${addresses.join(", ") || "no address"}: ${why}`, options.field);
}

/** Sends one request to `address`; resolves when the answer begins. Redirects are answers like others. */
export function send(url: URL, address: string, ask: Ask, options: RequestOptions): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const settings: NodeOptions & { servername?: string } = {
    host: address,
    method: ask.method,
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    // Content is hashed as it comes; an encoding in between would make it something else.
    headers: {
      ...ask.headers,
      host: url.host,
      "accept-encoding": "identity",
      "user-agent": "virtrigaud",
      ...(ask.body === undefined ? {} : { "content-length": String(ask.body.byteLength) }),
    },
    agent: false,
    ...(secure && isIP(name) === 0 ? { servername: name } : {}),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(settings, (response) => {
      stop();
      resolve(response);
    });
    const stop = options.clock.setTimeout(
      () => request.destroy(new Error("no answer in time")),
      options.idleMs ?? IDLE_MS,
    );
    request.once("error", (error) => {
      stop();
      reject(failed(url, error, options));
    });
    request.end(ask.body);
  });
}

/** The content of an answer. */
export function bodyOf(response: IncomingMessage, url: URL, options: RequestOptions): HttpBody {
  const said = Number(response.headers["content-length"] ?? NaN);
  const bytes = Number.isSafeInteger(said) && said >= 0 ? said : undefined;
  const idleMs = options.idleMs ?? IDLE_MS;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let received = 0;
    const iterator = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        const stop = options.clock.setTimeout(
          () => response.destroy(new Error(`the server has sent nothing for ${idleMs} ms`)),
          idleMs,
        );
        const next = await iterator.next().finally(stop);
        if (next.done) break;
        const chunk: unknown = next.value;
        if (!(chunk instanceof Uint8Array)) throw new Error("the server's answer is no bytes");
        received += chunk.byteLength;
        yield chunk;
      }
      if (bytes !== undefined && received !== bytes) throw new Error(`cut off after ${received} of ${bytes} bytes`);
    } catch (error) {
      throw failed(url, error, options);
    } finally {
      response.destroy();
    }
  }
  return { bytes, chunks: chunks() };
}
