/** VMClone: makes a VM from another one. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { localObjectRef, objectRef } from "./refs.ts";
import { boolean, dateTime, duration, int32, int64, list, object, oneOf, string, stringMap } from "./schema.ts";
import { NOTHING_YET } from "./support.ts";
import { ENVIRONMENTS, powerOn, retryFields, targetFields, targetName } from "./target.ts";
import { Customization } from "./vm_clone_customization.ts";

const no = { default: false } as const;
const name255 = (description: string) => string(description, { maxLength: 255 });

/** How disks of a clone relate to those of its source. */
export const CLONE_TYPES = ["FullClone", "LinkedClone", "InstantClone"] as const;
/** One of {@linkcode CLONE_TYPES}. */
export type CloneType = (typeof CLONE_TYPES)[number];

/** Schema of `VMClone.spec`. */
export const VMCloneSpec = object("What to clone into what.", {
  source: object("What is cloned: one of the references.", {}, {
    vmRef: localObjectRef("VirtualMachine to clone."),
    snapshotRef: localObjectRef("VMSnapshot to clone."),
    templateRef: objectRef("VMImage of a template to clone."),
    imageRef: objectRef("VMImage to clone."),
  }),
  target: object("The VM that is made.", { name: targetName }, {
    ...targetFields,
    providerRef: objectRef("Provider to make the VM on; that of the source when absent."),
  }),
}, {
  options: object("How the clone is made.", {}, {
    type: oneOf(
      "Whether disks are copied, based on those of the source, or shared with the running source.",
      CLONE_TYPES,
      {
        default: "FullClone",
      },
    ),
    powerOn,
    includeSnapshots: boolean("Whether snapshots of the source are cloned too.", no),
    parallel: boolean("Whether disks are copied at the same time.", no),
    timeout: duration("Time that the clone may take.", { default: "30m" }),
    retryPolicy: object("What to do when a step fails.", {}, {
      ...retryFields,
      backoffMultiplier: int32("Factor by which the delay grows.", { default: 2 }),
    }),
    storage: object("Where the clone is stored.", {}, {
      datastore: name255("Datastore or storage pool."),
      folder: name255("Folder of the inventory."),
      storageClass: string("Storage class or policy.", { maxLength: 253 }),
      diskFormat: oneOf("How disks are provisioned.", ["thin", "thick", "eagerzeroedthick", "ssd", "hdd", "nvme"]),
      preferThinProvisioning: boolean("Whether disks are thin when diskFormat does not say.", { default: true }),
      enableCompression: boolean("Whether disks are compressed.", no),
    }),
    performance: object("How hard copying may work the storage.", {}, {
      priority: oneOf("Weight against other work.", ["Low", "Normal", "High"], { default: "Normal" }),
      concurrentDisks: int32("Disks that are copied at once.", { default: 2, minimum: 1, maximum: 10 }),
      ioThrottling: boolean("Whether copying is slowed down.", no),
      maxIOPS: int32("Most I/O operations per second.", { minimum: 100, maximum: 100000 }),
    }),
  }),
  customization: Customization,
  metadata: object("What the clone is for, for people.", {}, {
    createdBy: name255("Who asked for it."),
    project: name255("Project that it belongs to."),
    environment: oneOf("Environment that it belongs to.", ENVIRONMENTS),
    purpose: oneOf("What it is made for.", [
      "backup",
      "testing",
      "migration",
      "development",
      "production",
      "staging",
    ]),
    tags: stringMap("Labels to find it by.", { maxProperties: 50 }),
  }),
});
/** What to clone into what. */
export type VMCloneSpec = Static<typeof VMCloneSpec>;

const percentage = (description: string) => int32(description, { minimum: 0, maximum: 100 });
const steps = (description: string) => list(description, string("One step."));

/** Schema of `VMClone.status`. */
export const VMCloneStatus = object("How far the clone is.", {}, {
  phase: oneOf("Step that is under way; the conditions are authoritative.", [
    "Pending",
    "Preparing",
    "Cloning",
    "Customizing",
    "Powering-On",
    "Ready",
    "Failed",
  ]),
  message: string("What is going on or wrong, for a person."),
  actualCloneType: oneOf("Kind of clone that was made.", CLONE_TYPES),
  startTime: dateTime("When the clone began."),
  completionTime: dateTime("When the clone ended."),
  targetRef: localObjectRef("VirtualMachine that was made."),
  targetVMID: string("Identifier of the made VM in the hypervisor."),
  taskRef: string("Provider's reference of the task under way."),
  progress: object("How far copying is.", {}, {
    totalDisks: int32("Disks to copy."),
    completedDisks: int32("Disks copied."),
    overallPercentage: percentage("Share that is done, in percent."),
    eta: duration("Time that is left."),
    currentDisk: object("Disk that is being copied.", { name: string("Name of the disk.") }, {
      totalBytes: int64("Bytes to copy."),
      completedBytes: int64("Bytes copied."),
      percentage: percentage("Share that is done, in percent."),
      transferRate: int64("Bytes per second."),
    }),
  }),
  customizationStatus: object("How far customization is.", {}, {
    started: boolean("Whether it began."),
    completed: boolean("Whether it ended."),
    currentStep: string("Step that is under way."),
    completedSteps: steps("Steps that are done."),
    failedSteps: steps("Steps that failed."),
    message: string("What is going on or wrong, for a person."),
  }),
  retryCount: int32("How often a step was tried again."),
  lastRetryTime: dateTime("When a step was last tried again."),
  conditions,
  observedGeneration,
});
/** How far the clone is. */
export type VMCloneStatus = Static<typeof VMCloneStatus>;

/** Makes a VM from another one, from a snapshot or from a template. */
export type VMClone = KubeResource<"VMClone", VMCloneSpec, VMCloneStatus>;

/** Definition of the kind VMClone. */
export const vmClone = defineKind({
  kind: "VMClone",
  plural: "vmclones",
  shortNames: ["vmclone"],
  description: "Makes a VM from another one, from a snapshot or from a template.",
  spec: VMCloneSpec,
  status: VMCloneStatus,
  support: NOTHING_YET,
  printerColumns: [
    { name: "Source", type: "string", jsonPath: ".spec.source.vmRef.name" },
    { name: "Target", type: "string", jsonPath: ".spec.target.name" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Clone Type", type: "string", jsonPath: ".status.actualCloneType" },
    { name: "Progress", type: "integer", jsonPath: ".status.progress.overallPercentage" },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
