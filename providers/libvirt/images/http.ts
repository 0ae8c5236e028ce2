/** Images over HTTP: connected to the very address that was judged, so that no name server can slip in another. @module */
import { lookup } from "node:dns/promises";
import { type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { ProviderError } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import { addressKind } from "./addresses.ts";

/** Settings of {@linkcode openUrl}. */
export interface FetchOptions {
  readonly clock: Clock;
  /** Sent to the host that was asked for, and to no other one that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the server may be silent, milliseconds. Default 60 000. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
  /** Addresses of a host name. Default: the machine's resolver. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Field that errors name. */
  readonly field: string;
}

/** What a server sends. */
export interface HttpBody {
  /** As the server says; `undefined` if it does not. */
  readonly bytes: number | undefined;
  /** Ends with an error when the server sends less than it said, or nothing for too long. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const REDIRECTS_MAX = 5;
const IDLE_MS = 60_000;

const resolveName = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Opens `url`, following redirects.
 * @throws {ProviderError} `InvalidSpec` for an address that is not allowed and for 4xx answers; `Retryable` else.
 */
export async function openUrl(url: string, options: FetchOptions): Promise<HttpBody> {
  const first = parseUrl(url, options.field);
  let at = first;
  let isPrivate = false;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    const address = await choose(at, hop > 0 && !isPrivate, options);
    if (hop === 0) isPrivate = addressKind(address) === "private";
    const response = await ask(at, address, at.origin === first.origin ? options.headers ?? {} : {}, options);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return bodyOf(response, at, options);
    response.destroy();
    const { location } = response.headers;
    if (status < 300 || status >= 400 || location === undefined) throw refused(at, status, options.field);
    if (!URL.canParse(location, at.href)) throw bad(`image URL ${shown(at)} redirects to nowhere`, options.field);
    at = parseUrl(new URL(location, at.href).href, options.field);
  }
  throw bad(`image URL ${shown(first)} redirects more than ${REDIRECTS_MAX} times`, options.field);
}

const bad = (message: string, field: string): ProviderError => new ProviderError("InvalidSpec", message, { field });

/** Without what may be secret: signatures stand in the query. */
const shown = (url: URL): string => `${url.origin}${url.pathname}`;

function parseUrl(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw bad("the image URL is not an http or https URL", field);
  }
  if (url.username !== "" || url.password !== "") throw bad("the image URL carries a password", field);
  return url;
}

async function choose(url: URL, publicOnly: boolean, options: FetchOptions): Promise<string> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? await (options.resolve ?? resolveName)(host) : [host];
  } catch (error) {
    throw new ProviderError("Retryable", `image URL ${shown(url)}: the name ${host} cannot be resolved`, {
      cause: error,
    });
  }
  const allowed = addresses.find((address) => {
    const kind = addressKind(address);
    return kind === "public" || (kind === "private" && !publicOnly);
  });
  if (allowed !== undefined) return allowed;
  const why = publicOnly ? "a redirect to an address inside the house" : "an address that is not allowed";
  throw bad(`image URL ${shown(url)} leads to ${addresses.join(", ") || "no address"}: ${why}`, options.field);
}

function ask(
  url: URL,
  address: string,
  headers: Readonly<Record<string, string>>,
  options: FetchOptions,
): Promise<IncomingMessage> {
  const secure = url.protocol === "https:";
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const settings: RequestOptions & { servername?: string } = {
    host: address,
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    // Content is hashed as it comes; an encoding in between would make it something else.
    headers: { ...headers, host: url.host, "accept-encoding": "identity", "user-agent": "virtrigaud" },
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
      reject(failed(url, error));
    });
    request.end();
  });
}

const failed = (url: URL, error: unknown): ProviderError =>
  new ProviderError(
    "Retryable",
    `fetch image ${shown(url)}: ${error instanceof Error ? error.message : String(error)}`,
    { reason: "ImageServer", cause: error },
  );

function refused(url: URL, status: number, field: string): ProviderError {
  const message = `image server answered ${status} for ${shown(url)}`;
  if (status === 401 || status === 403) return new ProviderError("Unauthorized", message, { field });
  if (status === 404 || status === 410) {
    return new ProviderError("NotFound", message, { reason: "DependencyMissing", field });
  }
  return status >= 400 && status < 500 && status !== 408 && status !== 429
    ? bad(message, field)
    : new ProviderError("Retryable", message, { reason: "ImageServer" });
}

function bodyOf(response: IncomingMessage, url: URL, options: FetchOptions): HttpBody {
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
      throw failed(url, error);
    } finally {
      response.destroy();
    }
  }
  return { bytes, chunks: chunks() };
}
