/** Events, leases and RBAC. @module */
import type { StructuralSchema } from "../types.ts";
import { atomic, integer, labelSelector, listOf, object, reference, string, time, withDefault } from "./build.ts";

/** `v1` Event. */
export const event: StructuralSchema = object({
  involvedObject: reference,
  related: reference,
  reason: string,
  message: string,
  source: object({ component: string, host: string }),
  firstTimestamp: { ...time, nullable: true },
  lastTimestamp: { ...time, nullable: true },
  eventTime: { ...time, nullable: true },
  count: integer,
  type: string,
  action: string,
  reportingComponent: string,
  reportingInstance: string,
  series: object({ count: integer, lastObservedTime: time }),
}, ["involvedObject"]);

/** `events.k8s.io/v1` Event: the same object under its newer names. */
export const eventsEvent: StructuralSchema = object({
  eventTime: { ...time, nullable: true },
  series: object({ count: integer, lastObservedTime: time }, ["count", "lastObservedTime"]),
  reportingController: string,
  reportingInstance: string,
  action: string,
  reason: string,
  regarding: reference,
  related: reference,
  note: string,
  type: string,
  deprecatedSource: object({ component: string, host: string }),
  deprecatedFirstTimestamp: { ...time, nullable: true },
  deprecatedLastTimestamp: { ...time, nullable: true },
  deprecatedCount: integer,
});

/** `coordination.k8s.io/v1` Lease. */
export const lease: StructuralSchema = object({
  spec: object({
    holderIdentity: string,
    leaseDurationSeconds: integer,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: integer,
    strategy: string,
    preferredHolder: string,
  }),
});

const rule = object({
  apiGroups: listOf(string),
  resources: listOf(string),
  resourceNames: listOf(string),
  nonResourceURLs: listOf(string),
  verbs: listOf(string),
}, ["verbs"]);
const subject = atomic({ apiGroup: string, kind: string, name: string, namespace: string }, ["kind", "name"]);

/** `rbac.authorization.k8s.io/v1` Role. */
export const role: StructuralSchema = object({ rules: { ...listOf(rule), nullable: true } });
/** `rbac.authorization.k8s.io/v1` ClusterRole. */
export const clusterRole: StructuralSchema = object({
  rules: { ...listOf(rule), nullable: true },
  aggregationRule: object({ clusterRoleSelectors: listOf(labelSelector) }),
});
/** `rbac.authorization.k8s.io/v1` RoleBinding and ClusterRoleBinding. */
export const roleBinding: StructuralSchema = object({
  roleRef: atomic(
    { apiGroup: withDefault(string, "rbac.authorization.k8s.io"), kind: string, name: string },
    ["kind", "name"],
  ),
  subjects: listOf(subject),
}, ["roleRef"]);
