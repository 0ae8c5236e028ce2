/** VMMigration: brings a VM from one hypervisor to another. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { localObjectRef } from "./refs.ts";
import { boolean, dateTime, duration, int32, int64, list, object, oneOf, quantity, string } from "./schema.ts";
import { NOTHING_YET } from "./support.ts";
import { VMMigrationSpec } from "./vm_migration_spec.ts";

/** Steps of a migration, in their order. */
export const VM_MIGRATION_PHASES = [
  "Pending",
  "Validating",
  "Snapshotting",
  "Exporting",
  "Transferring",
  "Converting",
  "Importing",
  "Creating",
  "Validating-Target",
  "Ready",
  "Failed",
] as const;
/** One of {@linkcode VM_MIGRATION_PHASES}. */
export type VMMigrationPhase = (typeof VM_MIGRATION_PHASES)[number];

/** Schema of `VMMigration.status`. */
export const VMMigrationStatus = object("How far the migration is.", {}, {
  phase: oneOf("Step that is under way; the conditions are authoritative.", VM_MIGRATION_PHASES),
  message: string("What is going on or wrong, for a person."),
  startTime: dateTime("When the migration began."),
  completionTime: dateTime("When the migration ended."),
  progress: object("How far the step is.", {}, {
    currentPhase: oneOf("Step that the numbers are about.", VM_MIGRATION_PHASES),
    phaseStartTime: dateTime("When the step began."),
    totalBytes: int64("Bytes to move."),
    transferredBytes: int64("Bytes moved."),
    transferRate: int64("Bytes per second."),
    percentage: int32("Share that is done, in percent.", { minimum: 0, maximum: 100 }),
    eta: duration("Time that is left."),
  }),
  diskInfo: object("The disk on its way.", {}, {
    sourceDiskID: string("Identifier on the source."),
    sourceFormat: string("Format on the source."),
    sourceSize: quantity("Size on the source."),
    sourceChecksum: string("Digest of what was sent."),
    targetDiskID: string("Identifier on the target."),
    targetFormat: string("Format on the target."),
    targetSize: quantity("Size on the target."),
    targetPath: string("Where it lies on the target."),
    targetChecksum: string("Digest of what arrived."),
    checksum: string("Digest that both sides agreed on."),
  }),
  storageInfo: object("What lies between export and import.", {}, {
    url: string("Where it lies."),
    size: quantity("Space that it takes."),
    uploadedAt: dateTime("When it was written."),
    cleanedUp: boolean("Whether it was removed."),
  }),
  storagePVCName: string("Claim that is used."),
  snapshotID: string("Snapshot that is copied from, in the hypervisor."),
  snapshotRef: string("VMSnapshot that is copied from."),
  exportID: string("Provider's reference of the export."),
  importID: string("Provider's reference of the import."),
  taskRef: string("Provider's reference of the task under way."),
  targetVMID: string("Identifier of the made VM in the hypervisor."),
  targetVMRef: localObjectRef("VirtualMachine that was made."),
  retryCount: int32("How often a step was tried again."),
  lastRetryTime: dateTime("When a step was last tried again."),
  validationResults: object("What the checks on the target found.", {}, {
    diskSizeMatch: boolean("Whether the size is that of the source."),
    checksumMatch: boolean("Whether the content is that of the source."),
    bootSuccess: boolean("Whether the VM started."),
    connectivitySuccess: boolean("Whether the VM answered on the network."),
    validationErrors: list("What did not hold.", string("One finding.")),
  }),
  conditions,
  observedGeneration,
});
/** How far the migration is. */
export type VMMigrationStatus = Static<typeof VMMigrationStatus>;

/** Brings a VM from one hypervisor to another, by export and import of its disk. */
export type VMMigration = KubeResource<"VMMigration", VMMigrationSpec, VMMigrationStatus>;

/** Definition of the kind VMMigration. */
export const vmMigration = defineKind({
  kind: "VMMigration",
  plural: "vmmigrations",
  shortNames: ["vmmig"],
  description: "Brings a VM from one hypervisor to another, by export and import of its disk.",
  spec: VMMigrationSpec,
  status: VMMigrationStatus,
  support: NOTHING_YET,
  printerColumns: [
    { name: "Source", type: "string", jsonPath: ".spec.source.vmRef.name" },
    { name: "Target", type: "string", jsonPath: ".spec.target.name" },
    { name: "To", type: "string", jsonPath: ".spec.target.providerRef.name" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Progress", type: "integer", jsonPath: ".status.progress.percentage" },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
