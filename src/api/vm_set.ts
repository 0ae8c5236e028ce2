/** VMSet: a number of like VMs. @module */
import { type Static } from "@virtrigaud/deps";
import { labelSelector } from "./core/selectors.ts";
import { templateMeta, VolumeClaimTemplate } from "./core/volume_claim.ts";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { boolean, dateTime, int32, intOrString, list, object, oneOf, string } from "./schema.ts";
import { NOTHING_YET } from "./support.ts";
import { VIRTUAL_MACHINE_PHASES } from "./virtual_machine.ts";
import { VirtualMachineSpec } from "./virtual_machine_spec.ts";

const retention = (description: string) => oneOf(description, ["Retain", "Delete"], { default: "Retain" });
const share = (description: string) => intOrString(description, { default: "25%" });

/** Schema of `VMSet.spec`. */
export const VMSetSpec = object("How many VMs there are to be, and what each is like.", {
  selector: labelSelector("VirtualMachines that belong to the set; must match the labels of the template."),
  template: object("What each VM is like.", { spec: VirtualMachineSpec }, {
    metadata: templateMeta("Labels and annotations of each VirtualMachine."),
  }),
}, {
  replicas: int32("Number of VMs.", { default: 1, minimum: 0, maximum: 1000 }),
  serviceName: string("Service that gives the members their host names.", { maxLength: 253 }),
  updateStrategy: object("How a change of the template reaches the members.", {}, {
    type: oneOf("RollingUpdate replaces a few at a time, Recreate all at once, OnDelete none until it is deleted.", [
      "RollingUpdate",
      "OnDelete",
      "Recreate",
    ], { default: "RollingUpdate" }),
    rollingUpdate: object("Pace of a rolling update.", {}, {
      partition: int32("Members with a lower ordinal are left alone.", { minimum: 0 }),
      maxUnavailable: share("How many members, by number or percentage, may be missing."),
      maxSurge: share("How many members, by number or percentage, may be there beyond replicas."),
      podManagementPolicy: oneOf(
        "Whether members are made one after another or at once.",
        ["OrderedReady", "Parallel"],
        {
          default: "OrderedReady",
        },
      ),
    }),
  }),
  minReadySeconds: int32("Seconds that a member must be ready before it counts as available.", {
    minimum: 0,
    maximum: 3600,
  }),
  revisionHistoryLimit: int32("How many old templates are kept to go back to.", {
    default: 10,
    minimum: 0,
    maximum: 100,
  }),
  ordinals: object("Numbering of members.", {}, {
    start: int32("Number of the first member.", { default: 0, minimum: 0, maximum: 999999 }),
  }),
  volumeClaimTemplates: list("Claims that are made for each member.", VolumeClaimTemplate, { maxItems: 20 }),
  persistentVolumeClaimRetentionPolicy: object("What becomes of a member's claims.", {}, {
    whenDeleted: retention("When the set is deleted."),
    whenScaled: retention("When the member goes because replicas was lowered."),
  }),
});
/** How many VMs there are to be, and what each is like. */
export type VMSetSpec = Static<typeof VMSetSpec>;

const vmNames = (description: string) => list(description, string("Name of a VirtualMachine."), { maxItems: 1000 });

/** Schema of `VMSet.status`. */
export const VMSetStatus = object("How many VMs there are.", {}, {
  replicas: int32("Members that exist."),
  readyReplicas: int32("Members that are ready."),
  availableReplicas: int32("Members that have been ready for minReadySeconds."),
  currentReplicas: int32("Members of the current revision."),
  updatedReplicas: int32("Members of the update revision."),
  selector: string("Selector of the members as text, for the scale subresource."),
  currentRevision: string("Revision that members are moved from."),
  updateRevision: string("Revision that members are moved to."),
  collisionCount: int32("How often the name of a revision was taken."),
  updateStatus: object("How far an update is.", {}, {
    phase: oneOf("State of the update.", ["Pending", "InProgress", "Paused", "Completed", "Failed"]),
    message: string("What is going on or wrong, for a person."),
    startTime: dateTime("When the update began."),
    completionTime: dateTime("When the update ended."),
    updatedVMs: vmNames("Members that are done."),
    pendingVMs: vmNames("Members that wait for their turn."),
    failedVMs: list(
      "Members that could not be updated.",
      object("One member.", { name: string("Name of the VirtualMachine.") }, {
        reason: string("One word on why, fit for a program."),
        message: string("Why, for a person."),
        retryCount: int32("How often it was tried again."),
        lastAttempt: dateTime("When it was last tried."),
      }),
      { maxItems: 1000 },
    ),
  }),
  vmStatus: list(
    "State of each member.",
    object("One member.", { name: string("Name of the VirtualMachine.") }, {
      phase: oneOf("Its phase.", VIRTUAL_MACHINE_PHASES),
      ready: boolean("Whether it is ready."),
      revision: string("Revision that it was made from."),
      message: string("What is going on or wrong, for a person."),
      creationTime: dateTime("When it was made."),
      lastUpdateTime: dateTime("When it was last updated."),
    }),
    { maxItems: 1000 },
  ),
  conditions,
  observedGeneration,
});
/** How many VMs there are. */
export type VMSetStatus = Static<typeof VMSetStatus>;

/** A number of like VMs that are made, updated and removed together. */
export type VMSet = KubeResource<"VMSet", VMSetSpec, VMSetStatus>;

/** Definition of the kind VMSet. */
export const vmSet = defineKind({
  kind: "VMSet",
  plural: "vmsets",
  shortNames: ["vmset"],
  description: "A number of like VMs that are made, updated and removed together.",
  spec: VMSetSpec,
  status: VMSetStatus,
  scale: {
    specReplicasPath: ".spec.replicas",
    statusReplicasPath: ".status.replicas",
    labelSelectorPath: ".status.selector",
  },
  support: NOTHING_YET,
  printerColumns: [
    { name: "Desired", type: "integer", jsonPath: ".spec.replicas" },
    { name: "Current", type: "integer", jsonPath: ".status.replicas" },
    { name: "Ready", type: "integer", jsonPath: ".status.readyReplicas" },
    { name: "Updated", type: "integer", jsonPath: ".status.updatedReplicas" },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
