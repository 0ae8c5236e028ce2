/** What the Provider controller needs of the manager's certificate authority and of the network. @module */
import type { Secret } from "@virtrigaud/telemetry";
import type { Dialed } from "../connection/connection.ts";
import type { CertificateView, ConnectionSettings } from "./input.ts";

/** PEM texts of one identity and of what it trusts. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: Secret<string>;
  readonly caPem: string;
}

/** Issues and reads certificates. */
export interface Certificates {
  /** SAN of the manager's own client certificate. */
  readonly clientName: string;
  /** A server certificate for a provider. */
  issueServer(names: readonly string[]): Promise<Identity>;
  /** The manager's client identity, valid for a while yet; another `version` after each renewal, and after each change of what is trusted. */
  client(): Promise<Identity & { readonly version: string; readonly renewAt: number }>;
  /** What is in a certificate, and whether `caPem` beside it is this authority's; `undefined` for text that is none. */
  read(certPem: string, caPem: string): Promise<CertificateView | undefined>;
}

/** How the manager proves itself to a provider. */
export type ClientTls =
  | { readonly type: "Plaintext" }
  | { readonly type: "Mutual"; readonly identity: Identity; readonly skipVerify: boolean };

/** Opens ways to providers. */
export interface ProviderDialer {
  dial(key: string, settings: ConnectionSettings, tls: ClientTls, providerType: string): Dialed;
}
