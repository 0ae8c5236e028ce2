/** VMImage: what the root disk of a VM is made from. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import {
  boolean,
  dateTime,
  duration,
  int32,
  int64,
  list,
  map,
  object,
  oneOf,
  quantity,
  string,
  stringMap,
} from "./schema.ts";
import { IMAGE_FORMATS, ImageSource } from "./vm_image_source.ts";

const no = { default: false } as const;
const name255 = (description: string) => string(description, { maxLength: 255 });

const prepare = object("How the image is brought to a hypervisor that does not have it.", {}, {
  onMissing: oneOf("What to do where the image is missing: fetch it, give up, or wait for somebody to put it there.", [
    "Import",
    "Fail",
    "Wait",
  ], { default: "Import" }),
  validateChecksum: boolean("Whether a checksum that is given is checked.", { default: true }),
  force: boolean("True fetches the image again although it is there."),
  timeout: duration("Time that the preparation may take.", { default: "30m" }),
  retries: int32("How often a failed preparation is tried again.", { default: 3, minimum: 0, maximum: 10 }),
  storage: object("Where and how the image is stored.", {}, {
    preferredFormat: oneOf("Format to store the image in.", IMAGE_FORMATS),
    compression: boolean("Whether to store it compressed.", no),
    vsphere: object("Storage on vSphere.", {}, {
      datastore: name255("Datastore."),
      folder: name255("Folder of the inventory."),
      diskType: oneOf("How the disk is provisioned.", ["thin", "thick", "eagerzeroedthick"]),
      thinProvisioned: boolean("Whether the disk is thin; diskType wins over it."),
    }),
    libvirt: object("Storage on libvirt.", {}, {
      storagePool: name255("Storage pool."),
      allocationPolicy: oneOf("Whether space is taken at once.", ["eager", "lazy"]),
      preallocation: oneOf("What of a qcow2 file is written ahead.", ["off", "metadata", "falloc", "full"]),
    }),
  }),
  optimization: object("What is done to the image after it was fetched.", {}, {
    convertFormat: oneOf("Format to convert to.", IMAGE_FORMATS),
    removeUnusedSpace: boolean("Whether to drop blocks of zeros.", no),
    enableCompression: boolean("Whether to compress.", no),
    enableDeltaSync: boolean("Whether to fetch only what changed.", no),
  }),
});

/** Schema of `VMImage.spec`. */
export const VMImageSpec = object("Where the image is and how it gets onto a hypervisor.", { source: ImageSource }, {
  prepare,
  metadata: object("What the image is, for people.", {}, {
    displayName: name255("Name to show."),
    description: string("Text about the image.", { maxLength: 1024 }),
    version: string("Version of the image.", { maxLength: 100 }),
    architecture: oneOf("Processor architecture.", ["amd64", "arm64", "x86_64", "aarch64"], { default: "amd64" }),
    tags: stringMap("Labels to find it by.", { maxProperties: 50 }),
    annotations: stringMap("Further facts.", { maxProperties: 50 }),
  }),
  distribution: object("Which operating system is on the image, for people.", {}, {
    name: oneOf("Distribution.", [
      "ubuntu",
      "centos",
      "rhel",
      "fedora",
      "debian",
      "suse",
      "windows",
      "freebsd",
      "coreos",
      "other",
    ]),
    version: string("Version of the distribution.", { maxLength: 100 }),
    variant: string("Edition, such as server or cloud.", { maxLength: 100 }),
    family: oneOf("Family of operating systems.", ["linux", "windows", "bsd", "other"]),
    kernel: object("Kernel on the image.", {}, {
      type: oneOf("Kernel.", ["linux", "windows", "freebsd", "other"]),
      version: string("Version of the kernel."),
    }),
  }),
});
/** Where the image is and how it gets onto a hypervisor. */
export type VMImageSpec = Static<typeof VMImageSpec>;

/** Schema of `VMImage.status`. */
export const VMImageStatus = object("Where the image is ready to use.", {}, {
  ready: boolean("Whether some provider has the image."),
  phase: oneOf("One-word summary; the conditions are authoritative.", [
    "Pending",
    "Downloading",
    "Importing",
    "Converting",
    "Optimizing",
    "Ready",
    "Failed",
  ]),
  message: string("What is going on or wrong, for a person."),
  size: quantity("Virtual size of the image."),
  format: oneOf("Format that the image is stored in.", IMAGE_FORMATS),
  checksum: string("Digest of the image that was fetched."),
  usedByVMs: int32("Number of VirtualMachines that refer to the image."),
  availableOn: list("Providers that have the image.", string("Name of a Provider.")),
  providerStatus: map(
    "State of the image on each Provider, by its name.",
    object("State on one Provider.", { available: boolean("Whether the Provider has the image.") }, {
      id: string("Identifier in the hypervisor."),
      path: string("Where it lies."),
      size: quantity("Space that it takes."),
      message: string("What is going on or wrong there."),
      lastUpdated: dateTime("When this entry last changed."),
    }),
  ),
  importProgress: object("How far a running import is.", {}, {
    totalBytes: int64("Bytes to fetch."),
    transferredBytes: int64("Bytes fetched."),
    percentage: int32("Share that is done, in percent.", { minimum: 0, maximum: 100 }),
    transferRate: int64("Bytes per second."),
    eta: duration("Time that is left."),
    startTime: dateTime("When the import began."),
  }),
  prepareTaskRef: string("Provider's reference of the task that prepares the image."),
  lastPrepareTime: dateTime("When the image was last prepared."),
  conditions,
  observedGeneration,
});
/** Where the image is ready to use. */
export type VMImageStatus = Static<typeof VMImageStatus>;

/** An image, template or file that root disks of VMs are made from. */
export type VMImage = KubeResource<"VMImage", VMImageSpec, VMImageStatus>;

/** Definition of the kind VMImage. */
export const vmImage = defineKind({
  kind: "VMImage",
  plural: "vmimages",
  shortNames: ["vmimg", "vmi"],
  description: "An image, template or file that root disks of VMs are made from.",
  spec: VMImageSpec,
  status: VMImageStatus,
  support: {
    manager: ["spec.prepare.onMissing"],
    managerPlanned: [],
    descriptive: ["spec.metadata", "spec.distribution"],
    blocks: {
      vsphere: ["spec.source.vsphere", "spec.prepare.storage.vsphere"],
      libvirt: ["spec.source.libvirt", "spec.prepare.storage.libvirt"],
      proxmox: ["spec.source.proxmox"],
    },
    providers: {
      mock: { honoured: ["spec"], planned: [] },
      libvirt: {
        honoured: [
          "spec.source.libvirt",
          "spec.source.http.url",
          "spec.source.http.checksum",
          "spec.source.http.checksumType",
          "spec.source.http.timeout",
        ],
        planned: ["spec.source.http", "spec.source.registry", "spec.prepare"],
      },
      vsphere: { honoured: [], planned: ["spec"] },
      proxmox: { honoured: [], planned: ["spec"] },
    },
  },
  printerColumns: [
    { name: "Ready", type: "boolean", jsonPath: ".status.ready" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Size", type: "string", jsonPath: ".status.size" },
    { name: "Providers", type: "string", jsonPath: ".status.availableOn" },
    { name: "Used By", type: "integer", jsonPath: ".status.usedByVMs", priority: 1 },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
