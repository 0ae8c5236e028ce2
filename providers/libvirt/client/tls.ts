/** The ways to libvirtd over the network without SSH: TLS with client certificates, and plain TCP. @module */
import { createConnection, isIP, type Socket } from "node:net";
import { connect as connectSecure, type ConnectionOptions } from "node:tls";
import type { Duplex } from "node:stream";
import { ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { type LibvirtEndpoint, readUriFile } from "./uri.ts";

/** What opens libvirtd's TLS port. Read anew for every connection, so that rotated certificates take effect. */
export interface TlsCredentials {
  /** Client certificate with its chain, PEM. */
  readonly certificate?: string;
  readonly key?: Secret<string>;
  /** Authorities that the host's certificate must come from, PEM. Default: the system's. */
  readonly authority?: string;
}

type TlsEndpoint = Extract<LibvirtEndpoint, { transport: "tls" }>;
type TcpEndpoint = Extract<LibvirtEndpoint, { transport: "tcp" }>;

/** The byte that libvirtd sends when it has accepted the client's certificate. */
const ACCEPTED = 1;

/**
 * Connects over TLS.
 * @throws {ProviderError} `Unauthorized` when a side does not accept the other's certificate; `Unavailable`.
 */
export async function connectTls(
  endpoint: TlsEndpoint,
  credentials: TlsCredentials,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Duplex> {
  const { certificate, key, authority } = endpoint.pkiPath === undefined
    ? credentials
    : await readPki(endpoint.pkiPath);
  if (certificate === undefined || key === undefined) {
    throw new ProviderError(
      "Unauthorized",
      `TLS to ${endpoint.host}: no client certificate; put tls.crt and tls.key into the provider's secret`,
    );
  }
  const settings: ConnectionOptions = {
    host: endpoint.host,
    port: endpoint.port,
    cert: certificate,
    key: key.reveal(),
    rejectUnauthorized: endpoint.verify,
    ...(authority === undefined ? {} : { ca: authority }),
    ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
  };
  const socket = connectSecure(settings);
  socket.setNoDelay(true);
  return await settled(socket, endpoint, options.signal, (resolve, reject) => {
    socket.once("data", (chunk: Uint8Array) => {
      // It is all that the host says before it is asked something.
      if (chunk.byteLength === 1 && chunk[0] === ACCEPTED) return resolve();
      reject(new Error("the host did not accept the client's certificate"));
    });
  });
}

/** The files that libvirt's own client has in such a folder. */
async function readPki(folder: string): Promise<TlsCredentials> {
  const [authority, certificate, key] = await Promise.all(
    ["cacert.pem", "clientcert.pem", "clientkey.pem"].map((name) => readUriFile(`${folder}/${name}`, "pkipath")),
  );
  return {
    ...(authority === undefined ? {} : { authority }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key: new Secret(key) }),
  };
}

/** Connects without any protection: for networks that are trusted, or protected otherwise. */
export async function connectTcp(
  endpoint: TcpEndpoint,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Duplex> {
  const socket = createConnection({ host: endpoint.host, port: endpoint.port, noDelay: true });
  return await settled(socket, endpoint, options.signal, (resolve) => socket.once("connect", resolve));
}

async function settled<S extends Socket>(
  socket: S,
  endpoint: TlsEndpoint | TcpEndpoint,
  signal: AbortSignal | undefined,
  wait: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<S> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = () => reject(new Error("the host closed the connection"));
  const onAbort = () => socket.destroy(new Error("no answer in time"));
  socket.once("error", reject);
  socket.once("close", onClose);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    wait(resolve, reject);
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw explain(error, endpoint);
  } finally {
    socket.off("error", reject);
    socket.off("close", onClose);
    signal?.removeEventListener("abort", onAbort);
  }
}

function explain(error: unknown, { host, port, transport }: TlsEndpoint | TcpEndpoint): ProviderError {
  const message = error instanceof Error ? error.message : String(error);
  const where = `${transport.toUpperCase()} to ${host}:${port}`;
  if (/certificate|unknown ?issuer|alert|bad ?record|key values|closed the connection/i.test(message)) {
    return new ProviderError(
      "Unauthorized",
      `${where}: ${message}; check tls.crt, tls.key and ca.crt in the provider's secret, and tls_allowed_dn_list`,
      { cause: error },
    );
  }
  return new ProviderError("Unavailable", `${where}: ${message}; check that libvirtd listens there`, { cause: error });
}
