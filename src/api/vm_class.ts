/** VMClass: a size and hardware profile that VMs share. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { boolean, dateTime, int32, list, map, object, oneOf, quantity, string, stringMap } from "./schema.ts";

const no = { default: false } as const;

/** Schema of `VMClass.spec`. */
export const VMClassSpec = object("Size and hardware profile.", {
  cpu: int32("Number of virtual CPUs.", { minimum: 1, maximum: 128 }),
  memory: quantity("Memory as a quantity, such as 4Gi; rounded up to whole MiB."),
}, {
  firmware: oneOf("Firmware that the machine starts with; EFI is another word for UEFI.", ["BIOS", "UEFI", "EFI"], {
    default: "BIOS",
  }),
  diskDefaults: object("Root disk, and what disks are that do not say themselves.", {}, {
    type: oneOf("How disks are provisioned.", ["thin", "thick", "eagerzeroedthick", "ssd", "hdd", "nvme"], {
      default: "thin",
    }),
    size: quantity("Size of the root disk; a larger image keeps its own size.", { default: "40Gi" }),
    iops: int32("Most I/O operations per second of a disk.", { minimum: 100, maximum: 100000 }),
    storageClass: string("Datastore, storage pool or storage policy, in the provider's terms.", { maxLength: 253 }),
  }),
  guestToolsPolicy: oneOf("What to do about the guest tools or agent.", ["install", "skip", "upgrade", "uninstall"], {
    default: "install",
  }),
  resourceLimits: object("Share of the host that the machine may take.", {}, {
    cpuLimit: int32("Most compute capacity, in MHz.", { minimum: 100, maximum: 100000 }),
    cpuReservation: int32("Compute capacity that is set aside, in MHz.", { minimum: 0, maximum: 100000 }),
    cpuShares: int32("Weight against other machines when compute capacity is short.", { minimum: 1, maximum: 1000000 }),
    memoryLimit: quantity("Most physical memory that backs the machine."),
    memoryReservation: quantity("Physical memory that is set aside."),
  }),
  performanceProfile: object("How the machine trades flexibility for speed.", {}, {
    latencySensitivity: oneOf("How sensitive the work is to latency.", ["low", "normal", "high"], {
      default: "normal",
    }),
    cpuHotAddEnabled: boolean("Whether CPUs can be added while the machine runs.", no),
    memoryHotAddEnabled: boolean("Whether memory can be added while the machine runs.", no),
    virtualizationBasedSecurity: boolean("Whether the guest can use virtualization-based security.", no),
    nestedVirtualization: boolean("Whether the guest can run virtual machines itself.", no),
    hyperThreadingPolicy: oneOf(
      "How virtual CPUs share the threads of a core.",
      ["auto", "prefer", "avoid", "require"],
      {
        default: "auto",
      },
    ),
  }),
  securityProfile: object("Security hardware of the machine.", {}, {
    secureBoot: boolean("Whether the firmware starts signed boot loaders only; needs UEFI.", no),
    tpmEnabled: boolean("Whether the machine has a virtual TPM.", no),
    tpmVersion: oneOf("Version of the TPM; 2.0 when absent. 2 is another word for 2.0.", ["1.2", "2", "2.0"]),
    vtdEnabled: boolean("Whether the machine has a virtual IOMMU.", no),
    encryptionPolicy: object("Encryption of the machine at rest.", {}, {
      enabled: boolean("Whether to encrypt.", no),
      keyProvider: oneOf("Where the key comes from.", ["standard", "hardware", "external"]),
      requireEncryption: boolean("True refuses to create the machine where it cannot be encrypted.", no),
    }),
  }),
  extraConfig: stringMap(
    "Settings in the provider's terms, each key starting with the type: `vsphere.hardwareVersion`.",
    {
      maxProperties: 50,
    },
  ),
});
/** Size and hardware profile. */
export type VMClassSpec = Static<typeof VMClassSpec>;

/** Schema of `VMClass.status`. */
export const VMClassStatus = object("Use and validity of the class.", {}, {
  usedByVMs: int32("Number of VirtualMachines that refer to the class."),
  supportedProviders: list("Provider types that honour every field set here.", string("One provider type.")),
  validationResults: map(
    "How each provider type sees the class.",
    object("One verdict.", { valid: boolean("Whether every field set is honoured.") }, {
      message: string("Why not, naming the fields."),
      warnings: list("What is worth knowing all the same.", string("One warning.")),
      lastValidated: dateTime("When the verdict was reached."),
    }),
  ),
  conditions,
  observedGeneration,
});
/** Use and validity of the class. */
export type VMClassStatus = Static<typeof VMClassStatus>;

/** A size and hardware profile that many VMs share. */
export type VMClass = KubeResource<"VMClass", VMClassSpec, VMClassStatus>;

/** Definition of the kind VMClass. */
export const vmClass = defineKind({
  kind: "VMClass",
  plural: "vmclasses",
  shortNames: ["vmclass", "vmc"],
  description: "A size and hardware profile that many VMs share.",
  spec: VMClassSpec,
  status: VMClassStatus,
  support: {
    manager: [],
    managerPlanned: [],
    descriptive: [],
    blocks: {},
    providers: {
      mock: { honoured: ["spec"], planned: [] },
      libvirt: {
        honoured: [
          "spec.cpu",
          "spec.memory",
          "spec.firmware",
          "spec.diskDefaults.size",
          "spec.diskDefaults.iops",
          "spec.diskDefaults.storageClass",
          "spec.diskDefaults.type",
          "spec.guestToolsPolicy",
          "spec.resourceLimits.cpuLimit",
          "spec.resourceLimits.cpuShares",
          "spec.resourceLimits.memoryLimit",
          "spec.resourceLimits.memoryReservation",
          "spec.performanceProfile.cpuHotAddEnabled",
          "spec.performanceProfile.memoryHotAddEnabled",
          "spec.performanceProfile.nestedVirtualization",
          "spec.performanceProfile.virtualizationBasedSecurity",
          "spec.securityProfile.secureBoot",
          "spec.securityProfile.tpmEnabled",
          "spec.securityProfile.tpmVersion",
          "spec.securityProfile.vtdEnabled",
          "spec.extraConfig",
        ],
        planned: [],
      },
      vsphere: { honoured: [], planned: ["spec"] },
      proxmox: { honoured: [], planned: ["spec"] },
    },
  },
  printerColumns: [
    { name: "CPU", type: "integer", jsonPath: ".spec.cpu" },
    { name: "Memory", type: "string", jsonPath: ".spec.memory" },
    { name: "Firmware", type: "string", jsonPath: ".spec.firmware" },
    { name: "Used By", type: "integer", jsonPath: ".status.usedByVMs" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
