/** For every value of the chart virtrigaud: a setting of it, and what of the manifests it becomes. @module */
import type { Values } from "./support/helm.ts";

/** A setting and where it arrives. */
export interface Effect {
  readonly set: unknown;
  /** Values that the setting needs beside it. */
  readonly beside?: Values;
  /** Kind of the object, with its name where there are several. */
  readonly in: string | readonly [kind: string, name: string];
  /** Path within that object, and what stands there then; a `RegExp` is searched in its JSON. */
  readonly at?: string;
  /** Default: what was set. */
  readonly is?: unknown;
  /** The object is there without the setting and not with it. */
  readonly gone?: true;
}

const MANAGER = ["Deployment", "virtrigaud-manager"] as const;
const POD = "spec.template.spec";
const CONTAINER = `${POD}.containers.0`;
const pod = (path: string, set: unknown, is: unknown = set): Effect => ({ set, in: MANAGER, at: `${POD}.${path}`, is });
const image = (set: unknown, is: string): Effect => ({ set, in: MANAGER, at: `${CONTAINER}.image`, is });
const variable = (name: string, set: unknown, value = String(set)): Effect => ({
  set,
  in: MANAGER,
  at: `${CONTAINER}.env`,
  is: new RegExp(`{"name":"${name}","value":"${value}"}`),
});
const policies = { networkPolicies: { enabled: true, providerNamespaces: ["team"] } };
const MANAGER_POLICY = ["NetworkPolicy", "virtrigaud-manager"] as const;
const monitored = (of: "serviceMonitor" | "prometheusRule"): Values => ({
  observability: { prometheus: { [of]: { enabled: true } } },
});
const JOB = ["Job", "virtrigaud-crds"] as const;
const issued = (at: string, set: unknown): Effect => ({
  set,
  beside: { certificates: { source: "certManager", issuerRef: { name: "other" } } },
  in: "Certificate",
  at,
});
const traced = { tracing: { enabled: true, endpoint: "http://collector:4318" } };
const REPOSITORY = "projectbeskar/virtrigaud/manager";

/** Effects by the path of the value. */
export const EFFECTS: Readonly<Record<string, Effect>> = {
  nameOverride: { set: "virtrig", in: MANAGER, at: "metadata.labels", is: /"app.kubernetes.io\/name":"virtrig"/ },
  fullnameOverride: { set: "vr", in: ["Deployment", "vr-manager"], at: "metadata.name", is: "vr-manager" },
  "global.imageRegistry": image("registry.example.com:5000", `registry.example.com:5000/${REPOSITORY}:v0.1.0`),
  "global.imagePullPolicy": pod("containers.0.imagePullPolicy", "Always"),
  "global.imagePullSecrets": pod("imagePullSecrets", [{ name: "mine" }]),
  "manager.image.repository": image("other/manager", "ghcr.io/other/manager:v0.1.0"),
  "manager.image.tag": image("v9", `ghcr.io/${REPOSITORY}:v9`),
  "manager.image.digest": image(`sha256:${"a".repeat(64)}`, `ghcr.io/${REPOSITORY}@sha256:${"a".repeat(64)}`),
  "manager.replicaCount": { set: 3, in: MANAGER, at: "spec.replicas" },
  "manager.podDisruptionBudget.enabled": { set: false, in: "PodDisruptionBudget", gone: true },
  "manager.podDisruptionBudget.maxUnavailable": { set: "50%", in: "PodDisruptionBudget", at: "spec.maxUnavailable" },
  "manager.serviceAccount.create": { set: false, in: ["ServiceAccount", "virtrigaud-manager"], gone: true },
  "manager.serviceAccount.name": pod("serviceAccountName", "robot"),
  "manager.serviceAccount.annotations": {
    set: { a: "b" },
    in: ["ServiceAccount", "virtrigaud-manager"],
    at: "metadata.annotations",
  },
  "manager.resources": pod("containers.0.resources.limits.memory", { limits: { memory: "1Gi" } }, "1Gi"),
  "manager.podSecurityContext": pod("securityContext.runAsUser", { runAsUser: 1000 }, 1000),
  "manager.securityContext": pod("containers.0.securityContext.runAsGroup", { runAsGroup: 7 }, 7),
  "manager.podAnnotations": {
    set: { a: "b" },
    in: MANAGER,
    at: "spec.template.metadata.annotations",
    is: /"a":"b"/,
  },
  "manager.podLabels": { set: { a: "b" }, in: MANAGER, at: "spec.template.metadata.labels", is: /"a":"b"/ },
  "manager.priorityClassName": pod("priorityClassName", "high"),
  "manager.nodeSelector": pod("nodeSelector", { disk: "ssd" }),
  "manager.tolerations": pod("tolerations", [{ operator: "Exists" }]),
  "manager.affinity": pod("affinity", { nodeAffinity: {} }),
  "manager.topologySpreadConstraints": pod("topologySpreadConstraints", [
    { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" },
  ]),
  "manager.terminationGracePeriodSeconds": pod("terminationGracePeriodSeconds", 90),
  "manager.env": { set: [{ name: "HTTPS_PROXY", value: "x" }], in: MANAGER, at: `${CONTAINER}.env`, is: /HTTPS_PROXY/ },
  "rbac.create": { set: false, in: ["ClusterRole", "virtrigaud-manager"], gone: true },
  "rbac.scope": { set: "namespace", in: ["ClusterRole", "virtrigaud-manager"], gone: true },
  "rbac.watchNamespace": {
    set: "team",
    beside: { rbac: { scope: "namespace" } },
    in: MANAGER,
    at: `${CONTAINER}.args`,
    is: /--watch-namespace=team"/,
  },
  "rbac.watchSelector": {
    set: "example.com/shard=blue",
    in: MANAGER,
    at: `${CONTAINER}.args`,
    is: /"--watch-selector=example\.com\/shard=blue"/,
  },
  "rbac.secretNamespaces": {
    set: ["team"],
    in: ["Role", "virtrigaud-manager-secrets"],
    at: "metadata.namespace",
    is: "team",
  },
  "rbac.additionalRules": {
    set: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }],
    in: ["ClusterRole", "virtrigaud-manager"],
    at: "rules",
    is: /"pods"/,
  },
  "config.log.level": variable("LOG_LEVEL", "debug"),
  "config.log.format": variable("LOG_FORMAT", "text"),
  "config.workersPerKind": variable("WORKERS_PER_KIND", 7),
  "config.maxTasksPerProvider": variable("MAX_INFLIGHT_TASKS", 9),
  "config.rpcTimeouts.describe": variable("RPC_TIMEOUT_DESCRIBE", "11s"),
  "config.rpcTimeouts.mutating": variable("RPC_TIMEOUT_MUTATING", "12s"),
  "config.rpcTimeouts.validate": variable("RPC_TIMEOUT_VALIDATE", "13s"),
  "config.rpcTimeouts.taskStatus": variable("RPC_TIMEOUT_TASK_STATUS", "14s"),
  "config.retry.maxAttempts": variable("RETRY_MAX_ATTEMPTS", 6),
  "config.retry.baseDelay": variable("RETRY_BASE_DELAY", "20ms"),
  "config.retry.maxDelay": variable("RETRY_MAX_DELAY", "31s"),
  "config.retry.multiplier": variable("RETRY_MULTIPLIER", 3.5),
  "config.retry.jitter": variable("RETRY_JITTER", false),
  "config.circuitBreaker.failureThreshold": variable("CB_FAILURE_THRESHOLD", 4),
  "config.circuitBreaker.resetSeconds": variable("CB_RESET_SECONDS", 33),
  "config.circuitBreaker.halfOpenMaxCalls": variable("CB_HALF_OPEN_MAX_CALLS", 2),
  "config.rateLimit.qps": variable("RATE_LIMIT_QPS", 2.5),
  "config.rateLimit.burst": variable("RATE_LIMIT_BURST", 9),
  "tracing.enabled": { ...variable("OTEL_DENO", true), beside: { tracing: { endpoint: "http://collector:4318" } } },
  "tracing.endpoint": {
    ...variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:4318"),
    beside: traced,
  },
  "tracing.samplingRatio": { ...variable("OTEL_TRACES_SAMPLER_ARG", 0.5), beside: traced },
  "crdUpgrade.enabled": { set: false, in: JOB, gone: true },
  "crdUpgrade.backoffLimit": { set: 1, in: JOB, at: "spec.backoffLimit" },
  "crdUpgrade.activeDeadlineSeconds": { set: 60, in: JOB, at: "spec.activeDeadlineSeconds" },
  "crdUpgrade.resources": {
    set: { limits: { memory: "1Gi" } },
    in: JOB,
    at: `${CONTAINER}.resources.limits.memory`,
    is: "1Gi",
  },
  "certificates.source": {
    set: "certManager",
    beside: { certificates: { issuerRef: { name: "corporate" } } },
    in: MANAGER,
    at: `${CONTAINER}.args`,
    is: /"--ca-secret=virtrigaud-issued-ca"/,
  },
  "certificates.issuerRef.name": issued("spec.issuerRef.name", "corporate"),
  "certificates.issuerRef.kind": issued("spec.issuerRef.kind", "Issuer"),
  "certificates.issuerRef.group": issued("spec.issuerRef.group", "awspca.cert-manager.io"),
  "certificates.duration": issued("spec.duration", "2160h"),
  "admission.action": {
    set: "Deny",
    in: ["ValidatingAdmissionPolicyBinding", "virtrigaud-virtualmachines"],
    at: "spec.validationActions",
    is: ["Deny"],
  },
  "networkPolicies.enabled": { set: true, in: MANAGER_POLICY, at: "spec.policyTypes", is: ["Ingress", "Egress"] },
  "networkPolicies.apiServer.cidrs": {
    set: ["10.0.0.1/32"],
    beside: policies,
    in: MANAGER_POLICY,
    at: "spec.egress.1.to",
    is: [{ ipBlock: { cidr: "10.0.0.1/32" } }],
  },
  "networkPolicies.apiServer.ports": {
    set: [8443],
    beside: policies,
    in: MANAGER_POLICY,
    at: "spec.egress.1.ports.0.port",
    is: 8443,
  },
  "networkPolicies.metricsFrom": {
    set: { matchLabels: { team: "watch" } },
    beside: policies,
    in: MANAGER_POLICY,
    at: "spec.ingress.0.from.0.namespaceSelector",
  },
  "networkPolicies.providerNamespaces": {
    set: ["team-b"],
    beside: { networkPolicies: { enabled: true } },
    in: ["NetworkPolicy", "virtrigaud-providers"],
    at: "metadata.namespace",
    is: "team-b",
  },
  "observability.prometheus.serviceMonitor.enabled": {
    set: true,
    in: ["ServiceMonitor", "virtrigaud-manager"],
    at: "spec.endpoints.0.port",
    is: "metrics",
  },
  "observability.prometheus.serviceMonitor.providers": {
    set: false,
    beside: monitored("serviceMonitor"),
    in: ["ServiceMonitor", "virtrigaud-providers"],
    gone: true,
  },
  "observability.prometheus.serviceMonitor.labels": {
    set: { release: "prometheus" },
    beside: monitored("serviceMonitor"),
    in: ["ServiceMonitor", "virtrigaud-manager"],
    at: "metadata.labels.release",
    is: "prometheus",
  },
  "observability.prometheus.serviceMonitor.interval": {
    set: "10s",
    beside: monitored("serviceMonitor"),
    in: ["ServiceMonitor", "virtrigaud-providers"],
    at: "spec.endpoints.0.interval",
  },
  "observability.prometheus.prometheusRule.enabled": {
    set: true,
    in: "PrometheusRule",
    at: "spec.groups.0.name",
    is: "virtrigaud.manager",
  },
  "observability.prometheus.prometheusRule.labels": {
    set: { release: "prometheus" },
    beside: monitored("prometheusRule"),
    in: "PrometheusRule",
    at: "metadata.labels.release",
    is: "prometheus",
  },
  "observability.grafana.dashboards.enabled": {
    set: true,
    in: ["ConfigMap", "virtrigaud-dashboards"],
    at: "metadata.labels.grafana_dashboard",
    is: "1",
  },
  "observability.grafana.dashboards.labels": {
    set: { board: "yes" },
    beside: { observability: { grafana: { dashboards: { enabled: true } } } },
    in: ["ConfigMap", "virtrigaud-dashboards"],
    at: "metadata.labels.board",
    is: "yes",
  },
};
