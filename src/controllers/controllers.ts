/** All controllers put together, and what they share. @module */
import type { KubeClient, UntypedObject } from "@virtrigaud/kube";
import { DEPLOYMENTS, SERVICE_ACCOUNTS, SERVICES } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import { EventRecorder, type InformerOptions, type Manager, type RuntimeLog } from "@virtrigaud/runtime";
import type { ManagerMetric, Metrics } from "@virtrigaud/telemetry";
import { addCatalogController } from "./catalog/controller.ts";
import { classValidity, imageValidity, networkValidity } from "./catalog/validity.ts";
import { ProviderConnections } from "./connection/connections.ts";
import type { Certificates, ProviderDialer } from "./provider/certificates.ts";
import { addProviderController } from "./provider/controller.ts";
import { MANAGED_SELECTOR } from "./provider/names.ts";
import { ProviderReconciler } from "./provider/reconciler.ts";
import { PROVIDERS, VIRTUAL_MACHINES, VM_CLASSES, VM_IMAGES, VM_NETWORK_ATTACHMENTS } from "./shared/kinds.ts";
import { SecretSource } from "./shared/secrets.ts";
import { turns } from "./shared/turns.ts";
import { addVmController, VM_INDEXES } from "./virtual_machine/controller.ts";
import { VmReconciler } from "./virtual_machine/reconciler.ts";

/** Options of {@linkcode addControllers}. */
export interface ControllersOptions {
  readonly client: KubeClient;
  readonly certificates: Certificates;
  /** How providers are reached. */
  readonly dialer: ProviderDialer;
  /** Which process this is, for events. */
  readonly identity: string;
  /** Namespace to confine to. Default: all. */
  readonly watchNamespace?: string;
  /** Label selector: objects of the product's kinds without such labels do not exist for this manager. Default: all. */
  readonly watchSelector?: string;
  /** VirtualMachines at a time. Default 64. */
  readonly workers?: number;
  /** Tasks in flight at one provider; more wait their turn. Default 100. */
  readonly maxTasksPerProvider?: number;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly log: RuntimeLog;
  /** Default: nothing is measured. */
  readonly metrics?: Metrics<ManagerMetric>;
}

/** The controllers of a manager. */
export interface Controllers {
  readonly connections: ProviderConnections;
  readonly reconciler: VmReconciler;
  /** Lets go of connections, watches and events, after the manager has ended. */
  close(): Promise<void>;
}

/** Adds every controller to `manager`; nothing is sent before it runs. */
export function addControllers(manager: Manager, options: ControllersOptions): Controllers {
  const { client, clock, random, log, certificates, dialer, metrics } = options;
  const ended = new AbortController();
  const connections = new ProviderConnections();
  const chance = random === undefined ? {} : { random };
  const environment = { client, clock, log, ...chance };
  const events = new EventRecorder({ ...environment, component: "virtrigaud-manager", instance: options.identity });
  const secrets = new SecretSource(client, environment, ended.signal);

  const place = options.watchNamespace === undefined ? {} : { namespace: options.watchNamespace };
  const scope = { ...place, ...(options.watchSelector === undefined ? {} : { labelSelector: options.watchSelector }) };
  const owned: InformerOptions<UntypedObject> = { ...place, labelSelector: MANAGED_SELECTOR };
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

  const measured = metrics === undefined ? {} : { metrics };
  const reconciler: VmReconciler = new VmReconciler({
    client,
    vms,
    sources: { providers, classes, images, networks, secrets, connections },
    clock,
    nonce: () => crypto.randomUUID().slice(0, 18),
    event: (vm, event) => events.record(VIRTUAL_MACHINES, vm, event),
    wake: (key) => vmController.enqueue(key),
    ...measured,
    ...(options.maxTasksPerProvider === undefined ? {} : { maxTasksPerProvider: options.maxTasksPerProvider }),
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
      dialer,
      users: (key) => vms.byIndex("provider", key).length,
      clock,
      ...chance,
      requestId: () => crypto.randomUUID(),
      turn: turns(manager, clock),
      event: (provider, event) => events.record(PROVIDERS, provider, event),
      wake: (key) => wakeProvider(key),
    }),
  });
  const wakeProvider = (key: string) => {
    providerController.enqueue(key);
    // While everything is known of its VMs, how a provider feels is nothing that they go by.
    if (connections.get(key)?.inventory.lost !== undefined) connections.tell(key);
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
    connections,
    reconciler,
    async close() {
      ended.abort();
      await connections.close();
      await secrets.stopped();
      await events.close();
    },
  };
}
