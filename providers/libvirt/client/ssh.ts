/** The way to libvirtd's socket through SSH: stream-local forwarding, so that nothing is started on the host. @module */
import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ClientChannel, type ConnectConfig, ssh2, type SshClient } from "@virtrigaud/deps/ssh.ts";
import { ProviderError } from "@virtrigaud/contract";
import type { Secret } from "@virtrigaud/telemetry";
import { type HostKeyVerdict, KnownHosts } from "./known_hosts.ts";
import { usablePrivateKey } from "./private_key.ts";
import { type LibvirtEndpoint, readUriFile, type SshHop } from "./uri.ts";

/** What opens the door at the host. Read anew for every connection, so that rotated credentials take effect. */
export interface SshCredentials {
  /** Used when the URI names no user. */
  readonly username?: string;
  readonly password?: Secret<string>;
  /** OpenSSH or PEM. */
  readonly privateKey?: Secret<string>;
  readonly passphrase?: Secret<string>;
  /** Content of a `known_hosts` file. */
  readonly knownHosts?: string;
}

type SshEndpoint = Extract<LibvirtEndpoint, { transport: "ssh" }>;

const READY_TIMEOUT_MS = 20_000;
/** Why a server did not open a channel (RFC 4254, 5.1). */
const PROHIBITED = 1;

/**
 * Connects to libvirtd's socket on the endpoint's host, through its jump hosts if it has any. Destroying the stream ends
 * the SSH connections. They send no keepalives of their own: libvirt's go the whole way.
 * @throws {ProviderError} `Unauthorized` (login, host key), `Unavailable`, or `InvalidSpec` for credentials of no use.
 */
export async function connectSsh(
  endpoint: SshEndpoint,
  credentials: SshCredentials,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Duplex> {
  const settings = await loginSettings(endpoint, credentials);
  options.signal?.throwIfAborted();
  const { jumps = [], host, port, user } = endpoint;
  const hops = [...jumps, { host, port, ...(user === undefined ? {} : { user }) }];
  const clients: SshClient[] = [];
  let socket: Duplex | undefined;
  const abandon = () => {
    for (const client of clients.toReversed()) client.destroy();
    socket?.destroy();
  };
  options.signal?.addEventListener("abort", abandon, { once: true });
  try {
    let way: Duplex | undefined;
    for (const hop of hops) {
      const last = clients.at(-1);
      // ssh2 leaves Nagle's algorithm on, which costs 40 ms per exchange; hence our own socket.
      if (last === undefined) way = socket = createConnection({ host: hop.host, port: hop.port, noDelay: true });
      else way = await forwardTo(last, hop);
      const client = new ssh2.Client();
      clients.push(client);
      await login(client, hop, { ...settings, sock: way as Socket });
    }
    const [target, ...before] = clients.toReversed();
    if (target === undefined) throw new Error("no host to connect to");
    const channel = await forward(target, endpoint);
    for (const client of clients) client.once("close", () => channel.destroy());
    channel.once("close", () => [target, ...before].forEach((client) => client.end()));
    return channel;
  } catch (error) {
    abandon();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abandon);
  }
}

/** What is the same for every host on the way. */
interface LoginSettings {
  readonly username: string;
  readonly knownHosts: KnownHosts | undefined;
  readonly config: ConnectConfig;
}

async function loginSettings(endpoint: SshEndpoint, credentials: SshCredentials): Promise<LoginSettings> {
  const { host } = endpoint;
  const key = endpoint.keyFile === undefined
    ? credentials.privateKey?.reveal()
    : await readUriFile(endpoint.keyFile, "keyfile");
  const password = credentials.password?.reveal();
  if (key === undefined && password === undefined) {
    throw new ProviderError(
      "Unauthorized",
      `SSH to ${host}: no credentials; put ssh-privatekey or password into the provider's secret`,
    );
  }
  return {
    username: endpoint.user ?? credentials.username ?? "root",
    knownHosts: endpoint.verify ? await loadKnownHosts(endpoint, credentials) : undefined,
    config: {
      ...(key === undefined ? {} : { privateKey: usablePrivateKey(key) }),
      ...(credentials.passphrase === undefined ? {} : { passphrase: credentials.passphrase.reveal() }),
      ...(password === undefined ? {} : { password }),
      readyTimeout: READY_TIMEOUT_MS,
    },
  };
}

async function loadKnownHosts(endpoint: SshEndpoint, credentials: SshCredentials): Promise<KnownHosts> {
  const text = endpoint.knownHostsFile === undefined
    ? credentials.knownHosts
    : await readUriFile(endpoint.knownHostsFile, "known_hosts");
  if (text === undefined) {
    throw new ProviderError(
      "Unauthorized",
      `SSH to ${endpoint.host}: no known_hosts to check the host's key with; put known_hosts into the provider's ` +
        "secret (ssh-keyscan shows the key), or ask for no_verify=1",
      { reason: "HostKeyUnknown" },
    );
  }
  return new KnownHosts(text);
}

type HostKeyAlgorithm =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "rsa-sha2-512"
  | "rsa-sha2-256";
const HOST_KEYS: readonly HostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Host key algorithms, those first whose keys are known: a server with several keys then shows one we can judge. */
function hostKeyAlgorithms(known: readonly string[]): HostKeyAlgorithm[] {
  const isKnown = (algorithm: string) => known.includes(algorithm.startsWith("rsa-") ? "ssh-rsa" : algorithm);
  return [...HOST_KEYS.filter(isKnown), ...HOST_KEYS.filter((algorithm) => !isKnown(algorithm))];
}

async function login(
  client: SshClient,
  { host, port, user }: SshHop,
  { username, knownHosts, config, sock }: LoginSettings & { readonly sock: Socket },
): Promise<void> {
  const seen: { verdict?: HostKeyVerdict } = {};
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  sock.once("error", reject);
  client.once("ready", resolve);
  client.on("error", reject);
  client.once("close", () => reject(new Error("connection closed during login")));
  client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) => {
    finish(prompts.map(() => config.password ?? ""));
  });
  try {
    client.connect({
      ...config,
      sock,
      username: user ?? username,
      tryKeyboard: config.password !== undefined,
      hostVerifier: (shown: Uint8Array) => {
        if (knownHosts === undefined) return true;
        seen.verdict = knownHosts.judge(host, port, shown);
        return seen.verdict.verdict === "Known";
      },
      algorithms: {
        serverHostKey: hostKeyAlgorithms(knownHosts?.keyTypes(host, port) ?? []),
        // Under Deno neither ECDH on P-521 nor zlib works (measured with ssh2 1.17); ciphers are ssh2's own choice by
        // what the runtime offers.
        kex: { append: [], prepend: [], remove: ["ecdh-sha2-nistp521"] },
        compress: ["none"],
      },
    });
    await promise;
  } catch (error) {
    throw sshError(error, `${host}:${port}`, seen.verdict);
  }
}

/** A TCP connection from the host that `client` is logged in at to the next one on the way. */
function forwardTo(client: SshClient, { host, port }: SshHop): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error === undefined) return resolve(channel);
      const why = isProhibited(error)
        ? "sshd_config of the jump host needs AllowTcpForwarding yes"
        : "check that it is reachable from the jump host";
      reject(
        new ProviderError("Unavailable", `SSH through a jump host to ${host}:${port}: ${error.message}; ${why}`, {
          reason: isProhibited(error) ? "TcpForwardingRefused" : "JumpFailed",
          cause: error,
        }),
      );
    });
  });
}

const isProhibited = (error: Error): boolean => "reason" in error && error.reason === PROHIBITED;

function forward(client: SshClient, endpoint: SshEndpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(endpoint.socket, (error: Error | undefined, channel: ClientChannel) => {
      if (error === undefined) return resolve(channel);
      reject(
        new ProviderError(
          "Unavailable",
          `SSH to ${endpoint.host}: the server did not open ${endpoint.socket}: ${error.message}; check that libvirtd ` +
            "runs, that the user may use its socket, and that sshd_config has AllowStreamLocalForwarding yes",
          { reason: "StreamForwardingRefused", cause: error },
        ),
      );
    });
  });
}

function sshError(error: unknown, where: string, verdict: HostKeyVerdict | undefined): ProviderError {
  const why = text(error);
  switch (verdict?.verdict) {
    case "Changed":
    case "Revoked":
      return new ProviderError(
        "Unauthorized",
        `SSH to ${where}: the host's key is ${verdict.verdict === "Changed" ? "not the one in" : "revoked by"} ` +
          "known_hosts; somebody may be in between. If the host was reinstalled, correct known_hosts",
        { reason: "HostKeyMismatch", cause: error },
      );
    case "Unknown":
      return new ProviderError("Unauthorized", `SSH to ${where}: the host is not in known_hosts; add its key`, {
        reason: "HostKeyUnknown",
        cause: error,
      });
  }
  if (/authentication methods failed|Cannot parse privateKey|passphrase/i.test(why)) {
    return new ProviderError("Unauthorized", `SSH to ${where}: login failed: ${why}; check user name and credentials`, {
      cause: error,
    });
  }
  return new ProviderError("Unavailable", `SSH to ${where}: ${why}`, { cause: error });
}

const text = (error: unknown): string => error instanceof Error ? error.message : String(error);
