/** `VMMigration.spec`. @module */
import { type Static } from "@virtrigaud/deps";
import { localObjectRef, objectRef } from "./refs.ts";
import { boolean, duration, int32, int64, object, oneOf, string, stringMap } from "./schema.ts";
import { ENVIRONMENTS, powerOn, retryFields, targetFields, targetName } from "./target.ts";

const no = { default: false } as const;
const yes = { default: true } as const;

const storage = object("Where the disk lies between export and import.", {
  type: oneOf("Kind of storage; the block of the same name says the rest.", ["pvc", "nfs", "s3"], { default: "pvc" }),
}, {
  transferMode: oneOf(
    "How data flows: through the manager (relay), between the providers (direct), or whichever works.",
    [
      "auto",
      "relay",
      "direct",
    ],
    { default: "auto" },
  ),
  pvc: object("Persistent volume claim, for type pvc.", {}, {
    name: string("Name of the claim; one is made for the migration when absent."),
    size: string("Size of a claim that is made.", { pattern: "^[0-9]+(\\.[0-9]+)?(Ei?|Pi?|Ti?|Gi?|Mi?|Ki?)$" }),
    storageClassName: string("Storage class of a claim that is made."),
    accessMode: oneOf("Access mode of a claim that is made.", ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"], {
      default: "ReadWriteMany",
    }),
    mountPath: string("Where providers mount the claim.", { default: "/mnt/migration-storage" }),
  }),
  nfs: object("NFS export, for type nfs.", {
    server: string("Server.", { maxLength: 253 }),
    export: string("Exported path.", { maxLength: 4096 }),
  }, {
    path: string("Folder below the export.", { maxLength: 4096 }),
    readOnly: boolean("Whether the export may only be read.", no),
    uid: int64("User ID to write as.", { minimum: 0, maximum: 4294967295 }),
    gid: int64("Group ID to write as.", { minimum: 0, maximum: 4294967295 }),
  }),
  s3: object("Bucket of an S3-compatible store, for type s3.", {
    bucket: string("Name of the bucket."),
    credentialsSecretRef: objectRef("Secret with the access key."),
  }, {
    endpoint: string("Address of the store; AWS when absent.", { maxLength: 263 }),
    region: string("Region of the bucket."),
    prefix: string("Prefix of the object's key."),
    usePathStyle: boolean("Whether the bucket is part of the path and not of the host name.", no),
  }),
});

/** Schema of `VMMigration.spec`. */
export const VMMigrationSpec = object("Which VM to bring where, and how.", {
  source: object("The VM to bring.", { vmRef: localObjectRef("VirtualMachine to bring.") }, {
    providerRef: objectRef("Provider that the VM is on; that of the VirtualMachine when absent."),
    snapshotRef: localObjectRef("VMSnapshot to bring in place of the present state."),
    createSnapshot: boolean("Whether a snapshot is taken to copy from.", yes),
    powerOffBeforeMigration: boolean("Whether the VM is shut down first.", no),
    deleteAfterMigration: boolean("Whether the source is deleted once the target is ready.", no),
  }),
  target: object("The VM that is made.", {
    name: targetName,
    providerRef: objectRef("Provider to bring the VM to."),
  }, {
    ...targetFields,
    imageRef: localObjectRef("VMImage to name on the VirtualMachine; the migrated disk is what it boots from."),
    powerOn,
  }),
}, {
  storage,
  options: object("How the migration is done.", {}, {
    diskFormat: oneOf("Format of the disk on the target; the provider's own when absent.", ["qcow2", "vmdk", "raw"]),
    compress: boolean("Whether the disk is compressed on its way.", no),
    verifyChecksums: boolean("Whether what arrived is compared with what was sent.", yes),
    timeout: duration("Time that the migration may take.", { default: "4h" }),
    cleanupPolicy: oneOf("When what lies between is removed.", ["Always", "OnSuccess", "Never"], {
      default: "OnSuccess",
    }),
    retryPolicy: object("What to do when a step fails.", {}, {
      ...retryFields,
      backoffMultiplier: int32("Factor by which the delay grows.", { default: 2, minimum: 1, maximum: 10 }),
    }),
    validationChecks: object("What is checked on the target.", {}, {
      checkDiskSize: boolean("Whether the disk has the size of the source.", yes),
      checkChecksum: boolean("Whether the disk has the content of the source.", yes),
      checkBoot: boolean("Whether the VM starts.", no),
      checkConnectivity: boolean("Whether the VM answers on the network.", no),
    }),
  }),
  metadata: object("What the migration is for, for people.", {}, {
    createdBy: string("Who asked for it.", { maxLength: 255 }),
    project: string("Project that it belongs to.", { maxLength: 255 }),
    environment: oneOf("Environment that it belongs to.", ENVIRONMENTS),
    purpose: oneOf("What it is done for.", [
      "disaster-recovery",
      "cloud-migration",
      "provider-change",
      "testing",
      "maintenance",
    ]),
    tags: stringMap("Labels to find it by.", { maxProperties: 50 }),
  }),
});
/** Which VM to bring where, and how. */
export type VMMigrationSpec = Static<typeof VMMigrationSpec>;
