/**
 * Schemas of the core kinds: structure, merge keys, required fields and the defaults that users see. What they do not
 * name is preserved.
 *
 * @module
 */
import type { StructuralSchema } from "../types.ts";
import { clusterRole, event, eventsEvent, lease, role, roleBinding } from "./cluster.ts";
import { configMap, namespace, secret, service, serviceAccount } from "./config.ts";
import { pod } from "./pod.ts";
import { deployment, replicaSet } from "./workloads.ts";

const RBAC = "rbac.authorization.k8s.io/v1";

/** Schemas by `apiVersion/Kind`. */
export const CORE_SCHEMAS: ReadonlyMap<string, StructuralSchema> = new Map([
  ["v1/Namespace", namespace],
  ["v1/ConfigMap", configMap],
  ["v1/Secret", secret],
  ["v1/ServiceAccount", serviceAccount],
  ["v1/Service", service],
  ["v1/Pod", pod],
  ["v1/Event", event],
  ["events.k8s.io/v1/Event", eventsEvent],
  ["apps/v1/Deployment", deployment],
  ["apps/v1/ReplicaSet", replicaSet],
  ["coordination.k8s.io/v1/Lease", lease],
  [`${RBAC}/Role`, role],
  [`${RBAC}/ClusterRole`, clusterRole],
  [`${RBAC}/RoleBinding`, roleBinding],
  [`${RBAC}/ClusterRoleBinding`, roleBinding],
]);

/** The schema of a core kind: `coreSchema("apps/v1", "Deployment")`. */
export const coreSchema = (apiVersion: string, kind: string): StructuralSchema | undefined =>
  CORE_SCHEMAS.get(`${apiVersion}/${kind}`);
