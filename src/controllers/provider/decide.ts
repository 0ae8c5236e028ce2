/** The next step for a Provider. A pure function, as for VirtualMachines. @module */
import { parseDuration, PROVIDER_FINALIZER } from "@virtrigaud/api";
import type { UntypedObject } from "@virtrigaud/kube";
import { getCondition } from "@virtrigaud/runtime";
import { digestOf } from "../shared/digest.ts";
import { covers } from "./covers.ts";
import type { ConnectionSettings, Decision, ProviderInput, Step } from "./input.ts";
import { certificateNames, serviceHost, servicePort } from "./names.ts";
import { type Obstacle, obstacleOf } from "./obstacle.ts";
import { readyReplicas, tlsMode, tlsSecretOf } from "./spec.ts";
import { deployment, type RuntimeInputs, service, serviceAccount } from "./runtime_objects.ts";
import { providerStatus } from "./status.ts";

/** On a Deployment: digest of the object that was applied. The API server rewrites quantities, so that it cannot be compared itself. */
export const APPLIED_DIGEST_ANNOTATION = "virtrigaud.io/applied-digest";
/** On a Service: where to dial instead of its DNS name, for a manager outside of the pod network. */
export const DIAL_ADDRESS_ANNOTATION = "virtrigaud.io/dial-address";

/** Answers with exactly one next step, the status to write and when to look again. */
export function decide(input: ProviderInput): Decision {
  const { provider, tls, now } = input;
  const obstacle = obstacleOf(input);
  // VMs need their provider to be deleted by: it works on until the last of them is gone.
  const ends = provider.metadata.deletionTimestamp !== undefined && input.users === 0;
  const renewals = tlsMode(provider) === "Managed" && tls?.certificate?.ours === true && !ends
    ? [tls.certificate.renewAt, input.clientRenewAt]
    : [];
  return {
    step: ends ? deletionStep(input) : stepOf(input, obstacle),
    status: provider.status !== undefined && isUndecided(input, obstacle)
      ? provider.status
      : providerStatus(input, obstacle),
    ...(renewals.length === 0 ? {} : { requeueAfterMs: Math.max(1_000, Math.min(...renewals) - now) }),
  };
}

/**
 * Whether a Provider that was Ready for this very spec has merely not been looked at: every start of the manager begins
 * so, and saying it would be three writes and three events for nothing. What is found then is said as ever.
 */
function isUndecided({ provider, live, connection }: ProviderInput, obstacle: Obstacle | undefined): boolean {
  const { metadata, status } = provider;
  if (metadata.deletionTimestamp !== undefined || status?.observedGeneration !== metadata.generation) return false;
  if (getCondition(status?.conditions, "Ready")?.status !== "True") return false;
  if (obstacle !== undefined) return obstacle.reason === "Starting";
  return readyReplicas(live.deployment) > 0 && (connection === undefined || connection.health.type === "Unknown");
}

function deletionStep({ provider, connection }: ProviderInput): Step {
  if (!provider.metadata.finalizers?.includes(PROVIDER_FINALIZER)) return { type: "Wait" };
  return connection === undefined ? { type: "RemoveFinalizer" } : { type: "Disconnect" };
}

function stepOf(input: ProviderInput, obstacle: Obstacle | undefined): Step {
  const { provider, users, tls, live, connection, now } = input;
  const deleting = provider.metadata.deletionTimestamp !== undefined;
  if (users > 0 && !deleting && !provider.metadata.finalizers?.includes(PROVIDER_FINALIZER)) {
    return { type: "AddFinalizer" };
  }
  if (tlsMode(provider) === "Managed" && tls !== undefined && needsCertificate(tls, certificateNames(provider), now)) {
    return { type: "IssueCertificate", secretName: tls.secret.name, names: certificateNames(provider) };
  }
  if (obstacle !== undefined) return { type: "Wait" };

  const wanted = { serviceAccount: serviceAccount(provider), service: service(provider) };
  if (!covers(live.serviceAccount, wanted.serviceAccount)) {
    return { type: "Apply", kind: "ServiceAccount", object: wanted.serviceAccount };
  }
  if (!covers(live.service, wanted.service)) return { type: "Apply", kind: "Service", object: wanted.service };
  const pods = withDigest(deployment(provider, runtimeInputs(input)));
  if (!isApplied(live.deployment, pods, input.appliedGeneration)) {
    return { type: "Apply", kind: "Deployment", object: pods };
  }

  const settings = connectionSettings(input);
  const digest = digestOf(settings);
  if (connection?.digest === digest) return { type: "Wait" };
  // The first connection waits for a process to connect to; later ones replace a working one at once.
  if (connection === undefined && readyReplicas(live.deployment) === 0) return { type: "Wait" };
  return { type: "Connect", settings, digest };
}

function needsCertificate(tls: NonNullable<ProviderInput["tls"]>, names: readonly string[], now: number): boolean {
  const { secret, certificate } = tls;
  if (secret.type === "Unknown") return false;
  if (secret.type === "Missing" || certificate === undefined) return true;
  return !certificate.ours || certificate.renewAt <= now || !names.every((name) => certificate.names.includes(name));
}

function runtimeInputs({ provider, credentials, clientName }: ProviderInput): RuntimeInputs {
  const tlsSecret = tlsSecretOf(provider);
  return {
    ...(credentials?.type === "Present" ? { credentialsVersion: credentials.version } : {}),
    ...(tlsSecret === undefined ? {} : { tlsSecret }),
    allowedSans: tlsMode(provider) === "Managed" ? [clientName] : [],
  };
}

function connectionSettings({ provider, live, tls, clientVersion }: ProviderInput): ConnectionSettings {
  const { spec } = provider;
  const check = spec.healthCheck;
  const mode = tlsMode(provider);
  const dial = live.service?.metadata.annotations?.[DIAL_ADDRESS_ANNOTATION];
  return {
    address: dial ?? `${serviceHost(provider)}:${servicePort(provider)}`,
    serverName: serviceHost(provider),
    tls: mode,
    ...(mode === "Secret" && tls?.secret.type === "Present"
      ? { tlsSecret: { name: tls.secret.name, version: tls.secret.version } }
      : {}),
    ...(mode === "Managed" ? { clientVersion } : {}),
    skipVerify: spec.runtime.service?.tls?.insecureSkipVerify ?? false,
    ...(spec.rateLimit === undefined
      ? {}
      : { rateLimit: { qps: spec.rateLimit.qps ?? 10, burst: spec.rateLimit.burst ?? 20 } }),
    health: {
      enabled: check?.enabled ?? true,
      intervalMs: parseDuration(check?.interval ?? "30s"),
      timeoutMs: parseDuration(check?.timeout ?? "10s"),
      failureThreshold: check?.failureThreshold ?? 3,
      successThreshold: check?.successThreshold ?? 1,
    },
  };
}

function withDigest(object: UntypedObject): UntypedObject {
  const annotations = { ...object.metadata.annotations, [APPLIED_DIGEST_ANNOTATION]: digestOf(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function isApplied(live: UntypedObject | undefined, wanted: UntypedObject, generation: number | undefined): boolean {
  if (live === undefined) return false;
  const digest = (object: UntypedObject) => object.metadata.annotations?.[APPLIED_DIGEST_ANNOTATION];
  return digest(live) === digest(wanted) && (generation === undefined || generation === live.metadata.generation);
}
