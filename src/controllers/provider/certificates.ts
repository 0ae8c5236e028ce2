/** What the Provider controller needs of the manager's certificate authority. @module */
import type { ConnectionSettings } from "./input.ts";
import type { CertificateView } from "./input.ts";

/** PEM texts of one identity and of what it trusts. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** Issues and reads certificates. */
export interface Certificates {
  /** SAN of the manager's own client certificate. */
  readonly clientName: string;
  /** A server certificate for a provider. */
  issueServer(names: readonly string[]): Promise<Identity>;
  /** The manager's client identity, valid for a while yet. */
  client(): Promise<Identity>;
  /** What is in a certificate; `undefined` for text that is none. */
  read(certPem: string): CertificateView | undefined;
}

/** How the manager proves itself to a provider. */
export type ClientTls =
  | { readonly type: "Plaintext" }
  | { readonly type: "Mutual"; readonly identity: Identity; readonly serverName: string; readonly skipVerify: boolean };

/** Opens connections to providers. */
export interface ProviderDialer<C> {
  dial(key: string, settings: ConnectionSettings, tls: ClientTls, providerType: string): C;
}
