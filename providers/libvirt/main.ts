/** The libvirt provider as a process. @module */
import { type ProviderConfig, runProvider } from "@virtrigaud/contract/server/mod.ts";
import type { CredentialStore } from "@virtrigaud/contract/server/mod.ts";
import type { HostCredentials } from "./client/session.ts";
import type { TlsCredentials } from "./client/tls.ts";
import { LIBVIRT_PROVIDER_VERSION, LibvirtProvider } from "./provider.ts";

/** The provider that `config` describes; see README.md for the keys of its credentials and its defaults. */
export function startLibvirt(config: ProviderConfig): LibvirtProvider {
  const { endpoint, defaults, insecureSkipVerify, credentials, clock, version } = config;
  const provider = new LibvirtProvider({
    endpoint,
    version,
    clock,
    insecureSkipVerify,
    credentials: () => hostCredentials(credentials),
    graphicsPassword: () => credentials.get("graphics-password"),
    ...(defaults["datastore"] === undefined ? {} : { defaultPool: defaults["datastore"] }),
    ...(defaults["network"] === undefined ? {} : { defaultNetwork: defaults["network"] }),
  });
  credentials.onChange(() => provider.renewCredentials());
  return provider;
}

function hostCredentials(store: CredentialStore): HostCredentials {
  const [username, password, privateKey, passphrase, knownHosts] = [
    store.get("username")?.reveal(),
    store.get("password"),
    store.get("ssh-privatekey"),
    store.get("ssh-passphrase"),
    store.get("known_hosts")?.reveal(),
  ];
  return {
    ...(username === undefined || username === "" ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(knownHosts === undefined ? {} : { knownHosts }),
    ...tlsCredentials(store),
  };
}

function tlsCredentials(store: CredentialStore): TlsCredentials {
  const [certificate, key, authority] = [
    store.get("tls.crt")?.reveal(),
    store.get("tls.key"),
    store.get("ca.crt")?.reveal(),
  ];
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(authority === undefined ? {} : { authority }),
  };
}

if (import.meta.main) {
  await runProvider({ name: "provider-libvirt", version: LIBVIRT_PROVIDER_VERSION, create: startLibvirt });
}
