/** Pieces of `core/v1` that describe how a container runs. @module */
import { type Static } from "@virtrigaud/deps";
import { boolean, int32, int64, intOrString, list, listMap, map, object, quantity, string } from "../schema.ts";

const atomic = { "x-kubernetes-list-type": "atomic" } as const;
const atomicMap = { "x-kubernetes-map-type": "atomic" } as const;

/** `core/v1.LocalObjectReference`: an empty name is allowed there and so it is here. */
export const coreLocalRef = (description: string) =>
  object(description, {}, { name: string("Name of the object in the same namespace.", { default: "" }) }, atomicMap);

const keyOf = (what: string) =>
  object(`Value of one key of a ${what}.`, { key: string(`Key within the ${what}.`) }, {
    name: string(`Name of the ${what} in the same namespace.`, { default: "" }),
    optional: boolean("True lets the container start without the key."),
  }, atomicMap);

/** `core/v1.EnvVar`. */
export const EnvVar = object("One environment variable.", { name: string("Name of the variable.") }, {
  value: string("Value; $(NAME) is replaced by an earlier variable."),
  valueFrom: object("Where the value comes from instead.", {}, {
    configMapKeyRef: keyOf("ConfigMap"),
    fieldRef: object("A field of the pod.", { fieldPath: string("Path of the field, such as metadata.namespace.") }, {
      apiVersion: string("Version of the pod schema that the path is written for; v1 when absent."),
    }, atomicMap),
    resourceFieldRef: object("A limit or request of a container.", { resource: string("Such as limits.memory.") }, {
      containerName: string("Container to read; the own one when absent."),
      divisor: quantity("Unit that the value is expressed in; 1 when absent."),
    }, atomicMap),
    secretKeyRef: keyOf("Secret"),
  }),
});
/** One environment variable. */
export type EnvVar = Static<typeof EnvVar>;

/** `core/v1.ResourceRequirements`. */
export const resourceRequirements = (description: string) =>
  object(description, {}, {
    claims: listMap(
      "Resource claims of the pod that the container uses.",
      object("One claim.", { name: string("Name of the claim in the pod.") }, {
        request: string("Which request of the claim; all of them when absent."),
      }),
      "name",
    ),
    limits: map("Most that the container may use, by resource.", quantity("Amount.")),
    requests: map("What the scheduler sets aside for the container, by resource.", quantity("Amount.")),
  });
/** A value of {@linkcode resourceRequirements}. */
export type ResourceRequirements = Static<ReturnType<typeof resourceRequirements>>;

const port = intOrString("Port by number, or by the name that the container gives it.");

/** `core/v1.Probe`. */
export const probe = (description: string) =>
  object(description, {}, {
    exec: object("Succeeds when the command ends with 0.", {}, {
      command: list("Command and arguments; no shell is involved.", string("One word."), atomic),
    }),
    grpc: object("Succeeds when the gRPC health service says SERVING.", { port: int32("Port of the service.") }, {
      service: string("Service name in the health request.", { default: "" }),
    }),
    httpGet: object("Succeeds on an HTTP status from 200 to 399.", { port }, {
      host: string("Host to connect to; the pod's address when absent."),
      httpHeaders: list(
        "Headers to send.",
        object("One header.", { name: string("Header name."), value: string("Header value.") }, {}),
        atomic,
      ),
      path: string("Path to ask for."),
      scheme: string("HTTP or HTTPS; HTTP when absent."),
    }),
    tcpSocket: object("Succeeds when the port takes a connection.", { port }, {
      host: string("Host to connect to; the pod's address when absent."),
    }),
    initialDelaySeconds: int32("Seconds from container start to the first probe; 0 when absent."),
    timeoutSeconds: int32("Seconds that one probe may take; 1 when absent."),
    periodSeconds: int32("Seconds between probes; 10 when absent."),
    successThreshold: int32("Successes in a row after a failure that count as healthy; 1 when absent."),
    failureThreshold: int32("Failures in a row that count as unhealthy; 3 when absent."),
    terminationGracePeriodSeconds: int64("Seconds to stop after this probe failed; the pod's own when absent."),
  });
/** A value of {@linkcode probe}. */
export type Probe = Static<ReturnType<typeof probe>>;

const profile = (what: string) =>
  object(`${what} profile of the container.`, { type: string("RuntimeDefault, Localhost or Unconfined.") }, {
    localhostProfile: string("Profile on the node, for type Localhost."),
  });

/** `core/v1.SecurityContext`. */
export const securityContext = (description: string) =>
  object(description, {}, {
    allowPrivilegeEscalation: boolean("Whether a process may gain more privileges than its parent."),
    appArmorProfile: profile("AppArmor"),
    capabilities: object("Linux capabilities to add to or take from the runtime's set.", {}, {
      add: list("Capabilities to add.", string("Capability, such as NET_BIND_SERVICE."), atomic),
      drop: list("Capabilities to take away; ALL takes every one.", string("Capability."), atomic),
    }),
    privileged: boolean("True gives the container the rights of root on the node."),
    procMount: string("How /proc is mounted: Default or Unmasked."),
    readOnlyRootFilesystem: boolean("Whether the root file system is read-only."),
    runAsGroup: int64("Group ID of the first process."),
    runAsNonRoot: boolean("True refuses to start as user 0."),
    runAsUser: int64("User ID of the first process."),
    seLinuxOptions: object("SELinux label of the container.", {}, {
      level: string("Level part of the label."),
      role: string("Role part of the label."),
      type: string("Type part of the label."),
      user: string("User part of the label."),
    }),
    seccompProfile: profile("Seccomp"),
    windowsOptions: object("Settings for containers on Windows.", {}, {
      gmsaCredentialSpec: string("Content of the GMSA credential spec."),
      gmsaCredentialSpecName: string("Name of the GMSA credential spec."),
      hostProcess: boolean("Whether the container runs as a process of the host."),
      runAsUserName: string("User that the first process runs as."),
    }),
  });
/** A value of {@linkcode securityContext}. */
export type SecurityContext = Static<ReturnType<typeof securityContext>>;

const tolerationFields = {
  effect: string("Effect of the taint: NoSchedule, PreferNoSchedule or NoExecute; every effect when absent."),
  key: string("Key of the taint; every key when absent and the operator is Exists."),
  tolerationSeconds: int64("Seconds that a NoExecute taint is put up with; for ever when absent."),
  value: string("Value of the taint, for Equal."),
};

/** `core/v1.Toleration`. */
export const Toleration = object("A taint of a node that is put up with.", {}, {
  ...tolerationFields,
  operator: string("Exists or Equal; Equal when absent."),
});
/** A taint of a node that is put up with. */
export type Toleration = Static<typeof Toleration>;

/** A toleration as VMPlacementPolicy has it, where Equal is written into the object. */
export const HostToleration = object("A taint of a host that is put up with.", {}, {
  ...tolerationFields,
  operator: string("Exists or Equal.", { default: "Equal" }),
});
