/** The manager put together: every controller, and what they share. @module */
import {
  addCatalogController,
  addProviderController,
  addVmController,
  type Certificates,
  classValidity,
  grpcDialer,
  imageValidity,
  MANAGED_SELECTOR,
  networkValidity,
  openCertificates,
  ProviderConnections,
  type ProviderDialer,
  ProviderReconciler,
  PROVIDERS,
  SecretSource,
  VIRTUAL_MACHINES,
  VM_CLASSES,
  VM_IMAGES,
  VM_INDEXES,
  VM_NETWORK_ATTACHMENTS,
  VmReconciler,
} from "@virtrigaud/controllers";
import type { PolicySettings } from "@virtrigaud/contract/client/mod.ts";
import { DEPLOYMENTS, type KubeClient, SERVICE_ACCOUNTS, SERVICES, type UntypedObject } from "@virtrigaud/kube";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import {
  EventRecorder,
  type InformerOptions,
  Manager,
  type ManagerOptions,
  type RuntimeMetrics,
} from "@virtrigaud/runtime";
import { type ClientMetric, type Logger, type Metrics, silentLogger } from "@virtrigaud/telemetry";

/** What a manager is made from. */
export interface ManagerRoleOptions {
  readonly client: KubeClient;
  /** The manager's own namespace: for its Lease and its certificate authority. */
  readonly namespace: string;
  /** Which process this is, for events and the Lease: pod name and a random part. */
  readonly identity: string;
  readonly leaderElection?: Pick<NonNullable<ManagerOptions["leaderElection"]>, "onLost"> & {
    readonly leaseDurationMs?: number;
    readonly renewDeadlineMs?: number;
    readonly retryPeriodMs?: number;
  };
  /** Namespace to confine to. Default: all. */
  readonly watchNamespace?: string;
  readonly policy?: PolicySettings;
  /** VirtualMachines at a time. Default 20. */
  readonly workers?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly metrics?: Metrics<ClientMetric> & RuntimeMetrics;
  /** How providers are reached. Default: gRPC. */
  readonly dialer?: ProviderDialer;
  /** Issues the certificates of managed TLS. Default: the authority in the manager's namespace. */
  readonly certificates?: Certificates;
}

/** Name of the Lease; the reference's, so that the two never act at the same time. */
const LEASE_NAME = "8da97394.virtrigaud.io";

/** A manager that runs until its signal aborts. */
export interface ManagerRole {
  readonly manager: Manager;
  readonly connections: ProviderConnections;
  readonly reconciler: VmReconciler;
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
      : { leaderElection: { ...options.leaderElection, namespace, name: LEASE_NAME, identity } }),
  });
  const ended = new AbortController();
  const connections = new ProviderConnections();
  const events = new EventRecorder({ client, component: "virtrigaud-manager", instance: identity, clock, log });
  const secrets = new SecretSource(client, { client, clock, log }, ended.signal);
  const certificates = options.certificates ?? await openCertificates({ client, namespace, clock });

  const scope = options.watchNamespace === undefined ? {} : { namespace: options.watchNamespace };
  const owned: InformerOptions<UntypedObject> = { ...scope, labelSelector: MANAGED_SELECTOR };
  const vms = manager.informers.for(VIRTUAL_MACHINES, { ...scope, indexes: VM_INDEXES });
  const providers = manager.informers.for(PROVIDERS, scope);
  const classes = manager.informers.for(VM_CLASSES, scope);
  const images = manager.informers.for(VM_IMAGES, scope);
  const networks = manager.informers.for(VM_NETWORK_ATTACHMENTS, scope);
  const live = {
    Deployment: manager.informers.for(DEPLOYMENTS, owned),
    Service: manager.informers.for(SERVICES, owned),
    ServiceAccount: manager.informers.for(SERVICE_ACCOUNTS, owned),
  };

  const requestId = () => crypto.randomUUID();
  const reconciler: VmReconciler = new VmReconciler({
    client,
    vms,
    sources: { providers, classes, images, networks, secrets, connections },
    clock,
    fence: () => manager.leadership?.fence ?? 0,
    nonce: () => crypto.randomUUID().slice(0, 18),
    event: (vm, event) => events.record(VIRTUAL_MACHINES, vm, event),
    wake: (key) => vmController.enqueue(key),
  });
  const vmController = addVmController(manager, {
    informers: { vms, providers, classes, images, networks },
    connections,
    reconciler,
    ...(options.workers === undefined ? {} : { concurrency: options.workers }),
  });
  const providerController = addProviderController(manager, {
    providers,
    vms,
    live,
    reconciler: new ProviderReconciler({
      client,
      providers,
      live,
      secrets,
      connections,
      certificates,
      dialer: options.dialer ?? grpcDialer({
        clock,
        log,
        ...(options.policy === undefined ? {} : { policy: options.policy }),
        ...(metrics === undefined ? {} : { metrics }),
      }),
      users: (key) => vms.byIndex("provider", key).length,
      clock,
      requestId,
      event: (provider, event) => events.record(PROVIDERS, provider, event),
      wake: (key) => wakeProvider(key),
    }),
  });
  const wakeProvider = (key: string) => {
    providerController.enqueue(key);
    connections.tell(key);
  };
  const shared = { client, vms, clock };
  addCatalogController(manager, {
    ...shared,
    type: VM_CLASSES,
    informer: classes,
    index: "class",
    validity: classValidity,
  });
  addCatalogController(manager, {
    ...shared,
    type: VM_IMAGES,
    informer: images,
    index: "image",
    validity: imageValidity,
  });
  addCatalogController(manager, {
    ...shared,
    type: VM_NETWORK_ATTACHMENTS,
    informer: networks,
    index: "network",
    validity: networkValidity,
  });

  return {
    manager,
    connections,
    reconciler,
    async run(signal) {
      try {
        await manager.run(signal);
      } finally {
        ended.abort();
        await connections.close();
        await secrets.stopped();
        await events.close();
      }
    },
  };
}
