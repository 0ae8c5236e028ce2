/** Built-in kinds that operators use, with the fields that they use. @module */
import type { KubeObject, UntypedObject } from "./object.ts";
import { resourceType } from "./resource.ts";

/** `v1` Secret; values in `data` are base64. */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
}

/** `v1` ConfigMap. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

/** `coordination.k8s.io/v1` Lease. Times are RFC 3339 with microseconds. */
export interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Names an object from another one. */
export interface ObjectReference {
  apiVersion?: string;
  kind?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  resourceVersion?: string;
}

/** `v1` Event. */
export interface Event extends KubeObject {
  involvedObject: ObjectReference;
  reason?: string;
  message?: string;
  type?: string;
  count?: number;
  firstTimestamp?: string;
  lastTimestamp?: string;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
}

const core = { group: "", version: "v1", namespaced: true };
const apps = { group: "apps", version: "v1", namespaced: true };

export const SECRETS = resourceType<Secret>({ ...core, kind: "Secret", plural: "secrets" });
export const CONFIG_MAPS = resourceType<ConfigMap>({ ...core, kind: "ConfigMap", plural: "configmaps" });
export const EVENTS = resourceType<Event>({ ...core, kind: "Event", plural: "events" });
export const SERVICES = resourceType<UntypedObject>({ ...core, kind: "Service", plural: "services" });
export const SERVICE_ACCOUNTS = resourceType<UntypedObject>({
  ...core,
  kind: "ServiceAccount",
  plural: "serviceaccounts",
});
export const PODS = resourceType<UntypedObject>({ ...core, kind: "Pod", plural: "pods" });
export const PERSISTENT_VOLUME_CLAIMS = resourceType<UntypedObject>({
  ...core,
  kind: "PersistentVolumeClaim",
  plural: "persistentvolumeclaims",
});
export const NAMESPACES = resourceType<UntypedObject>({
  ...core,
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
});
export const DEPLOYMENTS = resourceType<UntypedObject>({ ...apps, kind: "Deployment", plural: "deployments" });
export const LEASES = resourceType<Lease>({
  group: "coordination.k8s.io",
  version: "v1",
  namespaced: true,
  kind: "Lease",
  plural: "leases",
});
export const CUSTOM_RESOURCE_DEFINITIONS = resourceType<UntypedObject>({
  group: "apiextensions.k8s.io",
  version: "v1",
  namespaced: false,
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
});
