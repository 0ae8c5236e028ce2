/** What a decision about a Provider is made from, and what it can come to. @module */
import type { Provider, ProviderStatus } from "@virtrigaud/api";
import type { Capabilities } from "@virtrigaud/contract";
import type { UntypedObject } from "@virtrigaud/kube";
import type { Health } from "../connection/health.ts";

/** A Secret that the Provider needs, as far as it may be known here: never its content. */
export type SecretView =
  /** Not looked for yet. */
  | { readonly type: "Unknown"; readonly name: string }
  | { readonly type: "Missing"; readonly name: string }
  | { readonly type: "Present"; readonly name: string; readonly version: string };

/** The certificate in a TLS Secret. Times are milliseconds since 1970. */
export interface CertificateView {
  readonly notAfter: number;
  /** When the manager renews a certificate of its own. */
  readonly renewAt: number;
  /** DNS names that the certificate is for. */
  readonly names: readonly string[];
  /** Whether the manager's CA issued it. */
  readonly ours: boolean;
}

/** The connection that is open, if any. */
export interface ConnectionView {
  /** Digest of the {@linkcode ConnectionSettings} it was opened with. */
  readonly digest: string;
  readonly health: Health;
  readonly capabilities?: Capabilities;
  /** Why the hypervisor's VMs are not known now. */
  readonly lost?: string;
}

/** One immutable picture of everything that matters about a Provider. */
export interface ProviderInput {
  readonly provider: Provider;
  readonly now: number;
  /** VirtualMachines that refer to it. */
  readonly users: number;
  readonly credentials?: SecretView;
  /** Absent in plain text. */
  readonly tls?: { readonly secret: SecretView; readonly certificate?: CertificateView };
  /** What is there of what {@linkcode Step} `Apply` makes; `undefined`: not there. */
  readonly live: {
    readonly serviceAccount?: UntypedObject;
    readonly service?: UntypedObject;
    readonly deployment?: UntypedObject;
  };
  /** Generation of the Deployment after the manager's own last apply; absent after a restart. */
  readonly appliedGeneration?: number;
  readonly connection?: ConnectionView;
  /** SAN of the manager's client certificate. */
  readonly clientName: string;
  /** Changes when the manager's client certificate is renewed. */
  readonly clientVersion: string;
  /** When that certificate is renewed, milliseconds since 1970. */
  readonly clientRenewAt: number;
}

/** Everything that a connection depends on; another digest means another connection. Durations in milliseconds. */
export interface ConnectionSettings {
  readonly address: string;
  readonly serverName: string;
  readonly tls: "Managed" | "Secret" | "Disabled";
  /** Secret with the client certificate, for `Secret`, and its version. */
  readonly tlsSecret?: { readonly name: string; readonly version: string };
  /** Version of the manager's client certificate, for `Managed`. */
  readonly clientVersion?: string;
  readonly skipVerify: boolean;
  /** Absent: what the manager was told for all providers. */
  readonly rateLimit?: { readonly qps: number; readonly burst: number };
  readonly health: {
    readonly enabled: boolean;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly failureThreshold: number;
    readonly successThreshold: number;
  };
}

/** What `Apply` can make. */
export type RuntimeKind = "ServiceAccount" | "Service" | "Deployment";

/** Exactly one next step. */
export type Step =
  | { readonly type: "Wait" }
  | { readonly type: "AddFinalizer" }
  | { readonly type: "RemoveFinalizer" }
  | { readonly type: "IssueCertificate"; readonly secretName: string; readonly names: readonly string[] }
  | { readonly type: "Apply"; readonly kind: RuntimeKind; readonly object: UntypedObject }
  | { readonly type: "Connect"; readonly settings: ConnectionSettings; readonly digest: string }
  | { readonly type: "Disconnect" };

/** One step, what the status says meanwhile, and when to look again. */
export interface Decision {
  readonly step: Step;
  readonly status: ProviderStatus;
  readonly requeueAfterMs?: number;
}
