/** Pod, and the pod template of workloads. @module */
import { OBJECT_META } from "../metadata.ts";
import type { StructuralSchema } from "../types.ts";
import {
  anything,
  atomic,
  boolean,
  conditions,
  integer,
  intOrString,
  keyed,
  labelSelector,
  listOf,
  localReference,
  long,
  mapOf,
  object,
  oneOf,
  string,
  time,
  withDefault,
} from "./build.ts";

const keySelector = atomic({ name: withDefault(string, ""), key: string, optional: boolean }, ["key"]);
const keyToPath = object({ key: string, path: string, mode: integer }, ["key", "path"]);
const handler = {
  exec: object({ command: listOf(string) }),
  httpGet: object({
    path: withDefault(string, "/"),
    port: intOrString,
    host: string,
    scheme: withDefault(string, "HTTP"),
    httpHeaders: listOf(object({ name: string, value: string }, ["name", "value"])),
  }, ["port"]),
  tcpSocket: object({ port: intOrString, host: string }, ["port"]),
};
const probe = object({
  ...handler,
  grpc: object({ port: integer, service: withDefault(string, "") }, ["port"]),
  initialDelaySeconds: integer,
  timeoutSeconds: withDefault(integer, 1),
  periodSeconds: withDefault(integer, 10),
  successThreshold: withDefault(integer, 1),
  failureThreshold: withDefault(integer, 3),
  terminationGracePeriodSeconds: long,
});
const seccompProfile = object({ type: string, localhostProfile: string }, ["type"]);
const seLinuxOptions = object({ user: string, role: string, type: string, level: string });
const resources = object({
  limits: mapOf(intOrString),
  requests: mapOf(intOrString),
  claims: {
    type: "array",
    items: object({ name: string, request: string }, ["name"]),
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
  },
});
const envVar = object({
  name: string,
  value: string,
  valueFrom: object({
    fieldRef: atomic({ apiVersion: withDefault(string, "v1"), fieldPath: string }, ["fieldPath"]),
    resourceFieldRef: atomic({ containerName: string, resource: string, divisor: intOrString }, ["resource"]),
    configMapKeyRef: keySelector,
    secretKeyRef: keySelector,
  }),
}, ["name"]);
const volumeMount = object({
  name: string,
  mountPath: string,
  readOnly: boolean,
  subPath: string,
  subPathExpr: string,
  mountPropagation: string,
  recursiveReadOnly: string,
}, ["name", "mountPath"]);

const container: StructuralSchema = object({
  name: string,
  image: string,
  command: listOf(string),
  args: listOf(string),
  workingDir: string,
  ports: keyed(
    ["containerPort", "protocol"],
    object({
      name: string,
      containerPort: integer,
      hostPort: integer,
      hostIP: string,
      protocol: withDefault(string, "TCP"),
    }, ["containerPort"]),
  ),
  env: keyed(["name"], envVar),
  envFrom: listOf(object({ prefix: string, configMapRef: anything, secretRef: anything })),
  resources: withDefault(resources, {}),
  resizePolicy: listOf(anything),
  restartPolicy: string,
  volumeMounts: keyed(["mountPath"], volumeMount),
  volumeDevices: keyed(["devicePath"], object({ name: string, devicePath: string }, ["name", "devicePath"])),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: object({ postStart: object(handler), preStop: object(handler) }),
  terminationMessagePath: withDefault(string, "/dev/termination-log"),
  terminationMessagePolicy: withDefault(string, "File"),
  // No default: the real one depends on the image's tag, and nothing here pulls images.
  imagePullPolicy: oneOf("Always", "IfNotPresent", "Never"),
  securityContext: object({
    allowPrivilegeEscalation: boolean,
    capabilities: object({ add: listOf(string), drop: listOf(string) }),
    privileged: boolean,
    procMount: string,
    readOnlyRootFilesystem: boolean,
    runAsGroup: long,
    runAsNonRoot: boolean,
    runAsUser: long,
    seLinuxOptions,
    seccompProfile,
  }),
  stdin: boolean,
  stdinOnce: boolean,
  tty: boolean,
}, ["name"]);

const items = { items: listOf(keyToPath), optional: boolean };
const defaultMode = withDefault(integer, 0o644);
const volume = object({
  name: string,
  configMap: object({ name: withDefault(string, ""), defaultMode, ...items }),
  secret: object({ secretName: string, defaultMode, ...items }),
  emptyDir: object({ medium: string, sizeLimit: intOrString }),
  hostPath: object({ path: string, type: withDefault(string, "") }, ["path"]),
  persistentVolumeClaim: object({ claimName: string, readOnly: boolean }, ["claimName"]),
  projected: object({
    defaultMode,
    sources: listOf(object({
      configMap: object({ name: string, ...items }),
      secret: object({ name: string, ...items }),
      serviceAccountToken: object({ audience: string, expirationSeconds: withDefault(long, 3600), path: string }, [
        "path",
      ]),
      downwardAPI: anything,
    })),
  }),
  downwardAPI: object({ defaultMode, items: listOf(anything) }),
  csi: object({ driver: string, readOnly: boolean, fsType: string, volumeAttributes: mapOf(string) }, ["driver"]),
  nfs: object({ server: string, path: string, readOnly: boolean }, ["server", "path"]),
}, ["name"]);

const spread = object({
  maxSkew: integer,
  topologyKey: string,
  whenUnsatisfiable: string,
  labelSelector,
  matchLabelKeys: listOf(string),
  minDomains: integer,
  nodeAffinityPolicy: string,
  nodeTaintsPolicy: string,
}, ["maxSkew", "topologyKey", "whenUnsatisfiable"]);

const podAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: listOf(anything),
  preferredDuringSchedulingIgnoredDuringExecution: listOf(anything),
});

const podSpec: StructuralSchema = object({
  activeDeadlineSeconds: long,
  affinity: object({
    nodeAffinity: object({
      requiredDuringSchedulingIgnoredDuringExecution: atomic({ nodeSelectorTerms: listOf(anything) }),
      preferredDuringSchedulingIgnoredDuringExecution: listOf(anything),
    }),
    podAffinity,
    podAntiAffinity: podAffinity,
  }),
  automountServiceAccountToken: boolean,
  containers: keyed(["name"], container),
  dnsConfig: object({ nameservers: listOf(string), options: listOf(anything), searches: listOf(string) }),
  dnsPolicy: withDefault(string, "ClusterFirst"),
  enableServiceLinks: boolean,
  ephemeralContainers: keyed(["name"], container),
  hostAliases: keyed(["ip"], object({ ip: string, hostnames: listOf(string) }, ["ip"])),
  hostIPC: boolean,
  hostNetwork: boolean,
  hostPID: boolean,
  hostUsers: boolean,
  hostname: string,
  imagePullSecrets: keyed(["name"], localReference),
  initContainers: keyed(["name"], container),
  nodeName: string,
  nodeSelector: { ...mapOf(string), "x-kubernetes-map-type": "atomic" },
  os: object({ name: string }, ["name"]),
  overhead: mapOf(intOrString),
  preemptionPolicy: string,
  priority: integer,
  priorityClassName: string,
  readinessGates: listOf(object({ conditionType: string }, ["conditionType"])),
  restartPolicy: withDefault(oneOf("Always", "OnFailure", "Never"), "Always"),
  runtimeClassName: string,
  schedulerName: withDefault(string, "default-scheduler"),
  schedulingGates: keyed(["name"], object({ name: string }, ["name"])),
  securityContext: withDefault(
    object({
      fsGroup: long,
      fsGroupChangePolicy: string,
      runAsGroup: long,
      runAsNonRoot: boolean,
      runAsUser: long,
      seLinuxOptions,
      seccompProfile,
      supplementalGroups: listOf(long),
      sysctls: listOf(object({ name: string, value: string }, ["name", "value"])),
    }),
    {},
  ),
  serviceAccount: string,
  serviceAccountName: string,
  setHostnameAsFQDN: boolean,
  shareProcessNamespace: boolean,
  subdomain: string,
  terminationGracePeriodSeconds: withDefault(long, 30),
  tolerations: listOf(object({
    key: string,
    operator: string,
    value: string,
    effect: string,
    tolerationSeconds: long,
  })),
  topologySpreadConstraints: keyed(["topologyKey", "whenUnsatisfiable"], spread),
  volumes: keyed(["name"], volume, "merge,retainKeys"),
}, ["containers"]);

/** What a workload makes pods of. */
export const podTemplate: StructuralSchema = object({ metadata: OBJECT_META, spec: podSpec });

/** `v1` Pod. */
export const pod: StructuralSchema = object({
  spec: podSpec,
  status: object({
    phase: string,
    conditions,
    message: string,
    reason: string,
    hostIP: string,
    podIP: string,
    podIPs: keyed(["ip"], object({ ip: string }, ["ip"])),
    startTime: time,
    qosClass: string,
    observedGeneration: long,
    containerStatuses: listOf(anything),
    initContainerStatuses: listOf(anything),
  }),
});
