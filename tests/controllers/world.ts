/** A whole site under fake time: API server, manager, mock hypervisors; and short ways to say the usual things. @module */
import { setImmediate } from "node:timers";
import { API_VERSION, type Condition, type Provider, type VirtualMachine } from "@virtrigaud/api";
import { addControllers, type Certificates, type Controllers } from "../../src/controllers/mod.ts";
import { type Provider as ProviderClient, ProviderError } from "@virtrigaud/contract";
import { KubeClient, type UntypedObject } from "@virtrigaud/kube";
import { FakeApiServer, type SeenRequest } from "@virtrigaud/kube/testing";
import { FakeClock } from "@virtrigaud/resilience";
import { Manager, silentLog } from "@virtrigaud/runtime";
import { type MetricLabels, Secret } from "@virtrigaud/telemetry";
import { Faults, MockHypervisor, type MockHypervisorOptions, MockProvider } from "../../providers/mock/mod.ts";

/** Settles by turns that take microseconds: nothing in this process does I/O. */
class QuickClock extends FakeClock {
  override async settle(turns = 6): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(() => resolve(undefined)));
  }
}

const PATHS: Readonly<Record<string, string>> = {
  VirtualMachine: "/apis/infra.virtrigaud.io/v1beta1/virtualmachines",
  Provider: "/apis/infra.virtrigaud.io/v1beta1/providers",
  VMClass: "/apis/infra.virtrigaud.io/v1beta1/vmclasses",
  VMImage: "/apis/infra.virtrigaud.io/v1beta1/vmimages",
  VMNetworkAttachment: "/apis/infra.virtrigaud.io/v1beta1/vmnetworkattachments",
  Secret: "/api/v1/secrets",
  Service: "/api/v1/services",
  ServiceAccount: "/api/v1/serviceaccounts",
  Deployment: "/apis/apps/v1/deployments",
  Event: "/api/v1/events",
};

/** Methods of the contract that change something. */
const MUTATING: readonly string[] = ["create", "delete", "power", "reconfigure"];

/** A hypervisor and the provider in front of it. */
export class Site {
  readonly faults: Faults;
  hypervisor: MockHypervisor;
  /** Names of the calls so far, without those that merely watch over health. */
  readonly calls: string[] = [];
  readonly operationIds: string[] = [];
  fences: number[] = [];
  /** Nobody answers. */
  down = false;
  #provider: MockProvider;

  constructor(readonly clock: FakeClock, readonly options: Partial<MockHypervisorOptions>) {
    this.faults = new Faults({ clock });
    this.hypervisor = this.#fresh();
    this.#provider = new MockProvider(this.hypervisor);
  }

  /** The process starts anew with nothing in its memory. */
  restartEmpty(): void {
    this.hypervisor.close();
    this.hypervisor = this.#fresh();
    this.#provider = new MockProvider(this.hypervisor);
  }

  get mutations(): string[] {
    return this.calls.filter((name) => MUTATING.includes(name));
  }

  /** What the manager is given. */
  client(): ProviderClient {
    return new Proxy({} as ProviderClient, {
      get: (_target, name) => (...args: unknown[]) => {
        const method = String(name);
        if (!["validate", "getCapabilities", "watch"].includes(method)) this.calls.push(method);
        const { operation } = (args[0] ?? {}) as { operation?: { id: string; fence: number } };
        if (operation !== undefined) {
          this.operationIds.push(operation.id);
          this.fences.push(operation.fence);
        }
        if (this.down) {
          const error = new ProviderError("Unavailable", "nobody listens");
          if (method !== "watch") return Promise.reject(error);
          return (async function* () {
            await Promise.reject(error);
            yield* [];
          })();
        }
        const target = this.#provider as unknown as Record<string, (...args: unknown[]) => unknown>;
        return target[method]?.apply(this.#provider, args);
      },
    });
  }

  #fresh(): MockHypervisor {
    return new MockHypervisor({ clock: this.clock, faults: this.faults, seedVms: 0, ...this.options });
  }
}

const HOUR = 3_600_000;

/** Certificates that are texts; no key is made. The manager's own live for three hours, all others for nine. */
export class FakeCertificates implements Certificates {
  readonly clientName = "manager.test";
  issued: (readonly string[])[] = [];
  ca = "ca-1";
  lifeMs = 9 * HOUR;
  #version = 1;
  #clientUntil: number;
  constructor(readonly clock: FakeClock) {
    this.#clientUntil = clock.now() + 3 * HOUR;
  }
  issueServer(names: readonly string[]) {
    this.issued.push(names);
    const certPem = JSON.stringify({ names, notAfter: this.clock.now() + this.lifeMs });
    return Promise.resolve({ certPem, keyPem: new Secret("key"), caPem: this.ca });
  }
  client() {
    if (this.clock.now() >= this.#clientUntil) {
      this.#version++;
      this.#clientUntil = this.clock.now() + 3 * HOUR;
    }
    const version = `${this.#version} ${this.ca}`;
    const keyPem = new Secret("key");
    return Promise.resolve({ certPem: "client", keyPem, caPem: this.ca, version, renewAt: this.#clientUntil });
  }
  read(certPem: string, caPem: string) {
    try {
      const { names, notAfter } = JSON.parse(certPem) as { names: string[]; notAfter: number };
      return Promise.resolve({ names, notAfter, renewAt: notAfter - this.lifeMs / 3, ours: caPem === this.ca });
    } catch {
      return Promise.resolve(undefined);
    }
  }
}

/** Measurements by name and label values. */
export class MemoryMetrics {
  readonly values = new Map<string, number>();
  count(metric: string, labels: MetricLabels, by = 1): void {
    const id = [metric, ...Object.values(labels)].join(" ");
    this.values.set(id, (this.values.get(id) ?? 0) + by);
  }
  gauge(metric: string, labels: MetricLabels, value: number): void {
    this.values.set([metric, ...Object.values(labels)].join(" "), value);
  }
  observe(metric: string, labels: MetricLabels, _value: number): void {
    this.count(metric, labels);
  }
}

interface Running {
  readonly controllers: Controllers;
  readonly stop: () => Promise<void>;
}

/** The site, and a manager that is started with it. */
export class World {
  readonly clock = new QuickClock();
  readonly server = new FakeApiServer({ clock: this.clock });
  readonly certificates = new FakeCertificates(this.clock);
  readonly metrics = new MemoryMetrics();
  /** By `namespace/name` of the Provider. */
  readonly sites = new Map<string, Site>();
  /** Connections opened so far: address and kind of TLS. */
  readonly dialed: { readonly key: string; readonly address: string; readonly tls: string; closed: boolean }[] = [];
  /** Deployments become ready by themselves. */
  podsStart = true;
  #running: Running | undefined;

  constructor(readonly options: Partial<MockHypervisorOptions> = {}) {
    const { store } = this.server;
    const tell = store.onChange;
    store.onChange = (change) => {
      tell(change);
      const { namespace = "", name } = change.object.metadata;
      const isReady = (change.object.status as { readyReplicas?: number } | undefined)?.readyReplicas === 1;
      if (change.collection !== PATHS["Deployment"] || change.type === "DELETED" || isReady || !this.podsStart) return;
      const address = { collection: change.collection, namespace, name };
      store.update(address, { ...store.get(address), status: { readyReplicas: 1 } }, "status");
    };
  }

  /** The hypervisor behind a Provider. */
  site(key = "default/p"): Site {
    let site = this.sites.get(key);
    if (site === undefined) this.sites.set(key, site = new Site(this.clock, this.options));
    return site;
  }

  /** Starts a manager. */
  start(): Controllers {
    const client = new KubeClient({ connection: this.server.connection(), clock: this.clock, random: () => 0 });
    const random = () => 0;
    const manager = new Manager({ client, clock: this.clock, random });
    const controllers = addControllers(manager, {
      client,
      certificates: this.certificates,
      dialer: {
        dial: (key, { address }, tls) => {
          const entry = { key, address, tls: tls.type, closed: false };
          this.dialed.push(entry);
          return { client: this.site(key).client(), close: () => void (entry.closed = true) };
        },
      },
      identity: "test",
      clock: this.clock,
      random,
      log: silentLog,
      metrics: this.metrics,
    });
    const stop = new AbortController();
    const ended = manager.run(stop.signal).finally(() => controllers.close());
    this.#running = {
      controllers,
      stop: async () => {
        stop.abort();
        let over = false;
        void ended.finally(() => over = true).catch(() => {});
        await this.clock.advanceUntil(() => over, { limitMs: 60_000 });
        await ended;
      },
    };
    return controllers;
  }

  /** The manager ends in an orderly way. */
  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.stop();
    for (const site of this.sites.values()) site.hypervisor.close();
    this.server.close();
  }

  /** Makes an object, as an API server with the product's defaults would. */
  create(kind: string, name: string, body: Record<string, unknown>, metadata: Record<string, unknown> = {}): void {
    const { namespace = "default" } = metadata as { namespace?: string };
    const apiVersion = PATHS[kind]?.includes("virtrigaud") ? API_VERSION : "v1";
    const object = { apiVersion, kind, ...body, metadata: { ...metadata, name } } as unknown as UntypedObject;
    this.server.store.create(this.#address(kind, name, namespace), object);
  }

  /** Merges a change into the spec of an object. */
  patch(kind: string, name: string, change: Record<string, unknown>): void {
    const address = this.#address(kind, name);
    const object = this.server.store.get(address);
    const { resourceVersion: _, ...metadata } = object.metadata;
    const spec = { ...object.spec as Record<string, unknown>, ...change };
    this.server.store.update(address, { ...object, metadata, spec });
  }

  /** Merges annotations into an object. */
  annotate(kind: string, name: string, annotations: Record<string, string>): void {
    const address = this.#address(kind, name);
    const object = this.server.store.get(address);
    const { resourceVersion: _, ...metadata } = object.metadata;
    const merged = { ...metadata, annotations: { ...metadata.annotations, ...annotations } };
    this.server.store.update(address, { ...object, metadata: merged });
  }

  delete(kind: string, name: string, namespace = "default"): void {
    this.server.store.delete(this.#address(kind, name, namespace));
  }

  get<T = UntypedObject>(kind: string, name: string, namespace = "default"): T | undefined {
    return this.server.store.find(this.#address(kind, name, namespace)) as T | undefined;
  }

  vm(name = "web"): VirtualMachine | undefined {
    return this.get<VirtualMachine>("VirtualMachine", name);
  }

  provider(name = "p"): Provider | undefined {
    return this.get<Provider>("Provider", name);
  }

  /** Status and reason of `Ready`. */
  ready(kind = "VirtualMachine", name = "web"): string {
    const { status } = this.get<{ status?: { conditions?: Condition[] } } & UntypedObject>(kind, name) ?? {};
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    return ready === undefined ? "none" : `${ready.status} ${ready.reason}`;
  }

  /** Class, image, network and Provider that the VMs of tests refer to. */
  catalog(): void {
    this.create("VMClass", "small", { spec: { cpu: 1, memory: "512Mi", diskDefaults: { size: "4Gi" } } });
    this.create("VMImage", "tiny", { spec: { source: { vsphere: { templateName: "tiny" } } } });
    this.create("VMNetworkAttachment", "lan", { spec: { network: { libvirt: { networkName: "lab" } } } });
    this.newProvider();
  }

  newProvider(name = "p", spec: Record<string, unknown> = {}): void {
    const service = { tls: { enabled: false } };
    const runtime = { image: "provider:1", service };
    this.create("Provider", name, { spec: { type: "mock", endpoint: "mock://", runtime, ...spec } });
  }

  newVm(name = "web", spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): void {
    this.create("VirtualMachine", name, {
      spec: {
        providerRef: { name: "p" },
        classRef: { name: "small" },
        imageRef: { name: "tiny" },
        networks: [{ name: "eth0", networkRef: { name: "lan" } }],
        ...spec,
      },
    }, metadata);
  }

  /** Lets time go by until `done` holds. */
  async until(done: () => boolean, limitMs = 600_000): Promise<void> {
    try {
      await this.clock.advanceUntil(done, { limitMs });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; VM: ${JSON.stringify(this.vm()?.status)}`);
    }
  }

  /** Lets time go by until the VM is Ready for its present spec. */
  untilReady(name = "web"): Promise<void> {
    return this.until(() => {
      const vm = this.vm(name);
      return this.ready("VirtualMachine", name) === "True ReconcileSuccess" &&
        vm?.status?.observedGeneration === vm?.metadata.generation;
    });
  }

  /** Writes to objects of a kind (by plural), besides events. */
  writes(plural: string): SeenRequest[] {
    return this.server.requests.filter((request) =>
      request.plural === plural && ["create", "update", "patch", "apply", "delete"].includes(request.verb)
    );
  }

  /** Reasons of the events of an object so far. */
  events(name = "web"): string[] {
    return this.server.store.list(PATHS["Event"] ?? "").flatMap((event) => {
      const { involvedObject, reason } = event as unknown as { involvedObject: { name: string }; reason: string };
      return involvedObject.name === name ? [reason] : [];
    });
  }

  /** Lets what follows from the last change happen: guests boot, counts are written. */
  async calm(): Promise<void> {
    await this.clock.advance(10_000);
  }

  /** Lets `ms` go by and gives back the writes and mutating calls that happened meanwhile. */
  async quiet(ms = 120_000): Promise<string[]> {
    const { requests } = this.server;
    const before = requests.length;
    const calls = [...this.sites.values()].map((site) => [site, site.mutations.length] as const);
    await this.clock.advance(ms);
    return [
      ...requests.slice(before).filter(({ verb }) => !["get", "list", "watch", "other"].includes(verb))
        .map(({ verb, path }) => `${verb} ${path}`),
      ...calls.flatMap(([site, count]) => site.mutations.slice(count)),
    ];
  }

  #address(kind: string, name: string, namespace = "default") {
    return { collection: PATHS[kind] ?? "", namespace, name };
  }
}

/** Runs a test in a world with a catalog and a running manager, and ends everything afterwards. */
export async function inWorld(
  test: (world: World) => Promise<void>,
  options: Partial<MockHypervisorOptions> & { readonly empty?: boolean } = {},
): Promise<void> {
  const { empty = false, ...shape } = options;
  const world = new World(shape);
  try {
    if (!empty) world.catalog();
    world.start();
    if (!empty) await world.until(() => world.ready("Provider", "p") === "True ProviderReady");
    await test(world);
  } finally {
    await world.close();
  }
}
