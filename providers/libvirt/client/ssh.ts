/** The way to libvirtd's socket through SSH: stream-local forwarding, so that nothing is started on the host. @module */
import { createConnection, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readFile } from "node:fs/promises";
import { type ClientChannel, type ConnectConfig, ssh2, type SshClient } from "@virtrigaud/deps/ssh.ts";
import { ProviderError } from "@virtrigaud/contract";
import type { Secret } from "@virtrigaud/telemetry";
import { type HostKeyVerdict, KnownHosts } from "./known_hosts.ts";
import { usablePrivateKey } from "./private_key.ts";
import type { LibvirtEndpoint } from "./uri.ts";

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

/**
 * Connects to libvirtd's socket on the endpoint's host. Destroying the stream ends the SSH connection.
 * @throws {ProviderError} `Unauthorized` (login, host key), `Unavailable`, or `InvalidSpec` for credentials of no use.
 */
export async function connectSsh(
  endpoint: SshEndpoint,
  credentials: SshCredentials,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Duplex> {
  const where = `${endpoint.host}:${endpoint.port}`;
  const verdict: { last?: HostKeyVerdict } = {};
  const config = await connectConfig(endpoint, credentials, (last) => verdict.last = last);
  options.signal?.throwIfAborted();
  // ssh2 leaves Nagle's algorithm on, which costs 40 ms per exchange; hence our own socket.
  const socket = createConnection({ host: endpoint.host, port: endpoint.port, noDelay: true });
  const client = new ssh2.Client();
  const abort = () => client.destroy();
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    await login(client, { ...config, sock: socket }, socket);
    return await forward(client, endpoint);
  } catch (error) {
    client.destroy();
    socket.destroy();
    throw sshError(error, where, verdict.last);
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

async function connectConfig(
  endpoint: SshEndpoint,
  credentials: SshCredentials,
  onVerdict: (verdict: HostKeyVerdict) => void,
): Promise<ConnectConfig> {
  const { host, port } = endpoint;
  const key = endpoint.keyFile === undefined
    ? credentials.privateKey?.reveal()
    : await readOptionalFile(endpoint.keyFile, "keyfile");
  const password = credentials.password?.reveal();
  if (key === undefined && password === undefined) {
    throw new ProviderError(
      "Unauthorized",
      `SSH to ${host}: no credentials; put ssh-privatekey or password into the provider's secret`,
    );
  }
  const knownHosts = endpoint.verify ? await loadKnownHosts(endpoint, credentials) : undefined;
  const hostKeys = hostKeyAlgorithms(knownHosts?.keyTypes(host, port) ?? []);
  return {
    username: endpoint.user ?? credentials.username ?? "root",
    ...(key === undefined ? {} : { privateKey: usablePrivateKey(key) }),
    ...(credentials.passphrase === undefined ? {} : { passphrase: credentials.passphrase.reveal() }),
    ...(password === undefined ? {} : { password }),
    readyTimeout: READY_TIMEOUT_MS,
    keepaliveInterval: 10_000,
    keepaliveCountMax: 3,
    hostVerifier: (shown: Uint8Array) => {
      if (knownHosts === undefined) return true;
      const verdict = knownHosts.judge(host, port, shown);
      onVerdict(verdict);
      return verdict.verdict === "Known";
    },
    algorithms: {
      serverHostKey: hostKeys,
      // Under Deno neither ECDH on P-521 nor zlib works (measured with ssh2 1.17); ciphers are ssh2's own choice by
      // what the runtime offers.
      kex: { append: [], prepend: [], remove: ["ecdh-sha2-nistp521"] },
      compress: ["none"],
    },
  };
}

async function loadKnownHosts(endpoint: SshEndpoint, credentials: SshCredentials): Promise<KnownHosts> {
  const text = endpoint.knownHostsFile === undefined
    ? credentials.knownHosts
    : await readOptionalFile(endpoint.knownHostsFile, "known_hosts");
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

async function readOptionalFile(path: string, parameter: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ProviderError("InvalidSpec", `libvirt URI: cannot read the ${parameter} ${path}: ${text(error)}`, {
      field: "endpoint",
      cause: error,
    });
  }
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

function login(client: SshClient, config: ConnectConfig, socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    client.once("ready", resolve);
    client.on("error", reject);
    client.once("close", () => reject(new Error("connection closed during login")));
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) => {
      finish(prompts.map(() => config.password ?? ""));
    });
    client.connect({ ...config, tryKeyboard: config.password !== undefined });
  });
}

function forward(client: SshClient, endpoint: SshEndpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(endpoint.socket, (error: Error | undefined, channel: ClientChannel) => {
      if (error !== undefined) {
        return reject(
          new ProviderError(
            "Unavailable",
            `SSH to ${endpoint.host}: the server did not open ${endpoint.socket}: ${error.message}; check that libvirtd ` +
              "runs, that the user may use its socket, and that sshd_config has AllowStreamLocalForwarding yes",
            { reason: "StreamForwardingRefused", cause: error },
          ),
        );
      }
      // A lost connection gives the channel no close event of its own.
      client.once("close", () => channel.destroy());
      channel.once("close", () => client.end());
      resolve(channel);
    });
  });
}

function sshError(error: unknown, where: string, verdict: HostKeyVerdict | undefined): ProviderError {
  if (error instanceof ProviderError) return error;
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
