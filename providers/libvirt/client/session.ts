/** The one connection that a provider keeps to its libvirtd, made anew when it breaks. @module */
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { ProviderError } from "@virtrigaud/contract";
import { backoffDelay, type BackoffPolicy, type Clock } from "@virtrigaud/resilience";
import { type Call, LibvirtConnection, type Rpc } from "./connection.ts";
import { type DomainEvent, type NetworkEvent, onEvent, subscribe } from "./events.ts";
import * as host from "./host.ts";
import { connectSsh, type SshCredentials } from "./ssh.ts";
import { connectTcp, connectTls, type TlsCredentials } from "./tls.ts";
import type { LibvirtStream } from "./stream.ts";
import type { LibvirtEndpoint } from "./uri.ts";

/** What opens the door at the host, whichever way leads there. */
export type HostCredentials = SshCredentials & TlsCredentials;

/** Settings of {@linkcode LibvirtSession}. */
export interface SessionOptions {
  readonly endpoint: LibvirtEndpoint;
  /** Called for every new connection. */
  readonly credentials: () => Promise<HostCredentials> | HostCredentials;
  readonly clock: Clock;
  /** Default: 0.5 s, doubling up to 30 s. */
  readonly backoff?: BackoffPolicy;
}

/** What a listener hears: events, and that a connection is new, so that what happened before is not known. */
export type SessionEvent =
  | { readonly type: "Connected" }
  | { readonly type: "Lost" }
  | { readonly type: "Domain"; readonly event: DomainEvent }
  | { readonly type: "Network"; readonly event: NetworkEvent };

const BACKOFF: BackoffPolicy = { baseMs: 500, maxMs: 30_000 };
const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Connects when it is first used and again after a loss.
 *
 * Guarantees: at most one connection; after a failed attempt further calls fail at once with `Unavailable` until the
 * backoff has passed, so that a host that is down is not hammered. Caveat: a call that was under way when the connection
 * broke fails; whether it had an effect is for the caller to find out.
 */
export class LibvirtSession implements Rpc {
  readonly #options: SessionOptions;
  readonly #listeners = new Set<(event: SessionEvent) => void>();
  #connection: LibvirtConnection | undefined;
  #connecting: Promise<LibvirtConnection> | undefined;
  #failures = 0;
  #retryAt = 0;
  #lastError: ProviderError | undefined;
  #closed = false;
  readonly #closing = new AbortController();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  async call<T = void>(call: Call<T>, options: { readonly signal?: AbortSignal } = {}): Promise<T> {
    return await (await this.#within(call.doing, options.signal)).call(call, options);
  }

  async openStream(call: Call<void>, options: { readonly signal?: AbortSignal } = {}): Promise<LibvirtStream> {
    return await (await this.#within(call.doing, options.signal)).openStream(call, options);
  }

  /** Adds a listener; the function returned removes it. It is told `Connected` for connections made from now on. */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Milliseconds until the next attempt is allowed; 0 if it is now. */
  get retryAfterMs(): number {
    return Math.max(0, this.#retryAt - this.#options.clock.monotonic());
  }

  /** The connection, made if there is none. */
  async connection(): Promise<LibvirtConnection> {
    if (this.#closed) throw new ProviderError("Unavailable", "the libvirt provider is shutting down");
    if (this.#connection?.usable) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  /** Connects anew at the next call, without waiting: credentials have changed. */
  renew(): void {
    this.#failures = 0;
    this.#retryAt = 0;
    this.#connection?.close();
  }

  /** Ends the connection for good. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort();
    await this.#connecting?.catch(() => {});
    this.#connection?.close();
  }

  /** The connection, for a caller who may lose patience before it is made. */
  async #within(doing: string, signal: AbortSignal | undefined): Promise<LibvirtConnection> {
    if (signal === undefined || this.#connection?.usable) return await this.connection();
    const impatience = Promise.withResolvers<never>();
    const giveUp = () =>
      impatience.reject(new ProviderError("Timeout", `${doing}: the caller gave up while connecting`));
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([this.connection(), impatience.promise]);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  async #connect(): Promise<LibvirtConnection> {
    const wait = this.retryAfterMs;
    if (wait > 0 && this.#lastError !== undefined) {
      const { class: errorClass, message, reason } = this.#lastError;
      throw new ProviderError(errorClass, message, {
        retryAfterMs: Math.ceil(wait),
        cause: this.#lastError,
        ...(reason === undefined ? {} : { reason }),
      });
    }
    try {
      const connection = await this.#open();
      this.#connection = connection;
      this.#failures = 0;
      this.#retryAt = 0;
      void connection.ended.then(() => this.#tell({ type: "Lost" }));
      this.#tell({ type: "Connected" });
      return connection;
    } catch (error) {
      this.#lastError = error instanceof ProviderError
        ? error
        : new ProviderError("Unavailable", `connect to libvirt: ${text(error)}`, { cause: error });
      this.#failures++;
      this.#retryAt = this.#options.clock.monotonic() +
        backoffDelay(this.#options.backoff ?? BACKOFF, this.#failures);
      throw this.#lastError;
    }
  }

  async #open(): Promise<LibvirtConnection> {
    const { clock, endpoint } = this.#options;
    const deadline = new AbortController();
    const cancel = clock.setTimeout(() => deadline.abort(), CONNECT_TIMEOUT_MS);
    const signal = AbortSignal.any([deadline.signal, this.#closing.signal]);
    try {
      const credentials = await this.#options.credentials();
      const connection = new LibvirtConnection(await this.#transport(credentials, signal), { clock });
      try {
        const login = { credentials, exposed: endpoint.transport === "tcp", signal };
        if (await host.open(connection, endpoint.driverUri, login)) connection.startKeepAlive();
        onEvent(connection, {
          domain: (event) => this.#tell({ type: "Domain", event }),
          network: (event) => this.#tell({ type: "Network", event }),
        });
        await subscribe(connection, { signal });
        return connection;
      } catch (error) {
        connection.close();
        throw error;
      }
    } finally {
      cancel();
    }
  }

  async #transport(credentials: HostCredentials, signal: AbortSignal): Promise<Duplex> {
    const { endpoint } = this.#options;
    switch (endpoint.transport) {
      case "unix":
        return await connectUnix(endpoint.socket);
      case "tls":
        return await connectTls(endpoint, credentials, { signal });
      case "tcp":
        return await connectTcp(endpoint, { signal });
      case "ssh":
        return await connectSsh(endpoint, credentials, { signal });
    }
  }

  #tell(event: SessionEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function connectUnix(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path });
    const fail = (error: Error & { code?: string }) =>
      reject(
        new ProviderError(
          error.code === "EACCES" ? "Unauthorized" : "Unavailable",
          `connect to libvirt's socket ${path}: ${error.message}; check that libvirtd runs and that this user may use it`,
          { cause: error },
        ),
      );
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

const text = (error: unknown): string => error instanceof Error ? error.message : String(error);
