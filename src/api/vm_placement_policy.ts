/** VMPlacementPolicy: where VMs may and should be. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { localObjectRef } from "./refs.ts";
import { boolean, dateTime, described, duration, int32, list, map, object, oneOf, string } from "./schema.ts";
import { NOTHING_YET } from "./support.ts";
import { VMPlacementPolicySpec } from "./vm_placement_spec.ts";

const texts = (description: string, maxItems: number) => list(description, string("One entry."), { maxItems });

/** Schema of `VMPlacementPolicy.status`. */
export const VMPlacementPolicyStatus = object("Use and validity of the policy.", {}, {
  usedByVMs: list("VirtualMachines that refer to the policy.", localObjectRef("One VirtualMachine."), {
    maxItems: 1000,
  }),
  validationResults: map(
    "How each Provider sees the policy, by its name.",
    object("One verdict.", { valid: boolean("Whether the policy can be kept there.") }, {
      message: string("Why not, for a person."),
      errors: texts("What cannot be kept.", 20),
      warnings: texts("What is worth knowing all the same.", 20),
      supportedFeatures: texts("Parts of the policy that are honoured.", 50),
      unsupportedFeatures: texts("Parts of the policy that are not.", 50),
      lastValidated: dateTime("When the verdict was reached."),
    }),
  ),
  placementStats: object("What the policy has decided.", {}, {
    totalPlacements: int32("VMs that were placed by it."),
    successfulPlacements: int32("Placements that worked."),
    failedPlacements: int32("Placements that did not."),
    constraintViolations: int32("VMs that no longer are where the policy wants them."),
    averagePlacementTime: duration("Time that a decision takes, on average."),
    lastPlacementTime: dateTime("When it last decided."),
    placementDistribution: map("VMs by place.", int32("Number of VMs.")),
  }),
  conflictingPolicies: list(
    "Policies that this one disagrees with.",
    object("One policy.", {
      policyName: string("Name of the VMPlacementPolicy."),
      conflictType: oneOf("What they disagree about.", ["hard", "soft", "resource", "security", "affinity"]),
    }, {
      severity: oneOf("How bad it is.", ["low", "medium", "high", "critical"]),
      description: string("What the disagreement is, for a person."),
      resolutionSuggestion: string("What to do about it."),
    }),
    { maxItems: 50 },
  ),
  conditions,
  observedGeneration,
});
/** Use and validity of the policy. */
export type VMPlacementPolicyStatus = Static<typeof VMPlacementPolicyStatus>;

/** Where VMs may and should be: hard and soft constraints, affinity, room and safety. */
export type VMPlacementPolicy = KubeResource<"VMPlacementPolicy", VMPlacementPolicySpec, VMPlacementPolicyStatus>;

/** Definition of the kind VMPlacementPolicy. */
export const vmPlacementPolicy = defineKind({
  kind: "VMPlacementPolicy",
  plural: "vmplacementpolicies",
  shortNames: ["vmpp"],
  description: "Where VMs may and should be: hard and soft constraints, affinity, room and safety.",
  // A policy may be empty, and stays readable as one that has a spec.
  spec: described("Where VMs may and should be.", VMPlacementPolicySpec, { default: {} }),
  status: VMPlacementPolicyStatus,
  support: NOTHING_YET,
  printerColumns: [
    { name: "Priority", type: "integer", jsonPath: ".spec.priority" },
    { name: "Successful", type: "integer", jsonPath: ".status.placementStats.successfulPlacements" },
    { name: "Failed", type: "integer", jsonPath: ".status.placementStats.failedPlacements" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
