/** The core kinds that the product and `kubectl` need, as data. @module */
import { compileSchema, coreSchema, type StructuralSchema } from "../schema/mod.ts";
import type { Json, JsonObject } from "../storage/mod.ts";
import { qualified } from "./errors.ts";
import { at, child, ensureChild, items, objectOf, strings, text } from "./json.ts";
import { metaOf } from "./meta.ts";
import { ALL_VERBS, apiVersionOf, type Column, type Resource } from "./resource.ts";
import { age } from "./table.ts";

const AGE: Column = {
  name: "Age",
  type: "string",
  cell: (object, now) => age(text(metaOf(object), "creationTimestamp"), now),
};
const from = (name: string, jsonPath: string, type = "string", priority = 0): Column => ({
  name,
  type,
  jsonPath,
  priority,
});
const computed = (
  name: string,
  cell: (object: JsonObject, now: number) => Json,
  priority = 0,
  type = "string",
): Column => ({
  name,
  type,
  priority,
  cell,
});
const count = (name: string, ...paths: string[]): Column =>
  computed(
    name,
    (object) => paths.reduce((sum, path) => sum + Object.keys(objectOf(at(object, path)) ?? {}).length, 0),
    0,
    "integer",
  );
const number = (object: JsonObject, path: string): number => Number(at(object, path) ?? 0);

interface CoreKind {
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced?: boolean;
  readonly verbs?: Resource["verbs"];
  readonly columns?: readonly Column[];
  readonly status?: boolean;
  readonly scale?: Resource["scale"];
  readonly generation?: boolean;
  readonly unconditionalUpdate?: boolean;
  readonly immutable?: readonly string[];
  readonly selectableFields?: readonly string[];
  readonly storage?: string;
  readonly view?: Resource["view"];
  readonly prepare?: Resource["prepare"];
}

const SCALE = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
  labelSelectorPath: ".spec.selector",
};

const EVENT_COLUMNS: readonly Column[] = [
  computed("Last Seen", (event, now) => age(lastSeen(event), now)),
  from("Type", ".type"),
  from("Reason", ".reason"),
  computed("Object", (event) => {
    const object = child(event, event.involvedObject === undefined ? "regarding" : "involvedObject");
    return `${text(object, "kind").toLowerCase()}/${text(object, "name")}`;
  }),
  computed("Subobject", (event) => text(child(event, "involvedObject"), "fieldPath"), 1),
  computed("Source", (event) => text(child(event, "source"), "component") || text(event, "reportingComponent"), 1),
  computed("Message", (event) => (text(event, "message") || text(event, "note")).trim()),
  computed("First Seen", (event, now) => age(text(event, "firstTimestamp") || text(event, "eventTime"), now), 1),
  computed("Count", (event) => String(event.count ?? child(event, "series").count ?? 1), 1),
  from("Name", ".metadata.name", "string", 1),
];

const EVENT_FIELDS = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

const KINDS: readonly CoreKind[] = [
  {
    kind: "Namespace",
    plural: "namespaces",
    shortNames: ["ns"],
    namespaced: false,
    columns: [from("Status", ".status.phase"), AGE],
    status: true,
    selectableFields: ["status.phase"],
    prepare: (namespace, old) => {
      const name = text(metaOf(namespace), "name");
      ensureChild(ensureChild(namespace, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
      if (old !== undefined) return;
      ensureChild(namespace, "spec").finalizers = ["kubernetes"];
      namespace.status = { phase: "Active" };
    },
  },
  {
    kind: "Secret",
    plural: "secrets",
    columns: [from("Type", ".type"), count("Data", "data"), AGE],
    selectableFields: ["type"],
    immutable: ["type"],
    prepare: (secret) => {
      const plain = objectOf(secret.stringData);
      for (const [key, value] of Object.entries(plain ?? {})) {
        ensureChild(secret, "data")[key] = btoa(String.fromCharCode(...new TextEncoder().encode(String(value))));
      }
      delete secret.stringData;
      secret.type ??= "Opaque";
    },
  },
  { kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"], columns: [count("Data", "data", "binaryData"), AGE] },
  {
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: ["all"],
    status: true,
    columns: [
      from("Type", ".spec.type"),
      computed("Cluster-IP", (service) => text(child(service, "spec"), "clusterIP") || "<none>"),
      computed("External-IP", (service) => strings(child(service, "spec"), "externalIPs").join(",") || "<none>"),
      computed("Port(s)", (service) => ports(service)),
      AGE,
      computed("Selector", (service) => labelText(child(child(service, "spec"), "selector")), 1),
    ],
    prepare: (service) => {
      const spec = ensureChild(service, "spec");
      spec.type ??= "ClusterIP";
      // There is no service network on one machine: what a Service names is reached at the address in its endpoint.
      if (spec.type === "ClusterIP") spec.clusterIP ??= "None";
      for (const item of items(spec, "ports")) {
        const port = objectOf(item);
        if (port?.port !== undefined) port.targetPort ??= port.port;
      }
    },
  },
  {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    shortNames: ["sa"],
    columns: [
      computed("Secrets", (account) => items(account, "secrets").length, 0, "integer"),
      AGE,
    ],
  },
  {
    kind: "Event",
    plural: "events",
    shortNames: ["ev"],
    columns: EVENT_COLUMNS,
    storage: "events",
    selectableFields: [
      ...EVENT_FIELDS.map((field) => `involvedObject.${field}`),
      "reason",
      "reportingComponent",
      "source",
      "type",
    ],
  },
  {
    group: "events.k8s.io",
    kind: "Event",
    plural: "events",
    shortNames: ["ev"],
    columns: EVENT_COLUMNS,
    storage: "events",
    selectableFields: [...EVENT_FIELDS.map((field) => `regarding.${field}`), "reason", "reportingController", "type"],
    view: { show: showEvent, store: storeEvent },
  },
  {
    kind: "Pod",
    plural: "pods",
    shortNames: ["po"],
    categories: ["all"],
    status: true,
    generation: true,
    columns: [
      computed("Ready", (pod) => {
        const ready = items(child(pod, "status"), "containerStatuses").filter((c) =>
          objectOf(c)?.ready === true
        ).length;
        return `${ready}/${items(child(pod, "spec"), "containers").length}`;
      }),
      computed(
        "Status",
        (pod) =>
          text(metaOf(pod), "deletionTimestamp") !== ""
            ? "Terminating"
            : text(child(pod, "status"), "reason") || text(child(pod, "status"), "phase"),
      ),
      computed(
        "Restarts",
        (pod) =>
          String(
            items(child(pod, "status"), "containerStatuses").reduce(
              (sum: number, c) => sum + Number(objectOf(c)?.restartCount ?? 0),
              0,
            ),
          ),
      ),
      AGE,
      computed("IP", (pod) => text(child(pod, "status"), "podIP") || "<none>", 1),
      computed("Node", (pod) => text(child(pod, "spec"), "nodeName") || "<none>", 1),
    ],
    selectableFields: [
      "spec.nodeName",
      "spec.restartPolicy",
      "spec.serviceAccountName",
      "status.phase",
      "status.podIP",
    ],
    prepare: (pod, old) => {
      if (old === undefined) pod.status = { phase: "Pending" };
    },
  },
  {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    shortNames: ["deploy"],
    categories: ["all"],
    status: true,
    scale: SCALE,
    generation: true,
    columns: [
      computed("Ready", (d) => `${number(d, "status.readyReplicas")}/${number(d, "spec.replicas")}`),
      computed("Up-to-date", (d) => number(d, "status.updatedReplicas"), 0, "integer"),
      computed("Available", (d) => number(d, "status.availableReplicas"), 0, "integer"),
      AGE,
      computed("Containers", (d) => containers(d, "name"), 1),
      computed("Images", (d) => containers(d, "image"), 1),
      computed("Selector", (d) => labelText(objectOf(at(d, "spec.selector.matchLabels")) ?? {}), 1),
    ],
    prepare: (deployment) => {
      ensureChild(deployment, "spec").replicas ??= 1;
    },
  },
  {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    shortNames: ["rs"],
    categories: ["all"],
    status: true,
    scale: SCALE,
    generation: true,
    columns: [
      computed("Desired", (r) => number(r, "spec.replicas"), 0, "integer"),
      computed("Current", (r) => number(r, "status.replicas"), 0, "integer"),
      computed("Ready", (r) => number(r, "status.readyReplicas"), 0, "integer"),
      AGE,
    ],
  },
  {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    // Leader election rests on it: a holder that lost sight of the lease must not take it over blindly.
    unconditionalUpdate: false,
    columns: [from("Holder", ".spec.holderIdentity"), AGE],
  },
  ...(["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"].map((kind): CoreKind => ({
    group: "rbac.authorization.k8s.io",
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: !kind.startsWith("Cluster"),
    columns: kind.endsWith("Binding")
      ? [computed("Role", (b) => `${text(child(b, "roleRef"), "kind")}/${text(child(b, "roleRef"), "name")}`), AGE]
      : [from("Created At", ".metadata.creationTimestamp")],
  }))),
  {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    shortNames: ["crd", "crds"],
    namespaced: false,
    verbs: ["get", "list", "watch"],
    columns: [from("Created At", ".metadata.creationTimestamp")],
  },
];

/** All core kinds as resources. */
export function coreResources(): Resource[] {
  return KINDS.map(coreResource);
}

/** Schema of a kind that nobody writes by hand. */
const OPEN: StructuralSchema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

/** One core kind with what its entry leaves out. */
export function coreResource(kind: CoreKind): Resource {
  const { group = "", version = "v1", plural } = kind;
  let compiled: Resource["schema"] | undefined;
  const openapi = coreSchema(apiVersionOf({ group, version }), kind.kind) ?? OPEN;
  return {
    group,
    version,
    kind: kind.kind,
    listKind: `${kind.kind}List`,
    plural,
    singular: kind.kind.toLowerCase(),
    shortNames: kind.shortNames ?? [],
    categories: kind.categories ?? [],
    namespaced: kind.namespaced ?? true,
    verbs: kind.verbs ?? ALL_VERBS,
    openapi,
    get schema() {
      return compiled ??= compileSchema(openapi, { name: `${qualified({ group, plural })}/${version}` });
    },
    columns: kind.columns ?? [],
    status: kind.status ?? false,
    ...(kind.scale === undefined ? {} : { scale: kind.scale }),
    custom: false,
    unconditionalUpdate: kind.unconditionalUpdate ?? true,
    immutable: kind.immutable ?? [],
    generation: kind.generation ?? false,
    selectableFields: kind.selectableFields ?? [],
    storage: kind.storage ?? qualified({ group, plural }),
    ...(kind.view === undefined ? {} : { view: kind.view }),
    ...(kind.prepare === undefined ? {} : { prepare: kind.prepare }),
  };
}

/** Names of the same thing in core/v1 and in events.k8s.io/v1. */
const EVENT_NAMES: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];

function showEvent(stored: JsonObject): JsonObject {
  const shown: JsonObject = { ...stored, apiVersion: "events.k8s.io/v1" };
  for (const [core, events] of EVENT_NAMES) rename(shown, core, events);
  return shown;
}

function storeEvent(shown: JsonObject): JsonObject {
  const stored: JsonObject = { ...shown, apiVersion: "v1" };
  for (const [core, events] of EVENT_NAMES) rename(stored, events, core);
  return stored;
}

function rename(object: JsonObject, from: string, to: string): void {
  const value = object[from];
  if (value === undefined) return;
  delete object[from];
  object[to] = value;
}

function lastSeen(event: JsonObject): string {
  return text(child(event, "series"), "lastObservedTime") || text(event, "lastTimestamp") ||
    text(event, "deprecatedLastTimestamp") || text(event, "eventTime") || text(metaOf(event), "creationTimestamp");
}

function ports(service: JsonObject): string {
  return items(child(service, "spec"), "ports").map((item) => {
    const port = objectOf(item) ?? {};
    const node = port.nodePort === undefined ? "" : `:${port.nodePort}`;
    return `${port.port}${node}/${text(port, "protocol") || "TCP"}`;
  }).join(",") || "<none>";
}

function containers(deployment: JsonObject, field: string): string {
  return items(objectOf(at(deployment, "spec.template.spec")) ?? {}, "containers")
    .map((item) => text(objectOf(item) ?? {}, field)).join(",");
}

function labelText(labels: JsonObject): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
}
