/** The way to one API server: a pooled HTTP client that follows rotating certificates. @module */
import type { Credentials, CredentialSource } from "./credentials.ts";

/** Sends requests to one API server with the credentials of the moment. */
export interface Connection {
  /** Root of the server, without trailing slash. */
  readonly baseUrl: string;
  /** Like `fetch`; `path` starts with a slash. The caller reads or cancels the body. */
  fetch(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response>;
  /** The server answered 401: get the credentials anew before the next request. */
  invalidate(): void;
  close(): void;
}

/** Options of {@linkcode httpConnection}. */
export interface HttpConnectionOptions {
  readonly baseUrl: string;
  readonly credentials: CredentialSource;
  /**
   * Multiplex everything over one HTTP/2 connection. Default false: with HTTP/1.1 a dead connection harms the one
   * request on it, whose deadline then drops it, and writes are faster.
   */
  readonly http2?: boolean;
}

/** Connection by the platform's native `fetch`: one pool, renewed only when certificates change. */
export function httpConnection(options: HttpConnectionOptions): Connection {
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  let pool: { readonly client: Deno.HttpClient; readonly tls: Credentials } | undefined;
  const clientFor = (wanted: Credentials): Deno.HttpClient => {
    if (pool !== undefined && sameTls(pool.tls, wanted)) return pool.client;
    const fresh = createClient(wanted, options.http2 ?? false);
    // Requests under way keep the old pool alive until they end; no new one enters it.
    pool?.client.close();
    pool = { client: fresh, tls: wanted };
    return fresh;
  };
  return {
    baseUrl,
    async fetch(path, init) {
      const credentials = await options.credentials.current();
      const headers = { ...credentials.headers, ...init.headers };
      if (credentials.token) headers["authorization"] = `Bearer ${credentials.token}`;
      const pooled: RequestInit & { client: Deno.HttpClient } = {
        ...init,
        headers,
        redirect: "error",
        client: clientFor(credentials),
      };
      return await fetch(baseUrl + path, pooled);
    },
    invalidate: () => options.credentials.invalidate(),
    close() {
      pool?.client.close();
      pool = undefined;
    },
  };
}

function sameTls(a: Credentials, b: Credentials): boolean {
  return a === b || (a.caPem === b.caPem && a.certPem === b.certPem && a.keyPem === b.keyPem);
}

function createClient(tls: Credentials, http2: boolean): Deno.HttpClient {
  const common = { caCerts: tls.caPem === undefined ? [] : [tls.caPem], http1: true, http2 };
  if (tls.certPem !== undefined && tls.keyPem !== undefined) {
    return Deno.createHttpClient({ ...common, cert: tls.certPem, key: tls.keyPem });
  }
  return Deno.createHttpClient(common);
}
