/** What every Kubernetes object carries: metadata, owner references, conditions. @module */
import { type Static } from "@virtrigaud/deps";
import { dateTime, int64, listMap, object, oneOf, string } from "./schema.ts";

/** Points from an object to the one that owns it; when the owner goes, garbage collection takes the owned along. */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  /** True on at most one reference: the managing controller. */
  controller?: boolean;
  /** True to hold foreground deletion of the owner until this object is gone. */
  blockOwnerDeletion?: boolean;
}

/** Which writer set which fields, as server-side apply records it. */
export interface ManagedFieldsEntry {
  manager?: string;
  operation?: "Apply" | "Update";
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: Record<string, unknown>;
  subresource?: string;
}

/** `metadata` of an object as the API server returns it. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  /** Unique over time; a re-created object of the same name gets another. */
  uid?: string;
  /** Opaque version for optimistic locking and for resuming a watch. */
  resourceVersion?: string;
  /** Counts changes of `spec`; status writes leave it alone. */
  generation?: number;
  creationTimestamp?: string;
  /** Set once deletion was asked for; the object goes when `finalizers` is empty. */
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFieldsEntry[];
}

/** The envelope of one of the ten kinds. */
export interface KubeResource<Kind extends string, Spec, Status> {
  apiVersion: "infra.virtrigaud.io/v1beta1";
  kind: Kind;
  metadata: ObjectMeta;
  spec: Spec;
  status?: Status;
}

/** One observed aspect of an object's state, as `kubectl wait` and kstatus read it. */
export const Condition = object("One observed aspect of the state of the object.", {
  type: string("Aspect that is told about, in CamelCase.", {
    maxLength: 316,
    pattern:
      "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
  }),
  status: oneOf("Whether the aspect holds.", ["True", "False", "Unknown"]),
  reason: string("One CamelCase word, fit for a program, on why the status is what it is.", {
    minLength: 1,
    maxLength: 1024,
    pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
  }),
  message: string("Why the status is what it is and what to do about it, for a person.", { maxLength: 32768 }),
  lastTransitionTime: dateTime("When the status last changed from one value to another."),
}, {
  observedGeneration: int64("Generation of the object that this condition was computed from.", { minimum: 0 }),
});
/** One observed aspect of the state of the object. */
export type Condition = Static<typeof Condition>;

/** `status.conditions` of every kind. */
export const conditions = listMap("Observed aspects of the object's state, one entry per type.", Condition, "type");

/** `status.observedGeneration` of every kind. */
export const observedGeneration = int64(
  "Generation of `spec` that this status tells about; older than `metadata.generation` means not looked at yet.",
);
