/** `VirtualMachine.spec`. @module */
import { type Static } from "@virtrigaud/deps";
import { disks, networks } from "./disk_network.ts";
import { localObjectRef, objectRef } from "./refs.ts";
import { boolean, duration, int32, int64, list, object, oneOf, string } from "./schema.ts";
import { MetaData, UserData } from "./user_data.ts";

/** What a VM is wanted to be. `OffGraceful` asks the guest first and pulls the plug after the timeout. */
export const POWER_STATES = ["On", "Off", "OffGraceful"] as const;
/** One of {@linkcode POWER_STATES}. */
export type PowerState = (typeof POWER_STATES)[number];

const gpu = object("GPUs of the VM.", { count: int32("Number of GPUs.", { minimum: 1, maximum: 8 }) }, {
  memory: int64("Memory of each GPU in MiB.", { minimum: 512 }),
  type: string("Model or vGPU profile, in the provider's terms.", { pattern: "^[a-zA-Z0-9-_]+$" }),
});

const handler = (description: string) =>
  object(description, {}, {
    exec: object("Runs a command in the guest, through the guest agent.", {
      command: list("Command and arguments; no shell is involved.", string("One word."), { minItems: 1 }),
    }, {}),
    httpGet: object("Sends an HTTP GET; a status below 400 is success.", {
      port: int32("Port to connect to.", { minimum: 1, maximum: 65535 }),
    }, {
      host: string("Host to connect to; the first address of the VM when absent."),
      path: string("Path to ask for; / when absent."),
      scheme: oneOf("Protocol to speak.", ["HTTP", "HTTPS"], { default: "HTTP" }),
    }),
    snapshot: object("Takes a snapshot of the VM.", { name: string("Name of the snapshot.") }, {
      description: string("Text to keep with the snapshot."),
      includeMemory: boolean("True keeps the memory of the running VM too; false when absent."),
    }),
  });

const lifecycle = object("What happens around power changes.", {}, {
  gracefulShutdownTimeout: duration(
    "How long a guest that was asked to shut down may take before it is powered off hard.",
    { default: "60s" },
  ),
  preStop: handler("Done before the VM is powered off."),
  postStart: handler("Done after the VM was powered on."),
});

/** Disk that another process brought to the hypervisor, to boot from in place of an image. */
export const ImportedDisk = object("Disk on the hypervisor to boot from in place of an image.", {
  diskID: string("Name of the disk, in the provider's terms.", { minLength: 1, maxLength: 253 }),
}, {
  path: string("Path of the disk on the hypervisor; found by diskID when absent."),
  format: oneOf("Format of the disk.", ["qcow2", "vmdk", "raw", "vdi", "vhdx"], { default: "qcow2" }),
  source: oneOf("How the disk came to be there; for people, nothing depends on it.", [
    "migration",
    "clone",
    "import",
    "snapshot",
    "manual",
  ]),
  sizeGiB: int32("Size in GiB that the disk is expected to have.", { minimum: 1 }),
  migrationRef: localObjectRef("VMMigration that brought the disk; for people, nothing depends on it."),
});
/** Disk on the hypervisor to boot from in place of an image. */
export type ImportedDisk = Static<typeof ImportedDisk>;

/** Schema of {@linkcode Placement}. */
export const Placement = object("Where on the hypervisor the VM is put. Read at creation.", {}, {
  cluster: string("Compute cluster."),
  host: string("Host that the VM is pinned to."),
  datastore: string("Datastore for the VM's files; not together with storagePod."),
  storagePod: string("Datastore cluster, of which the member with the most free space is taken (vSphere)."),
  folder: string("Folder of the inventory."),
  resourcePool: string("Resource pool."),
});
/** Where on the hypervisor the VM is put. Read at creation. */
export type Placement = Static<typeof Placement>;

/** Schema of `VirtualMachine.spec`. */
export const VirtualMachineSpec = object("What the virtual machine is wanted to be.", {
  providerRef: objectRef("Provider that runs the VM."),
  classRef: objectRef("VMClass that sizes the VM."),
}, {
  imageRef: objectRef(
    "VMImage to create the root disk from. Exactly one of imageRef and importedDisk. Read at creation.",
  ),
  importedDisk: ImportedDisk,
  powerState: oneOf(
    "Wanted power state; On when absent. Quote On and Off in YAML, where they mean true and false otherwise.",
    POWER_STATES,
  ),
  resources: object("Sizes that differ from the class.", {}, {
    cpu: int32("Number of virtual CPUs in place of the class's.", { minimum: 1, maximum: 128 }),
    memoryMiB: int64("Memory in MiB in place of the class's.", { minimum: 128, maximum: 1048576 }),
    gpu,
  }),
  disks: disks(
    "Disks beside the root disk. Can be added and grown later; a disk whose entry is removed is kept until the annotation virtrigaud.io/remove-disks names it.",
  ),
  networks: networks("Network interfaces. Absent means none of its own choosing: the provider's default network."),
  userData: UserData,
  metaData: MetaData,
  placement: Placement,
  placementRef: localObjectRef("VMPlacementPolicy that chooses the place."),
  updatePolicy: oneOf(
    "What to do about a change that the hypervisor cannot make while the VM runs: Automatic shuts the guest down, " +
      "changes it and starts it again; OnlineOnly waits, with the condition ReconfigurePendingPowerCycle, until the VM is off.",
    ["Automatic", "OnlineOnly"],
    { default: "Automatic" },
  ),
  deletionPolicy: oneOf(
    "What deleting this object does to the machine: Delete removes it with its disks, Retain lets it run on unmanaged.",
    ["Delete", "Retain"],
    { default: "Delete" },
  ),
  onMissing: oneOf(
    "What to do when the machine is proven to be gone from the hypervisor: Hold reports it and waits, Recreate makes a new one.",
    ["Hold", "Recreate"],
    { default: "Hold" },
  ),
  lifecycle,
  tags: list("Labels to put on the machine in the hypervisor, where it knows such.", string("One tag."), {
    maxItems: 50,
  }),
  snapshot: object("Asks for a snapshot to be restored.", {}, {
    revertToRef: localObjectRef("VMSnapshot of this VM to go back to; done once per change of this field."),
  }),
});
/** What the virtual machine is wanted to be. */
export type VirtualMachineSpec = Static<typeof VirtualMachineSpec>;
