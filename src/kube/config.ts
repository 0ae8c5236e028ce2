/** Finds the API server and credentials in a kubeconfig or in the pod. @module */
import { type Credentials, type CredentialSource, fileCredentials, refreshingCredentials } from "./credentials.ts";
import { KubeClient } from "./client.ts";
import type { KubeClientOptions } from "./options.ts";

/** Where {@linkcode loadKubeClient} looks. The environment is not read: a role's own configuration does that. */
export type KubeConfigSource =
  /** A kubeconfig file: tokens, token files, certificates, exec plugins. */
  | { readonly kubeconfig: string; readonly context?: string }
  /** The service account of the pod. */
  | {
    readonly inCluster: {
      /** Default `https://kubernetes.default.svc`. */
      readonly baseUrl?: string;
      /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
      readonly folder?: string;
    };
  };

/** An API server, its credentials, and the namespace that the configuration names. */
export interface LoadedConfig {
  readonly baseUrl: string;
  readonly credentials: CredentialSource;
  /** Default `default`. */
  readonly namespace: string;
}

/**
 * A client as a kubeconfig or the pod says.
 * @throws when the file is missing or wrong, or asks for what the platform cannot do (unverified TLS, another server name)
 */
export async function loadKubeClient(
  source: KubeConfigSource,
  options: Omit<KubeClientOptions, "baseUrl" | "credentials" | "connection"> = {},
): Promise<KubeClient> {
  const { baseUrl, credentials } = await loadConfig(source);
  return new KubeClient({ ...options, baseUrl, credentials });
}

/** Reads the configuration; see {@linkcode loadKubeClient}. */
export async function loadConfig(source: KubeConfigSource): Promise<LoadedConfig> {
  return "kubeconfig" in source ? await fromKubeconfig(source) : await fromPod(source.inCluster);
}

async function fromPod(pod: { readonly baseUrl?: string; readonly folder?: string }): Promise<LoadedConfig> {
  const folder = pod.folder ?? "/var/run/secrets/kubernetes.io/serviceaccount";
  const credentials = fileCredentials({ tokenFile: `${folder}/token`, caFile: `${folder}/ca.crt` });
  try {
    await credentials.current();
    const namespace = (await Deno.readTextFile(`${folder}/namespace`)).trim();
    return { baseUrl: pod.baseUrl ?? "https://kubernetes.default.svc", credentials, namespace };
  } catch (cause) {
    throw new Error(`cannot read the service account of this pod in ${folder}; not in a cluster? give a kubeconfig`, {
      cause,
    });
  }
}

/** What client-node fills in for a request; exec plugins and token files are asked anew as they expire. */
interface AppliedAuth {
  headers?: Record<string, string>;
  ca?: string | Uint8Array;
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  auth?: string;
}

/** Exec plugins and token files are cheap to ask: client-node keeps their answers until they expire. */
const ASK_AGAIN_MS = 10_000;

async function fromKubeconfig(
  source: { readonly kubeconfig: string; readonly context?: string },
): Promise<LoadedConfig> {
  const { kubeconfig } = source;
  // Loaded only here: a client that is given its address and token does not pay for client-node.
  const { KubeConfig } = await import("@virtrigaud/deps/kubernetes.ts");
  const config = new KubeConfig();
  try {
    config.loadFromString(await Deno.readTextFile(kubeconfig));
  } catch (cause) {
    throw new Error(`cannot read the kubeconfig ${kubeconfig}`, { cause });
  }
  config.makePathsAbsolute(kubeconfig.replace(/[^/]*$/, "") || ".");
  if (source.context !== undefined) config.setCurrentContext(source.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`kubeconfig ${kubeconfig}: context "${config.getCurrentContext()}" names no cluster of the file`);
  }
  if (cluster.skipTLSVerify) {
    throw new Error(`kubeconfig ${kubeconfig}: insecure-skip-tls-verify is not supported; give certificate-authority`);
  }
  if (cluster.tlsServerName !== undefined) {
    throw new Error(`kubeconfig ${kubeconfig}: tls-server-name is not supported; give a server name that resolves`);
  }
  const load = async (): Promise<Credentials> => {
    const applied: AppliedAuth = {};
    await config.applyToHTTPSOptions(applied as Parameters<typeof config.applyToHTTPSOptions>[0]);
    const { authorization, ...headers } = lowerCased(applied.headers ?? {});
    const token = authorization?.match(/^Bearer (.*)$/i)?.[1];
    const basic = applied.auth === undefined ? undefined : `Basic ${btoa(applied.auth)}`;
    const other = token === undefined ? authorization ?? basic : undefined;
    return {
      token,
      caPem: text(applied.ca),
      certPem: text(applied.cert),
      keyPem: text(applied.key),
      headers: other === undefined ? headers : { ...headers, authorization: other },
    };
  };
  return {
    baseUrl: cluster.server,
    credentials: refreshingCredentials(load, { refreshMs: ASK_AGAIN_MS }),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? "default",
  };
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function text(pem: string | Uint8Array | undefined): string | undefined {
  return pem === undefined || typeof pem === "string" ? pem : new TextDecoder().decode(pem);
}
