/** Provider: one hypervisor, and the process that talks to it. @module */
import { type Static } from "@virtrigaud/deps";
import { coreLocalRef } from "./core/container.ts";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { ProviderSpec } from "./provider_spec.ts";
import { boolean, dateTime, int32, int64, list, object, oneOf, string } from "./schema.ts";

/** One-word summary of a Provider. */
export const PROVIDER_PHASES = ["Pending", "Starting", "Ready", "Degraded", "Unhealthy", "Deleting", "Failed"] as const;
/** One of {@linkcode PROVIDER_PHASES}. */
export type ProviderPhase = (typeof PROVIDER_PHASES)[number];

const usage = (what: string, unit: string) =>
  object(`${what} of the hypervisor.`, {}, {
    total: int64(`All there is, in ${unit}.`),
    used: int64(`What is used, in ${unit}.`),
    available: int64(`What is free, in ${unit}.`),
    usagePercent: int32("Share that is used, in percent."),
  });

const names = (description: string) => list(description, string("One name."));

/** Schema of {@linkcode ReportedCapabilities}. */
export const ReportedCapabilities = object("What the provider says it can do.", {}, {
  supportsReconfigureOnline: boolean("Change CPU and memory of a running VM."),
  supportsDiskExpansionOnline: boolean("Grow a disk of a running VM."),
  supportsSnapshots: boolean("Take snapshots."),
  supportsMemorySnapshots: boolean("Keep the memory in a snapshot."),
  supportsLinkedClones: boolean("Clone without copying the disks."),
  supportsImageImport: boolean("Fetch images from a URL."),
  supportsDiskExport: boolean("Export disks."),
  supportsDiskImport: boolean("Import disks."),
  supportsExportCompression: boolean("Compress exported disks."),
  supportedDiskTypes: names("Kinds of disks."),
  supportedNetworkTypes: names("Kinds of networks."),
  supportedExportFormats: names("Formats of exported disks."),
  supportedImportFormats: names("Formats of imported disks."),
  supportedExportBackends: names("Storage that disks can be exported to."),
  supportedImportBackends: names("Storage that disks can be imported from."),
  supportedTransferModes: names("Ways to move a disk: relay, direct."),
});

/** Schema of `Provider.status`. */
export const ProviderStatus = object("What is known of the hypervisor and its provider.", {}, {
  phase: oneOf("One-word summary; the conditions are authoritative.", PROVIDER_PHASES),
  message: string("What is going on or wrong, for a person."),
  healthy: boolean("Whether the last health checks succeeded."),
  lastHealthCheck: dateTime("When `healthy` last turned; checks that say the same again do not move it."),
  version: string("Version of the provider."),
  hypervisorVersion: string("Product and version of the hypervisor."),
  connectedVMs: int32("Number of VirtualMachines that refer to this Provider."),
  capabilities: list(
    "What the provider can do, in words.",
    oneOf("One capability.", [
      "VirtualMachines",
      "Snapshots",
      "Cloning",
      "LiveMigration",
      "ConsoleAccess",
      "DiskManagement",
      "NetworkManagement",
      "GPUPassthrough",
      "HighAvailability",
      "Backup",
      "Templates",
    ]),
  ),
  reportedCapabilities: ReportedCapabilities,
  runtime: object("The provider process.", {}, {
    mode: oneOf("Where the provider runs.", ["Remote"]),
    phase: oneOf("State of the Deployment.", ["Pending", "Starting", "Running", "Stopping", "Failed"]),
    endpoint: string("Host and port of the gRPC service."),
    serviceRef: coreLocalRef("Service in front of the provider."),
    readyReplicas: int32("Provider processes that are ready."),
    availableReplicas: int32("Provider processes that have been ready for long enough."),
    message: string("What is going on or wrong with the process, for a person."),
  }),
  tls: object("Transport security between manager and provider.", {}, {
    mode: oneOf("Who provides the certificates: the manager, a Secret, or nobody (plain text).", [
      "Managed",
      "Secret",
      "Disabled",
    ]),
    secretName: string("Secret with the certificates in use."),
    notAfter: dateTime("When the provider's certificate expires."),
    renewAfter: dateTime("When the manager renews it, for mode Managed."),
  }),
  adoption: object("VMs that were there before VirtRigaud.", {}, {
    discoveredVMs: int32("VMs that the hypervisor has and no object stands for."),
    adoptedVMs: int32("VMs that got an object."),
    failedAdoptions: int32("VMs that could not get an object."),
    lastDiscoveryTime: dateTime("When the hypervisor was last looked through."),
    message: string("How the last look went, for a person."),
  }),
  resourceUsage: object("How full the hypervisor is.", {}, {
    cpu: usage("Compute capacity", "MHz"),
    memory: usage("Memory", "bytes"),
    storage: usage("Storage", "bytes"),
    network: object("Network traffic of the hypervisor.", {}, {
      bytesReceived: int64("Bytes received."),
      bytesSent: int64("Bytes sent."),
      packetsReceived: int64("Packets received."),
      packetsSent: int64("Packets sent."),
    }),
  }),
  conditions,
  observedGeneration,
});
/** What is known of the hypervisor and its provider. */
export type ProviderStatus = Static<typeof ProviderStatus>;

/** A hypervisor that VMs run on, and the provider process through which the manager works with it. */
export type Provider = KubeResource<"Provider", ProviderSpec, ProviderStatus>;

/** Definition of the kind Provider. */
export const provider = defineKind({
  kind: "Provider",
  plural: "providers",
  shortNames: ["prov"],
  description: "A hypervisor that VMs run on, and the provider process through which the manager works with it.",
  spec: ProviderSpec,
  status: ProviderStatus,
  support: {
    manager: [
      "spec.type",
      "spec.endpoint",
      "spec.runtime",
      "spec.credentialSecretRef",
      "spec.insecureSkipVerify",
      "spec.rateLimit",
      "spec.healthCheck",
    ],
    managerPlanned: [],
    descriptive: [],
    blocks: {},
    providers: {
      mock: { honoured: ["spec"], planned: [] },
      libvirt: { honoured: ["spec.defaults.datastore", "spec.defaults.network"], planned: ["spec.connectionPooling"] },
      vsphere: { honoured: [], planned: ["spec"] },
      proxmox: { honoured: [], planned: ["spec"] },
    },
  },
  printerColumns: [
    { name: "Type", type: "string", jsonPath: ".spec.type" },
    { name: "Endpoint", type: "string", jsonPath: ".spec.endpoint" },
    { name: "Healthy", type: "boolean", jsonPath: ".status.healthy" },
    { name: "VMs", type: "integer", jsonPath: ".status.connectedVMs" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
    { name: "Version", type: "string", jsonPath: ".status.version", priority: 1 },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
