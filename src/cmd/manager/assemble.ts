/** The manager put together: every controller, and what they share. @module */
import { createHash } from "node:crypto";
import {
  addControllers,
  type Certificates,
  type Controllers,
  grpcDialer,
  openCertificates,
  type ProviderDialer,
} from "@virtrigaud/controllers";
import type { PolicySettings } from "@virtrigaud/contract/client/mod.ts";
import type { KubeClient } from "@virtrigaud/kube";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { Manager, type ManagerOptions, type RuntimeMetrics } from "@virtrigaud/runtime";
import { type ClientMetric, type Logger, type ManagerMetric, type Metrics, silentLogger } from "@virtrigaud/telemetry";

/** What a manager is made from. */
export interface ManagerRoleOptions {
  readonly client: KubeClient;
  /** The manager's own namespace: for its Lease and its certificate authority. */
  readonly namespace: string;
  /** Which process this is, for events and the Lease: pod name and a random part. */
  readonly identity: string;
  readonly leaderElection?: Pick<NonNullable<ManagerOptions["leaderElection"]>, "onLost" | "presence"> & {
    readonly leaseDurationMs?: number;
    readonly renewDeadlineMs?: number;
    readonly retryPeriodMs?: number;
  };
  /** Namespace to confine to. Default: all. */
  readonly watchNamespace?: string;
  /** Label selector to confine to, for all kinds of the product alike. Default: all objects. */
  readonly watchSelector?: string;
  readonly policy?: PolicySettings;
  /** VirtualMachines at a time. Default 64. */
  readonly workers?: number;
  /** Tasks in flight at one provider; more wait their turn. Default 100. */
  readonly maxTasksPerProvider?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly metrics?: Metrics<ClientMetric> & Metrics<ManagerMetric> & RuntimeMetrics;
  /** How providers are reached. Default: gRPC. */
  readonly dialer?: ProviderDialer;
  /** Secret with a certificate authority that somebody else renews. Default: the manager makes its own. */
  readonly caSecret?: string;
  /** Issues the certificates of managed TLS. Default: the authority in the manager's namespace. */
  readonly certificates?: Certificates;
}

/** Name of the Lease; the reference's, so that the two never act at the same time. */
const LEASE_NAME = "8da97394.virtrigaud.io";

/** Managers with different selectors act side by side: each selector has a Lease of its own. */
export function leaseName(watchSelector: string | undefined): string {
  if (watchSelector === undefined) return LEASE_NAME;
  return `${createHash("sha256").update(watchSelector).digest("hex").slice(0, 8)}.${LEASE_NAME}`;
}

/** A manager that runs until its signal aborts. */
export interface ManagerRole {
  readonly manager: Manager;
  readonly connections: Controllers["connections"];
  readonly reconciler: Controllers["reconciler"];
  /** Whether it could act at once, or why not. */
  readonly ready: () => true | string;
  run(signal: AbortSignal): Promise<void>;
}

/** Puts a manager together. Nothing is sent before `run`, but for the authority, which is loaded or made. */
export async function assembleManager(options: ManagerRoleOptions): Promise<ManagerRole> {
  const { client, clock = systemClock, log = silentLogger, metrics, namespace, identity } = options;
  const manager = new Manager({
    client,
    clock,
    log,
    ...(metrics === undefined ? {} : { metrics }),
    ...(options.leaderElection === undefined
      ? {}
      : { leaderElection: { ...options.leaderElection, namespace, name: leaseName(options.watchSelector), identity } }),
  });
  const { connections, reconciler, close } = addControllers(manager, {
    client,
    certificates: options.certificates ?? await openCertificates({
      client,
      namespace,
      clock,
      log,
      ...(options.caSecret === undefined ? {} : { givenSecret: options.caSecret }),
    }),
    dialer: options.dialer ?? grpcDialer({
      clock,
      log,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      ...(metrics === undefined ? {} : { metrics }),
    }),
    identity,
    clock,
    log,
    ...(options.watchNamespace === undefined ? {} : { watchNamespace: options.watchNamespace }),
    ...(options.watchSelector === undefined ? {} : { watchSelector: options.watchSelector }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.maxTasksPerProvider === undefined ? {} : { maxTasksPerProvider: options.maxTasksPerProvider }),
    ...(metrics === undefined ? {} : { metrics }),
  });
  return {
    manager,
    connections,
    reconciler,
    ready: () => Object.values(manager.readyChecks).map((check) => check()).find((why) => why !== undefined) ?? true,
    async run(signal) {
      try {
        await manager.run(signal);
      } finally {
        await close();
      }
    },
  };
}
