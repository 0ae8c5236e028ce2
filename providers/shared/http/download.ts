/** Images over HTTP. @module */
import { ProviderError } from "@virtrigaud/contract";
import { addressKind } from "./addresses.ts";
import { bad, bodyOf, choose, type HttpBody, type RequestOptions, send, shown } from "./request.ts";

/** Settings of {@linkcode openUrl}. */
export interface FetchOptions extends Omit<RequestOptions, "reason"> {
  /** Sent to the host that was asked for, and to no other one that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
}

const REDIRECTS_MAX = 5;
const REASON = "ImageServer";

/**
 * Opens `url`, following redirects.
 * @throws {ProviderError} `InvalidSpec` for an address that is not allowed and for 4xx answers; `Retryable` else.
 */
export async function openUrl(url: string, fetchOptions: FetchOptions): Promise<HttpBody> {
  const options = { ...fetchOptions, reason: REASON };
  const first = parseUrl(url, options.field);
  let at = first;
  let isPrivate = false;
  for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
    const address = await choose(at, hop > 0 && !isPrivate, options);
    if (hop === 0) isPrivate = addressKind(address) === "private";
    const headers = at.origin === first.origin ? options.headers ?? {} : {};
    const response = await send(at, address, { method: "GET", headers }, options);
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

function parseUrl(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw bad("the image URL is not an http or https URL", field);
  }
  if (url.username !== "" || url.password !== "") throw bad("the image URL carries a password", field);
  return url;
}

function refused(url: URL, status: number, field: string): ProviderError {
  const message = `image server answered ${status} for ${shown(url)}`;
  if (status === 401 || status === 403) return new ProviderError("Unauthorized", message, { field });
  if (status === 404 || status === 410) {
    return new ProviderError("NotFound", message, { reason: "DependencyMissing", field });
  }
  return status >= 400 && status < 500 && status !== 408 && status !== 429
    ? bad(message, field)
    : new ProviderError("Retryable", message, { reason: REASON });
}
