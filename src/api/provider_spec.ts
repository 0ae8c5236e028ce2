/** `Provider.spec`. @module */
import { type Static } from "@virtrigaud/deps";
import { affinity } from "./core/affinity.ts";
import { coreLocalRef, EnvVar, probe, resourceRequirements, securityContext, Toleration } from "./core/container.ts";
import { objectRef } from "./refs.ts";
import { boolean, duration, int32, integer, list, object, oneOf, string, stringMap } from "./schema.ts";

/** Hypervisors that a Provider can stand for. `firecracker` and `qemu` are reserved names without a provider. */
export const PROVIDER_TYPES = ["vsphere", "libvirt", "firecracker", "qemu", "proxmox", "mock"] as const;
/** One of {@linkcode PROVIDER_TYPES}. */
export type ProviderType = (typeof PROVIDER_TYPES)[number];

const HOST = "([a-zA-Z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])";
/** URLs of hypervisors: vCenter and Proxmox over HTTP(S), a provider over tcp or grpc, libvirt's URIs, the mock. */
export const ENDPOINT_PATTERN = "^(" + [
  `https?://${HOST}(:[0-9]+)?([/?#].*)?`,
  `(tcp|grpc)://${HOST}:[0-9]+(/.*)?`,
  `qemu(\\+(ssh|tcp|tls|unix))?://([a-zA-Z0-9@._-]+(:[0-9]+)?|([a-zA-Z0-9._-]+@)?${HOST}(:[0-9]+)?)?/.*`,
  "mock://.*",
].join("|") + ")$";

const REGISTRY = "([a-zA-Z0-9._-]+:[0-9]+/|\\[[0-9A-Fa-f:.]+\\](:[0-9]+)?/)?";
/** Container images: registry with port, repository, tag, digest. */
export const IMAGE_PATTERN = `^${REGISTRY}[a-zA-Z0-9._/-]+(:[a-zA-Z0-9._-]+)?(@[a-zA-Z0-9]+:[a-fA-F0-9]{64,128})?$`;

const runtime = object("The process that talks to the hypervisor on behalf of the manager.", {
  image: string("Container image of the provider.", { pattern: IMAGE_PATTERN }),
}, {
  mode: oneOf("Where the provider runs: always in a process of its own.", ["Remote"], { default: "Remote" }),
  imagePullPolicy: oneOf("When to pull the image.", ["Always", "Never", "IfNotPresent"], { default: "IfNotPresent" }),
  imagePullSecrets: list("Secrets with credentials for the registry.", coreLocalRef("One Secret."), { maxItems: 10 }),
  replicas: int32("Number of provider processes.", { default: 1, minimum: 1, maximum: 10 }),
  service: object("How the manager reaches the provider.", {}, {
    port: int32("Port of the gRPC service.", { default: 9443, minimum: 1024, maximum: 65535 }),
    tls: object(
      "Transport security between manager and provider. Absent means mutual TLS with certificates that the manager issues and renews.",
      {},
      {
        enabled: boolean("False turns transport security off: plain text.", { default: true }),
        insecureSkipVerify: boolean("True lets the manager take any certificate from the provider.", {
          default: false,
        }),
        secretRef: coreLocalRef(
          "Secret with tls.crt, tls.key and ca.crt, used by both sides in place of certificates that the manager issues.",
        ),
      },
    ),
  }),
  resources: resourceRequirements("Compute resources of the provider container."),
  nodeSelector: stringMap("Labels that a node must have to run the provider."),
  tolerations: list("Taints of nodes that the provider puts up with.", Toleration, { maxItems: 20 }),
  affinity: affinity("Where in the cluster the provider may run."),
  securityContext: securityContext("Security settings of the provider container; they add to the restricted defaults."),
  env: list("Further environment variables of the provider; they win over those that the manager sets.", EnvVar, {
    maxItems: 50,
  }),
  livenessProbe: probe("Probe that restarts the container, in place of the default one."),
  readinessProbe: probe("Probe that lets traffic in, in place of the default one."),
  logLevel: oneOf("Least severe messages that the provider logs.", ["debug", "info", "warn", "error"], {
    default: "info",
  }),
  logFormat: oneOf("How the provider writes its log.", ["text", "json"], { default: "text" }),
});

const name255 = (description: string) => string(description, { maxLength: 255 });

/** Schema of `Provider.spec`. */
export const ProviderSpec = object("Which hypervisor, how to reach it and how to run its provider.", {
  type: oneOf("Kind of hypervisor.", PROVIDER_TYPES),
  endpoint: string(
    "Where the hypervisor is: https:// for vSphere and Proxmox VE, qemu:// URIs for libvirt, mock:// for the mock.",
    {
      pattern: ENDPOINT_PATTERN,
    },
  ),
  runtime,
}, {
  credentialSecretRef: objectRef(
    "Secret with the credentials for the hypervisor, in the namespace of the Provider. Not needed for the mock or a local libvirt socket.",
  ),
  insecureSkipVerify: boolean("True takes any certificate from the hypervisor. For trying things out only.", {
    default: false,
  }),
  defaults: object("Placement of VMs that do not say themselves.", {}, {
    datastore: name255("Datastore or storage pool; not together with storagePod."),
    storagePod: name255("Datastore cluster (vSphere)."),
    cluster: name255("Compute cluster."),
    folder: name255("Folder of the inventory."),
    resourcePool: name255("Resource pool."),
    network: name255("Network for VMs without interfaces of their own."),
  }),
  rateLimit: object("How fast the manager may call the provider.", {}, {
    qps: integer("Calls per second, on average.", { default: 10, minimum: 1, maximum: 1000 }),
    burst: integer("Calls at once.", { default: 20, minimum: 1, maximum: 2000 }),
  }),
  healthCheck: object("How the manager finds out whether the hypervisor can be worked with.", {}, {
    enabled: boolean("False turns the check off.", { default: true }),
    interval: duration("Time between checks.", { default: "30s" }),
    timeout: duration("Time that one check may take.", { default: "10s" }),
    failureThreshold: int32("Failures in a row that count as unhealthy.", { default: 3, minimum: 1, maximum: 10 }),
    successThreshold: int32("Successes in a row that count as healthy again.", { default: 1, minimum: 1, maximum: 10 }),
  }),
  connectionPooling: object("Connections that the provider keeps to the hypervisor.", {}, {
    maxConnections: int32("Most connections at once.", { default: 10, minimum: 1, maximum: 100 }),
    maxIdleConnections: int32("Most connections kept without work.", { default: 5, minimum: 1 }),
    connectionTimeout: duration("Time that connecting may take.", { default: "30s" }),
    idleTimeout: duration("Time after which a connection without work is closed.", { default: "5m" }),
  }),
}, {
  "x-kubernetes-validations": [{
    rule: "has(self.credentialSecretRef) || self.type == 'mock' || " +
      "(self.type == 'libvirt' && !self.endpoint.startsWith('qemu+ssh:'))",
    message: "credentialSecretRef is required, but for type mock and for libvirt without SSH",
    fieldPath: ".credentialSecretRef",
    reason: "FieldValueRequired",
  }],
});
/** Which hypervisor, how to reach it and how to run its provider. */
export type ProviderSpec = Static<typeof ProviderSpec>;
