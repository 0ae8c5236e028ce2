/** What runs a provider in the cluster: ServiceAccount, Service and Deployment, as they are wanted. Pure. @module */
import { API_VERSION, type EnvVar, type Provider } from "@virtrigaud/api";
import type { UntypedObject } from "@virtrigaud/kube";
import { optional } from "../shared/optional.ts";
import { HEALTH_PORT, objectLabels, runtimeName, selectorLabels, servicePort } from "./names.ts";

/** Versions of what the pods are made from, so that a change of it makes new pods. */
export interface RuntimeInputs {
  /** Of the Secret with the hypervisor's credentials; absent without one. */
  readonly credentialsVersion?: string;
  /** Secret with the server certificate; absent for plain text. */
  readonly tlsSecret?: string;
  /** Client certificates that the provider takes, by SAN; empty: any of the CA. */
  readonly allowedSans: readonly string[];
}

/** Where a provider finds its files; the SDK's defaults. */
const CREDENTIALS_DIR = "/etc/virtrigaud/credentials";
const TLS_DIR = "/etc/virtrigaud/tls";

const NON_ROOT = 65532;

/** An account of its own without any right and without a token in the pod. */
export function serviceAccount(provider: Provider): UntypedObject {
  return { metadata: metadata(provider), automountServiceAccountToken: false };
}

/** In front of the pods: gRPC, and probes and metrics. */
export function service(provider: Provider): UntypedObject {
  const port = servicePort(provider);
  return {
    metadata: metadata(provider),
    spec: {
      type: "ClusterIP",
      selector: selectorLabels(provider),
      ports: [
        { name: "grpc", port, targetPort: port, protocol: "TCP" },
        { name: "metrics", port: HEALTH_PORT, targetPort: HEALTH_PORT, protocol: "TCP" },
      ],
    },
  };
}

/** The pods. They meet the restricted Pod Security Standard unless the Provider says otherwise. */
export function deployment(provider: Provider, inputs: RuntimeInputs): UntypedObject {
  const { runtime } = provider.spec;
  return {
    metadata: metadata(provider),
    spec: {
      replicas: runtime.replicas ?? 1,
      selector: { matchLabels: selectorLabels(provider) },
      // Never two generations of a provider at work on one hypervisor.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        metadata: {
          labels: objectLabels(provider),
          annotations: {
            "kubectl.kubernetes.io/default-container": "provider",
            ...optional("virtrigaud.io/credentials-version", inputs.credentialsVersion),
          },
        },
        spec: {
          serviceAccountName: runtimeName(provider),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 60,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: NON_ROOT,
            runAsGroup: NON_ROOT,
            fsGroup: NON_ROOT,
            seccompProfile: { type: "RuntimeDefault" },
          },
          ...optional("imagePullSecrets", runtime.imagePullSecrets),
          ...optional("nodeSelector", runtime.nodeSelector),
          ...optional("tolerations", runtime.tolerations),
          ...optional("affinity", runtime.affinity),
          containers: [container(provider, inputs)],
          volumes: volumes(provider, inputs),
        },
      },
    },
  };
}

function container(provider: Provider, inputs: RuntimeInputs): Record<string, unknown> {
  const { runtime } = provider.spec;
  const port = servicePort(provider);
  const http = (path: string) => ({ httpGet: { path, port: "health" } });
  return {
    name: "provider",
    image: runtime.image,
    imagePullPolicy: runtime.imagePullPolicy ?? "IfNotPresent",
    args: [`--port=${port}`, `--health-port=${HEALTH_PORT}`],
    ports: [
      { name: "grpc", containerPort: port, protocol: "TCP" },
      { name: "health", containerPort: HEALTH_PORT, protocol: "TCP" },
    ],
    env: environment(provider, inputs),
    volumeMounts: [
      ...(provider.spec.credentialSecretRef === undefined
        ? []
        : [{ name: "provider-credentials", mountPath: CREDENTIALS_DIR, readOnly: true }]),
      ...(inputs.tlsSecret === undefined ? [] : [{ name: "provider-tls", mountPath: TLS_DIR, readOnly: true }]),
      { name: "tmp", mountPath: "/tmp" },
    ],
    livenessProbe: runtime.livenessProbe ?? { ...http("/healthz"), initialDelaySeconds: 15, periodSeconds: 20 },
    readinessProbe: runtime.readinessProbe ?? { ...http("/readyz"), initialDelaySeconds: 1, periodSeconds: 5 },
    resources: runtime.resources ?? {
      requests: { cpu: "100m", memory: "128Mi" },
      limits: { cpu: "1", memory: "512Mi" },
    },
    securityContext: {
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
      ...runtime.securityContext,
    },
  };
}

function environment(provider: Provider, inputs: RuntimeInputs): EnvVar[] {
  const { spec, metadata: { name, namespace = "" } } = provider;
  const { defaults, runtime } = spec;
  const own = runtime.env ?? [];
  const overridden = new Set(own.map((entry) => entry.name));
  const values: Record<string, string | undefined> = {
    PROVIDER_TYPE: spec.type,
    PROVIDER_ENDPOINT: spec.endpoint,
    PROVIDER_NAMESPACE: namespace,
    PROVIDER_NAME: name,
    TLS_ENABLED: String(inputs.tlsSecret !== undefined),
    VIRTRIGAUD_PROVIDER_INSECURE: inputs.tlsSecret === undefined ? "true" : undefined,
    VIRTRIGAUD_PROVIDER_ALLOWED_SANS: inputs.allowedSans.length === 0 ? undefined : inputs.allowedSans.join(","),
    TLS_INSECURE_SKIP_VERIFY: String(spec.insecureSkipVerify ?? false),
    LOG_LEVEL: runtime.logLevel ?? "info",
    LOG_FORMAT: runtime.logFormat ?? "text",
    PROVIDER_DEFAULT_DATASTORE: defaults?.datastore,
    PROVIDER_DEFAULT_STORAGE_POD: defaults?.storagePod,
    PROVIDER_DEFAULT_CLUSTER: defaults?.cluster,
    PROVIDER_DEFAULT_FOLDER: defaults?.folder,
    PROVIDER_DEFAULT_RESOURCE_POOL: defaults?.resourcePool,
    PROVIDER_DEFAULT_NETWORK: defaults?.network,
  };
  const set = Object.entries(values).flatMap(([key, value]) =>
    value === undefined || overridden.has(key) ? [] : [{ name: key, value }]
  );
  return [...set, ...own];
}

function volumes(provider: Provider, inputs: RuntimeInputs): Record<string, unknown>[] {
  const { credentialSecretRef } = provider.spec;
  // Group-readable for the pod's fsGroup, and for nobody else.
  const secret = (secretName: string) => ({ secret: { secretName, defaultMode: 0o440 } });
  return [
    ...(credentialSecretRef === undefined
      ? []
      : [{ name: "provider-credentials", ...secret(credentialSecretRef.name) }]),
    ...(inputs.tlsSecret === undefined ? [] : [{ name: "provider-tls", ...secret(inputs.tlsSecret) }]),
    { name: "tmp", emptyDir: {} },
  ];
}

function metadata(provider: Provider): UntypedObject["metadata"] {
  return {
    name: runtimeName(provider),
    ...optional("namespace", provider.metadata.namespace),
    labels: objectLabels(provider),
    ownerReferences: ownerOf(provider),
  };
}

/** Makes an object go with its Provider. */
export function ownerOf(provider: Provider): NonNullable<UntypedObject["metadata"]["ownerReferences"]> {
  return [{
    apiVersion: API_VERSION,
    kind: "Provider",
    name: provider.metadata.name,
    uid: provider.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  }];
}
