/** Who the client is: tokens and certificates, where they come from and when they are read again. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";

/** What a request and its TLS connection carry. PEM texts, not file names. */
export interface Credentials {
  readonly token?: string;
  /** Certificates to trust instead of the machine's own. */
  readonly caPem?: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Further headers, such as basic authentication of a kubeconfig. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where credentials come from. Called for every request: implementations cache. */
export interface CredentialSource {
  current(): Promise<Credentials>;
  /** The server refused what `current` gave: read anew at the next call. */
  invalidate(): void;
}

/** Credentials that never change. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return { current: () => Promise.resolve(credentials), invalidate() {} };
}

/** How often rotated files and expiring tokens are looked at again. The kubelet renews tokens at 80 % of their life. */
const REFRESH_MS = 60_000;

/**
 * Credentials that `load` reads, cached for `refreshMs`. Callers share a load that is under way. A load that fails
 * while older credentials are there keeps those: a file that is being replaced must not stop the client.
 */
export function refreshingCredentials(
  load: () => Promise<Credentials>,
  options: { readonly refreshMs?: number; readonly clock?: Clock } = {},
): CredentialSource {
  const clock = options.clock ?? systemClock;
  let cached: Credentials | undefined;
  let readAt = -Infinity;
  let loading: Promise<Credentials> | undefined;
  const reload = async (): Promise<Credentials> => {
    try {
      cached = await load();
    } catch (error) {
      if (cached === undefined) throw error;
    } finally {
      loading = undefined;
    }
    readAt = clock.monotonic();
    return cached;
  };
  return {
    current() {
      if (cached !== undefined && clock.monotonic() - readAt < (options.refreshMs ?? REFRESH_MS)) {
        return Promise.resolve(cached);
      }
      return loading ??= reload();
    },
    invalidate() {
      readAt = -Infinity;
    },
  };
}

/** Files that hold credentials; each is read again as {@linkcode refreshingCredentials} says. */
export interface CredentialFiles {
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Credentials in files that are rotated under the running process, as in a pod. */
export function fileCredentials(
  files: CredentialFiles,
  options: { readonly refreshMs?: number; readonly clock?: Clock } = {},
): CredentialSource {
  const read = async (file: string | undefined) => file === undefined ? undefined : await Deno.readTextFile(file);
  return refreshingCredentials(async () => {
    const [token, caPem, certPem, keyPem] = await Promise.all([
      read(files.tokenFile),
      read(files.caFile),
      read(files.certFile),
      read(files.keyFile),
    ]);
    return { token: token?.trim(), caPem, certPem, keyPem };
  }, options);
}
