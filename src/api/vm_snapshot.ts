/** VMSnapshot: the state of a VM at one moment. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { localObjectRef } from "./refs.ts";
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
import { NOTHING_YET } from "./support.ts";

const no = { default: false } as const;
const yes = { default: true } as const;

/**
 * Cron expressions of five to seven fields, `@daily` and its like, `@every 90m`. The schema takes any text, as earlier
 * ones took `@dailyXX`; a rule warns of what is no schedule at all.
 */
export const CRON_PATTERN =
  "^(@(annually|yearly|monthly|weekly|daily|hourly|reboot)|@every [0-9a-zµ.]+|\\S+( \\S+){4,6} ?)$";

const schedule = object("Snapshots at regular times.", {}, {
  enabled: boolean("Whether the schedule is in force.", no),
  cronSpec: string("When to take snapshots: a cron expression, @daily and its like, or @every with a duration."),
  timezone: string("Time zone of the schedule, as in the IANA database.", { default: "UTC" }),
  suspend: boolean("True pauses the schedule and keeps what was taken.", no),
  concurrencyPolicy: oneOf("What to do when a snapshot is due while the one before is not done.", [
    "Allow",
    "Forbid",
    "Replace",
  ], { default: "Forbid" }),
  successfulJobsHistoryLimit: int32("How many finished runs to remember.", { default: 3, minimum: 0, maximum: 100 }),
  failedJobsHistoryLimit: int32("How many failed runs to remember.", { default: 1, minimum: 0, maximum: 100 }),
});

/** Schema of `VMSnapshot.spec`. */
export const VMSnapshotSpec = object("Which VM to take a snapshot of, and how.", {
  vmRef: localObjectRef("VirtualMachine to take the snapshot of."),
}, {
  snapshotConfig: object("How the snapshot is taken.", {}, {
    name: string("Name in the hypervisor; that of the object when absent.", {
      maxLength: 255,
      pattern: "^[a-zA-Z0-9]([a-zA-Z0-9\\-_]*[a-zA-Z0-9])?$",
    }),
    description: string("Text to keep with the snapshot.", { maxLength: 1024 }),
    includeMemory: boolean("Whether the memory of the running VM is kept.", no),
    quiesce: boolean("Whether the guest's file systems are brought to rest, through its agent.", yes),
    type: oneOf("Kind of snapshot.", ["Standard", "Crash", "Application"], { default: "Standard" }),
    consistencyLevel: oneOf("How consistent the data must be.", [
      "CrashConsistent",
      "FilesystemConsistent",
      "ApplicationConsistent",
    ], { default: "FilesystemConsistent" }),
    compression: boolean("Whether the snapshot is compressed.", no),
    encryption: object("Encryption of the snapshot.", {}, {
      enabled: boolean("Whether the snapshot is encrypted.", no),
      keyProvider: oneOf("Where the key comes from.", ["standard", "hardware", "external"]),
      keyRef: localObjectRef("Secret with the key."),
    }),
  }),
  retentionPolicy: object("How long the snapshot is kept.", {}, {
    maxAge: duration("Age at which the snapshot is deleted; kept for ever when absent."),
    maxCount: int32("How many snapshots of the VM are kept; the oldest goes first.", { minimum: 1, maximum: 100 }),
    deleteOnVMDelete: boolean("Whether the snapshot goes with its VM.", yes),
    preservePinned: boolean("Whether pinned snapshots are spared.", yes),
    gracePeriod: duration("Time between expiry and deletion.", { default: "24h" }),
  }),
  schedule,
  metadata: object("What the snapshot is for, for people.", {}, {
    application: string("Application that runs on the VM.", { maxLength: 255 }),
    environment: oneOf("Environment that it belongs to.", ["dev", "staging", "prod", "test", "qa", "uat"]),
    purpose: oneOf("What it was taken for.", ["backup", "testing", "migration", "restore-point", "update", "other"]),
    pinned: boolean("True spares it from retention.", no),
    tags: stringMap("Labels to find it by.", { maxProperties: 50 }),
  }),
});
/** Which VM to take a snapshot of, and how. */
export type VMSnapshotSpec = Static<typeof VMSnapshotSpec>;

const relative = (description: string) =>
  object(description, { name: string("Name of the VMSnapshot.") }, {
    namespace: string("Namespace of the VMSnapshot."),
    uid: string("UID of the VMSnapshot."),
  });

/** Schema of `VMSnapshot.status`. */
export const VMSnapshotStatus = object("What became of the snapshot.", {}, {
  phase: oneOf("One-word summary; the conditions are authoritative.", [
    "Pending",
    "Creating",
    "Ready",
    "Deleting",
    "Failed",
    "Expired",
  ]),
  message: string("What is going on or wrong, for a person."),
  snapshotID: string("Identifier in the hypervisor."),
  creationTime: dateTime("When the hypervisor took the snapshot."),
  completionTime: dateTime("When the snapshot was done."),
  expiryTime: dateTime("When the snapshot expires."),
  size: quantity("Space that the snapshot takes."),
  virtualSize: quantity("Size of the disks in the snapshot."),
  progress: object("How far a running snapshot is.", {}, {
    totalBytes: int64("Bytes to write."),
    completedBytes: int64("Bytes written."),
    percentage: int32("Share that is done, in percent.", { minimum: 0, maximum: 100 }),
    startTime: dateTime("When it began."),
    eta: duration("Time that is left."),
  }),
  providerStatus: map(
    "State of the snapshot on each Provider, by its name.",
    object("State on one Provider.", { available: boolean("Whether the Provider has the snapshot.") }, {
      id: string("Identifier in the hypervisor."),
      path: string("Where it lies."),
      state: string("State, in the provider's terms."),
      message: string("What is going on or wrong there."),
      lastUpdated: dateTime("When this entry last changed."),
    }),
  ),
  parent: relative("Snapshot that this one is based on."),
  children: list("Snapshots that are based on this one.", relative("One snapshot.")),
  taskRef: string("Provider's reference of the task under way."),
  conditions,
  observedGeneration,
});
/** What became of the snapshot. */
export type VMSnapshotStatus = Static<typeof VMSnapshotStatus>;

/** The state of a VM at one moment, to go back to. */
export type VMSnapshot = KubeResource<"VMSnapshot", VMSnapshotSpec, VMSnapshotStatus>;

/** Definition of the kind VMSnapshot. */
export const vmSnapshot = defineKind({
  kind: "VMSnapshot",
  plural: "vmsnapshots",
  shortNames: ["vmsnap"],
  description: "The state of a VM at one moment, to go back to.",
  spec: VMSnapshotSpec,
  status: VMSnapshotStatus,
  support: NOTHING_YET,
  printerColumns: [
    { name: "VM", type: "string", jsonPath: ".spec.vmRef.name" },
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "Size", type: "string", jsonPath: ".status.size" },
    { name: "Created", type: "date", jsonPath: ".status.creationTime" },
    { name: "Expires", type: "date", jsonPath: ".status.expiryTime" },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
