/** libvirt connection URIs, as far as this provider can follow them. @module */
import { readFile } from "node:fs/promises";
import { ProviderError } from "@virtrigaud/contract";

/** Socket of the system daemon; with modular daemons `virtproxyd` listens here. */
const DEFAULT_SOCKET = "/run/libvirt/libvirt-sock";
const PORTS = { ssh: 22, tls: 16514, tcp: 16509 } as const;

/** A host on the way that SSH goes through, as `ssh -J` does. */
export interface SshHop {
  readonly host: string;
  readonly port: number;
  /** Default: as for the host itself. */
  readonly user?: string;
}

/** Where libvirtd is and how to get there. */
export type LibvirtEndpoint =
  & {
    /** URI that libvirtd itself is asked to open, without transport: `qemu:///system`. */
    readonly driverUri: string;
    /** Path of libvirtd's socket on its host. */
    readonly socket: string;
  }
  & (
    | { readonly transport: "unix" }
    | {
      readonly transport: "ssh";
      readonly host: string;
      readonly port: number;
      readonly user?: string;
      /** Path of a private key; else the credentials are used. */
      readonly keyFile?: string;
      readonly knownHostsFile?: string;
      /** Whether the host key is checked, and that of every jump host. Default true. */
      readonly verify: boolean;
      /** Jump hosts, the first one nearest to us. Default: none. */
      readonly jumps?: readonly SshHop[];
    }
    | {
      readonly transport: "tls";
      readonly host: string;
      readonly port: number;
      /** Whether the host's certificate is checked. Default true. */
      readonly verify: boolean;
      /** Folder with `cacert.pem`, `clientcert.pem` and `clientkey.pem`; else the credentials are used. */
      readonly pkiPath?: string;
    }
    | { readonly transport: "tcp"; readonly host: string; readonly port: number }
  );

/** As many as anybody has in a row. */
const JUMPS_MAX = 8;

const UNDERSTOOD = "use qemu:///system (optionally ?socket=PATH) or qemu+ssh://USER@HOST[:PORT]/system (optionally " +
  "?socket=, ?keyfile=, ?known_hosts=, ?no_verify=1, ?proxyjump=USER@HOST:PORT) or qemu+tls://HOST[:PORT]/system " +
  "(optionally ?no_verify=1, ?pkipath=) or qemu+tcp://HOST[:PORT]/system";
/** Parameters that choose between ways which lead to the same place here. */
const WITHOUT_EFFECT = ["no_tty", "sshauth", "mode", "no_sanity", "proxy"];
/** Known to libvirt's own client, and refused here with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  command: "no program is started to reach the host; leave it out",
  netcat: "no program is started on the host, its socket is forwarded; leave it out",
  tls_priority: "the runtime chooses ciphers; restrict them at the host",
};

const refuse = (uri: string, why: string): ProviderError =>
  new ProviderError("InvalidSpec", `libvirt URI "${uri}": ${why}; ${UNDERSTOOD}`, { field: "endpoint" });

/**
 * Reads a connection URI.
 * @throws {ProviderError} `InvalidSpec` that names what is wrong and what is understood.
 */
export function parseUri(uri: string): LibvirtEndpoint {
  if (uri.length > 2048 || !URL.canParse(uri)) throw refuse(uri.slice(0, 100), "not a URI");
  const url = new URL(uri);
  if (url.password !== "") {
    throw refuse(`${url.protocol}//...`, "a password in the URI would end up in logs; put it into the credentials");
  }
  const [driver, transport = url.host === "" ? "unix" : "tls"] = url.protocol.slice(0, -1).split("+");
  if (driver !== "qemu") throw refuse(uri, `driver "${driver}" is not supported`);
  if (url.pathname !== "/system") throw refuse(uri, `path "${url.pathname}" is not supported, expected /system`);
  const params = new Map(url.searchParams);
  const take = (name: string): string | undefined => {
    const value = params.get(name);
    params.delete(name);
    return value === "" ? undefined : value;
  };
  for (const name of WITHOUT_EFFECT) params.delete(name);
  if (![undefined, "qemu:///system"].includes(take("name"))) {
    throw refuse(uri, 'parameter "name" can only be qemu:///system');
  }
  const common = { driverUri: "qemu:///system", socket: take("socket") ?? DEFAULT_SOCKET };
  const place = (port: number) => {
    if (url.hostname === "") throw refuse(uri, "the host is missing");
    return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? port : Number(url.port) };
  };
  const isChecked = () => !["1", "true"].includes(take("no_verify") ?? "0");
  const endpoint = (): LibvirtEndpoint => {
    switch (transport) {
      case "unix":
        if (url.host !== "") throw refuse(uri, "a local URI has no host");
        return { ...common, transport };
      case "ssh":
      case "libssh":
      case "libssh2": {
        const [keyFile, knownHostsFile] = [take("keyfile"), take("known_hosts")];
        const ignore = take("known_hosts_verify") === "ignore";
        const jumps = readHops(uri, take("proxyjump"));
        return {
          ...common,
          transport: "ssh",
          ...place(PORTS.ssh),
          verify: isChecked() && !ignore,
          ...(url.username === "" ? {} : { user: decodeURIComponent(url.username) }),
          ...(keyFile === undefined ? {} : { keyFile }),
          ...(knownHostsFile === undefined ? {} : { knownHostsFile }),
          ...(jumps.length === 0 ? {} : { jumps }),
        };
      }
      case "tls": {
        const pkiPath = take("pkipath");
        return {
          ...common,
          transport,
          ...place(PORTS.tls),
          verify: isChecked(),
          ...(pkiPath === undefined ? {} : { pkiPath }),
        };
      }
      case "tcp":
        return { ...common, transport, ...place(PORTS.tcp) };
      default:
        throw refuse(uri, `transport "${transport}" is not supported`);
    }
  };
  const result = endpoint();
  const [unknown] = params.keys();
  if (unknown !== undefined) {
    const why = Object.hasOwn(REFUSED, unknown) ? `is refused: ${REFUSED[unknown]}` : "is not known";
    throw refuse(uri, `parameter "${unknown}" ${why}`);
  }
  return result;
}

/** `[USER@]HOST[:PORT]`, several with commas between, as OpenSSH's `ProxyJump` has them. */
function readHops(uri: string, value: string | undefined): SshHop[] {
  if (value === undefined || value === "none") return [];
  const hops = value.split(",").map((text): SshHop => {
    const [, user, host, port = `${PORTS.ssh}`] =
      /^(?:([^@:]+)@)?(\[[^\]]+\]|[^:@/]+)(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
    if (host === undefined || Number(port) > 65_535) {
      // Not quoted: it may hold a password.
      throw refuse("qemu+ssh://...", "proxyjump is not a list of [USER@]HOST[:PORT]");
    }
    return {
      host: host.replace(/^\[|\]$/g, ""),
      port: Number(port),
      ...(user === undefined ? {} : { user }),
    };
  });
  if (hops.length > JUMPS_MAX) throw refuse(uri, `proxyjump has ${hops.length} hosts, at most ${JUMPS_MAX}`);
  return hops;
}

/**
 * Text of a file that a URI names.
 * @throws {ProviderError} `InvalidSpec` when it cannot be read.
 */
export async function readUriFile(path: string, parameter: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProviderError("InvalidSpec", `libvirt URI: cannot read the ${parameter} ${path}: ${why}`, {
      field: "endpoint",
      cause: error,
    });
  }
}
