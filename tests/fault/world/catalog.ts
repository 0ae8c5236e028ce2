/** What VMs refer to and what can become of it. @module */

/** Kinds of what VMs refer to. */
export const CATALOG_KINDS = ["class", "image", "network", "provider", "secret"] as const;

/** One of {@linkcode CATALOG_KINDS}. */
export type CatalogKind = typeof CATALOG_KINDS[number];

interface Entry {
  readonly name: string;
  /** As it should be. */
  readonly body: Readonly<Record<string, unknown>>;
  /** As it cannot be. */
  readonly spoilt: Readonly<Record<string, unknown>>;
}

const provider = {
  type: "mock",
  endpoint: "mock://",
  credentialSecretRef: { name: "cred" },
  runtime: { image: "registry.test/provider-mock:v1", service: { tls: { enabled: false } } },
};

/** The one object of each kind that steps are about. */
export const CATALOG: Readonly<Record<CatalogKind, Entry>> = {
  class: { name: "large", body: { spec: { cpu: 2, memory: "2Gi" } }, spoilt: { spec: { cpu: 2, memory: "2 apples" } } },
  image: {
    name: "tiny",
    body: { spec: { source: { vsphere: { templateName: "tiny" } } } },
    spoilt: { spec: { source: {} } },
  },
  network: {
    name: "lab",
    body: { spec: { network: { libvirt: { networkName: "lab" } } } },
    spoilt: { spec: { network: {} } },
  },
  provider: {
    name: "mock",
    body: { spec: provider },
    spoilt: { spec: { ...provider, healthCheck: { interval: "soon" } } },
  },
  secret: {
    name: "cred",
    body: { data: { username: btoa("u"), password: btoa("p1") } },
    // Nobody reads it but the provider's process.
    spoilt: { data: {} },
  },
};

/** Name of the Secret that VMs share their user-data by. */
export const SHARED_USER_DATA = "init";

/** User-data that the guest's name tells. */
export const userData = (n: number): string => `#cloud-config\nhostname: h${n}\n`;
