/** Deployment and ReplicaSet. @module */
import type { StructuralSchema } from "../types.ts";
import { boolean, conditions, integer, intOrString, labelSelector, long, object, oneOf, withDefault } from "./build.ts";
import { podTemplate } from "./pod.ts";

const rollingUpdate = { maxUnavailable: "25%", maxSurge: "25%" };

/** `apps/v1` Deployment. */
export const deployment: StructuralSchema = object({
  spec: object({
    replicas: withDefault(integer, 1),
    selector: labelSelector,
    template: podTemplate,
    strategy: {
      ...object({
        type: oneOf("RollingUpdate", "Recreate"),
        rollingUpdate: object({ maxUnavailable: intOrString, maxSurge: intOrString }),
      }),
      default: { type: "RollingUpdate", rollingUpdate },
      "x-kubernetes-patch-strategy": "retainKeys",
    },
    minReadySeconds: integer,
    revisionHistoryLimit: withDefault(integer, 10),
    paused: boolean,
    progressDeadlineSeconds: withDefault(integer, 600),
  }, ["selector", "template"]),
  status: object({
    observedGeneration: long,
    replicas: integer,
    updatedReplicas: integer,
    readyReplicas: integer,
    availableReplicas: integer,
    unavailableReplicas: integer,
    terminatingReplicas: integer,
    collisionCount: integer,
    conditions,
  }),
});

/** `apps/v1` ReplicaSet. */
export const replicaSet: StructuralSchema = object({
  spec: object(
    { replicas: withDefault(integer, 1), selector: labelSelector, template: podTemplate, minReadySeconds: integer },
    ["selector"],
  ),
  status: object({
    observedGeneration: long,
    replicas: integer,
    fullyLabeledReplicas: integer,
    readyReplicas: integer,
    availableReplicas: integer,
    conditions,
  }),
});
