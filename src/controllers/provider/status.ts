/** The status of a Provider. Pure. @module */
import type { Condition, Provider, ProviderPhase, ProviderStatus } from "@virtrigaud/api";
import type { Capabilities } from "@virtrigaud/contract";
import { removeCondition, setCondition } from "@virtrigaud/runtime";
import { optional } from "../shared/optional.ts";
import type { Obstacle } from "./obstacle.ts";
import { dishonoured, readyReplicas, tlsMode } from "./spec.ts";
import type { ProviderInput } from "./input.ts";
import { runtimeName, serviceHost, servicePort } from "./names.ts";

interface Line {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** The whole new status: two looks at the same state give equal ones, whatever the time. */
export function providerStatus(input: ProviderInput, obstacle: Obstacle | undefined): ProviderStatus {
  const { provider, users, connection, tls, now } = input;
  const before = provider.status ?? {};
  const runtime = runtimeLine(input, obstacle);
  const available = availableLine(input, runtime);
  const ready = readyLine(input, obstacle, runtime, available);
  const healthy = available.status === "True";
  const { health } = connection ?? {};
  return {
    ...before,
    phase: phaseOf(input, obstacle, runtime, available),
    message: ready.message,
    healthy,
    // A time stamp of every check would be a write for every check; it tells when health last changed.
    ...optional(
      "lastHealthCheck",
      before.healthy === healthy && before.lastHealthCheck !== undefined
        ? before.lastHealthCheck
        : health === undefined || health.type === "Unknown"
        ? undefined
        : seconds(now),
    ),
    connectedVMs: users,
    ...(health?.type === "Healthy" ? { version: health.version, hypervisorVersion: health.hypervisor } : {}),
    ...(connection?.capabilities === undefined ? {} : capabilities(connection.capabilities)),
    runtime: {
      mode: "Remote",
      phase: obstacle?.stalled === true
        ? "Failed"
        : runtime.status === "True"
        ? "Running"
        : input.live.deployment === undefined
        ? "Pending"
        : "Starting",
      endpoint: `${serviceHost(provider)}:${servicePort(provider)}`,
      serviceRef: { name: runtimeName(provider) },
      readyReplicas: readyReplicas(input.live.deployment),
      message: runtime.message,
    },
    tls: {
      mode: tlsMode(provider),
      ...optional("secretName", tls?.secret.name),
      ...(tls?.certificate === undefined ? {} : { notAfter: seconds(tls.certificate.notAfter) }),
      ...(tls?.certificate?.ours === true ? { renewAfter: seconds(tls.certificate.renewAt) } : {}),
    },
    observedGeneration: provider.metadata.generation ?? 0,
    conditions: conditionsOf(input, obstacle, { runtime, available, ready }),
  };
}

function runtimeLine({ live, provider }: ProviderInput, obstacle: Obstacle | undefined): Line {
  if (obstacle !== undefined) return { status: "False", reason: obstacle.reason, message: obstacle.message };
  const wanted = provider.spec.runtime.replicas ?? 1;
  const ready = readyReplicas(live.deployment);
  if (ready > 0) {
    return { status: "True", reason: "DeploymentReady", message: `${ready} of ${wanted} provider processes are ready` };
  }
  return {
    status: "False",
    reason: "DeploymentNotReady",
    message: `waits for Deployment "${runtimeName(provider)}" to become ready`,
  };
}

function availableLine({ connection }: ProviderInput, runtime: Line): Line {
  const health = connection?.health;
  if (connection === undefined || health === undefined) {
    return {
      status: "False",
      reason: runtime.status === "True" ? "Connecting" : runtime.reason,
      message: runtime.message,
    };
  }
  switch (health.type) {
    case "Unknown":
      return { status: "Unknown", reason: "Connecting", message: "the first health check has not been passed yet" };
    case "Unhealthy":
      return {
        status: "False",
        reason: health.error.class,
        message: `the health check fails: ${health.error.message}`,
      };
    case "Healthy":
      return { status: "True", reason: "RemoteAvailable", message: `works with ${health.hypervisor}` };
  }
}

function readyLine(
  { provider, users, connection }: ProviderInput,
  obstacle: Obstacle | undefined,
  runtime: Line,
  available: Line,
): Line {
  if (provider.metadata.deletionTimestamp !== undefined && users > 0) {
    return {
      status: "False",
      reason: "InUse",
      message: `cannot be deleted: ${users} VirtualMachines still refer to it`,
    };
  }
  if (obstacle !== undefined) return { status: "False", reason: obstacle.reason, message: obstacle.message };
  if (available.status !== "True") return { ...available, status: "False" };
  if (connection?.lost !== undefined) {
    return { status: "False", reason: "WatchLost", message: `its VMs are not known: ${connection.lost}` };
  }
  if (runtime.status !== "True") return runtime;
  return { status: "True", reason: "ProviderReady", message: available.message };
}

function phaseOf(
  { provider, connection }: ProviderInput,
  obstacle: Obstacle | undefined,
  runtime: Line,
  available: Line,
): ProviderPhase {
  if (provider.metadata.deletionTimestamp !== undefined) return "Deleting";
  if (obstacle !== undefined) return obstacle.stalled ? "Failed" : "Pending";
  if (available.status === "True") {
    return connection?.lost === undefined && runtime.status === "True" ? "Ready" : "Degraded";
  }
  if (connection?.health.type === "Unhealthy") return "Unhealthy";
  return "Starting";
}

function conditionsOf(
  { provider, connection, tls, now }: ProviderInput,
  obstacle: Obstacle | undefined,
  lines: { readonly runtime: Line; readonly available: Line; readonly ready: Line },
): Condition[] {
  const observedGeneration = provider.metadata.generation ?? 0;
  let conditions: readonly Condition[] = provider.status?.conditions ?? [];
  const set = (type: string, line: Line) => {
    conditions = setCondition<Condition>(conditions, { type, ...line, observedGeneration }, now);
  };
  const drop = (type: string) => {
    conditions = removeCondition(conditions, type);
  };
  set("Ready", lines.ready);
  set("ProviderRuntimeReady", lines.runtime);
  set("ProviderAvailable", lines.available);
  set("TLSConfigured", tlsLine(provider, tls));
  if (connection?.capabilities !== undefined) {
    set("CapabilitiesReported", {
      status: "True",
      reason: "CapabilitiesFetched",
      message: "the provider said what it can do",
    });
  } else drop("CapabilitiesReported");
  const unsupported = dishonoured(provider);
  if (unsupported.length > 0) {
    set("FieldsHonoured", {
      status: "False",
      reason: "UnsupportedField",
      message: `Provider "${provider.metadata.name}" of type ${provider.spec.type} does not honour ${
        unsupported.join(", ")
      }: remove it`,
    });
  } else drop("FieldsHonoured");
  if (obstacle?.stalled === true) {
    set("Stalled", { status: "True", reason: obstacle.reason, message: obstacle.message });
  } else drop("Stalled");
  return [...conditions];
}

function tlsLine(provider: Provider, tls: ProviderInput["tls"]): Line {
  switch (tlsMode(provider)) {
    case "Disabled":
      return {
        status: "False",
        reason: "ExplicitlyDisabled",
        message: "spec.runtime.service.tls.enabled is false: plain text",
      };
    case "Secret":
      return tls?.secret.type === "Present"
        ? {
          status: "True",
          reason: "Enabled",
          message: `mutual TLS with the certificates in Secret "${tls.secret.name}"`,
        }
        : { status: "False", reason: "SecretMissing", message: `Secret "${tls?.secret.name}" does not exist` };
    case "Managed":
      return tls?.secret.type === "Present"
        ? { status: "True", reason: "Enabled", message: "mutual TLS with certificates that the manager issues" }
        : { status: "False", reason: "Issuing", message: "the certificate is being issued" };
  }
}

function capabilities(can: Capabilities): Pick<ProviderStatus, "capabilities" | "reportedCapabilities"> {
  return {
    capabilities: [
      "VirtualMachines",
      ...(can.snapshots ? ["Snapshots" as const] : []),
      ...(can.clones ? ["Cloning" as const] : []),
      "DiskManagement",
      "NetworkManagement",
    ],
    reportedCapabilities: {
      supportsReconfigureOnline: can.reconfigureOnline,
      supportsDiskExpansionOnline: can.diskExpansionOnline,
      supportsSnapshots: can.snapshots,
      supportsMemorySnapshots: can.memorySnapshots,
      supportsLinkedClones: can.linkedClones,
      supportsImageImport: can.imageImport,
      supportsDiskExport: can.diskExport,
      supportsDiskImport: can.diskImport,
      supportsExportCompression: can.exportCompression,
      supportedDiskTypes: [...can.diskTypes],
      supportedNetworkTypes: [...can.networkTypes],
      supportedExportFormats: [...can.exportFormats],
      supportedImportFormats: [...can.importFormats],
      supportedExportBackends: [...can.exportBackends],
      supportedImportBackends: [...can.importBackends],
      supportedTransferModes: [...can.transferModes],
    },
  };
}

function seconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}
