/** The whole system in one process and under fake time: API server, managers, provider, hypervisor. @module */
import type { Condition, VirtualMachine } from "@virtrigaud/api";
import type { Wire } from "@virtrigaud/contract/client/client.ts";
import type { Rpc } from "@virtrigaud/contract/codec/rpcs.ts";
import { ProviderError } from "@virtrigaud/contract";
import type { UntypedObject } from "@virtrigaud/kube";
import { FakeApiServer } from "@virtrigaud/kube/testing";
import { FakeClock } from "@virtrigaud/resilience";
import { seededRandom } from "../../../providers/mock/faults.ts";
import { OwnershipLog } from "./ownership.ts";
import { CATALOG, CATALOG_KINDS, type CatalogKind, SHARED_USER_DATA } from "./catalog.ts";
import { MemoryDisk } from "./journal.ts";
import { ManagerProcess } from "./manager_process.ts";
import { Points } from "./points.ts";
import { ProviderProcess } from "./provider_process.ts";

const PRODUCT = "/apis/infra.virtrigaud.io/v1beta1";
const NAMESPACE = "default";

/** Collections by the name of what is in them. */
export const COLLECTIONS = {
  vm: `${PRODUCT}/virtualmachines`,
  provider: `${PRODUCT}/providers`,
  class: `${PRODUCT}/vmclasses`,
  image: `${PRODUCT}/vmimages`,
  network: `${PRODUCT}/vmnetworkattachments`,
  secret: "/api/v1/secrets",
  lease: "/apis/coordination.k8s.io/v1/leases",
  deployment: "/apis/apps/v1/deployments",
} as const;

/** How the network treats the next mutating RPC. */
export type NetworkFault =
  /** It arrives this much later, unless its caller has hung up by then: the cancellation overtakes nothing, but follows. */
  | { readonly type: "Late"; readonly ms: number }
  /** Its caller hears that the connection broke, and it arrives this much later all the same. */
  | { readonly type: "Stray"; readonly ms: number }
  /** It arrives, but the answer does not. */
  | { readonly type: "LostAnswer" };

/** What classes, images, networks and Providers have in common. */
export interface CatalogObject extends UntypedObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly usedByVMs?: number;
    readonly connectedVMs?: number;
  };
}

/** A system of one provider. Everything random in it comes from `seed`. */
export class World {
  readonly clock = new FakeClock();
  readonly api = new FakeApiServer({ clock: this.clock });
  readonly points = new Points();
  readonly managers: ManagerProcess[] = [];
  /** What was broken: promises that must hold at every moment, told as they break. */
  readonly broken: string[] = [];
  /** The most that was ever asked for each disk, GiB, by VM and name of the disk. */
  readonly largestDisks = new Map<string, number>();
  readonly ownership: OwnershipLog;
  readonly networkFaults: NetworkFault[] = [];
  provider: ProviderProcess;
  /** Requests that change a VM or its hypervisor: none of them may be seen in a system at rest. */
  mutations = 0;
  #disk = new MemoryDisk();
  #lives = 0;
  readonly #seed: number;
  readonly #chance = Math.random;
  readonly #ended: Promise<void>[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    // The one source of chance that the product has without being given another: back-off and jitter.
    Math.random = seededRandom(seed);
    this.provider = this.#newProvider();
    this.ownership = new OwnershipLog(() => this.provider.hypervisor);
    const tell = this.api.store.onChange;
    this.api.store.onChange = (change) => {
      tell(change);
      this.#onApiChange(change.type, change.collection, change.object);
    };
    this.#seedObjects();
  }

  /** Starts a manager beside those that run. */
  async startManager(): Promise<ManagerProcess> {
    const manager: ManagerProcess = new ManagerProcess({
      clock: this.clock,
      identity: `manager-${++this.#lives}`,
      points: this.points,
      connection: this.api.connection(),
      wire: this.#wire(),
      onExit: () => this.#restarts.push(this.clock.monotonic()),
    });
    this.managers.push(manager);
    await manager.start();
    this.#ended.push(manager.ended);
    return manager;
  }

  readonly #restarts: number[] = [];
  /** A provider that lost its memory while more than one manager believed to lead. */
  #leadersForgotten = false;

  /** Makes sure that a manager and the provider run, as whoever supervises them would. */
  async supervise(): Promise<void> {
    for (let index = this.managers.length - 1; index >= 0; index--) {
      if (this.managers[index]?.alive === false) this.managers.splice(index, 1);
    }
    if (this.managers.length === 0) await this.startManager();
    if (!this.provider.alive) this.provider = this.#newProvider();
  }

  /** Ends the provider and starts it anew; `empty`: it has forgotten everything, its VMs too. */
  restartProvider(options: { readonly empty?: boolean } = {}): void {
    this.provider.kill();
    this.#leadersForgotten ||= this.managers.filter(({ alive }) => alive).length > 1;
    if (options.empty) {
      this.ownership.forgetAll();
      this.#disk = new MemoryDisk();
    }
    this.provider = this.#newProvider();
  }

  /**
   * A manager was shut out while it saw to the machine of an owner: what it had made for a provider that did not know who
   * leads, and has not taken back by then, may stay. docs/guarantees.md names this.
   */
  #noteRefusal(request: object, error: unknown): void {
    if (!this.#leadersForgotten || !ProviderError.is(error, "Conflict") || error.reason !== "StaleFence") return;
    const about: object = "operation" in request && request.operation instanceof Object ? request.operation : request;
    const ownerUid = "ownerUid" in about ? about.ownerUid : undefined;
    if (typeof ownerUid === "string") this.ownership.release(ownerUid);
  }

  /** What the API server dying and coming back looks like: everything under way is lost, what was stored is there. */
  restartApiServer(): void {
    for (const watch of this.api.watches) watch.cut();
  }

  vms(): VirtualMachine[] {
    return this.api.store.list(COLLECTIONS.vm) as unknown as VirtualMachine[];
  }

  vm(name: string): VirtualMachine | undefined {
    const found = this.api.store.find({ collection: COLLECTIONS.vm, namespace: NAMESPACE, name });
    return found as unknown as VirtualMachine | undefined;
  }

  /** Events as they stand, with how often each was told. */
  events(): { readonly reason: string; readonly count: number }[] {
    return ["/api/v1/events", "/apis/events.k8s.io/v1/events"].flatMap((collection) => this.api.store.list(collection))
      .map((event) => {
        const { reason, count, series } = event as { reason?: string; count?: number; series?: { count?: number } };
        return { reason: reason ?? "", count: series?.count ?? count ?? 1 };
      });
  }

  has(kind: keyof typeof COLLECTIONS, name: string): boolean {
    return this.api.store.find({ collection: COLLECTIONS[kind], namespace: NAMESPACE, name }) !== undefined;
  }

  create(kind: keyof typeof COLLECTIONS, name: string, body: Record<string, unknown>): void {
    const collection = COLLECTIONS[kind];
    if (this.api.store.find({ collection, namespace: NAMESPACE, name }) !== undefined) return;
    this.api.store.create({ collection, namespace: NAMESPACE, name }, {
      metadata: { name, namespace: NAMESPACE },
      ...body,
    });
  }

  /** Changes an object as its user would; nothing happens when it is not there. */
  change(kind: keyof typeof COLLECTIONS, name: string, edit: (object: UntypedObject) => void): void {
    const address = { collection: COLLECTIONS[kind], namespace: NAMESPACE, name };
    const found = this.api.store.find(address);
    if (found === undefined) return;
    const copy = structuredClone(found);
    edit(copy);
    this.api.store.update(address, copy);
  }

  delete(kind: keyof typeof COLLECTIONS, name: string): void {
    const address = { collection: COLLECTIONS[kind], namespace: NAMESPACE, name };
    if (this.api.store.find(address) !== undefined) this.api.store.delete(address);
  }

  /** Lets time go by; whoever died is started again as it would be on a cluster. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    while (this.clock.monotonic() < end) {
      await this.supervise();
      await this.clock.advance(Math.min(1_000, end - this.clock.monotonic()));
    }
    await this.supervise();
  }

  /** Ends everything; @throws when something does not end */
  async close(): Promise<void> {
    for (const manager of this.managers) manager.kill();
    let ended = false;
    void Promise.all(this.#ended).then(() => ended = true);
    this.api.heal();
    for (let waited = 0; !ended && waited < 600; waited++) await this.clock.advance(1_000);
    this.provider.kill();
    this.api.close();
    Math.random = this.#chance;
    if (!ended) throw new Error("a manager's code did not end within ten minutes of its death");
  }

  #newProvider(): ProviderProcess {
    return new ProviderProcess({
      clock: this.clock,
      disk: this.#disk,
      points: this.points,
      seed: this.#seed,
    });
  }

  #wire(): Wire {
    return {
      unary: async <Q, R>(rpc: Rpc<Q, R>, request: object, attempt: Parameters<Wire["unary"]>[2]): Promise<R> => {
        if (rpc.mutating) this.mutations++;
        const fault = rpc.mutating ? this.networkFaults.shift() : undefined;
        const alone = { ...attempt, signal: new AbortController().signal };
        switch (fault?.type) {
          case undefined:
            return await this.provider.unary(rpc, request, attempt).catch((error) => {
              this.#noteRefusal(request, error);
              throw error;
            }) as R;
          case "Late": {
            // It is under way to this process; to no other one.
            const { provider } = this;
            const late = this.clock.sleep(fault.ms).then(() => {
              attempt.signal.throwIfAborted();
              return provider.unary(rpc, request, alone);
            });
            late.catch(() => {});
            return await orAborted(late, attempt.signal) as R;
          }
          case "Stray": {
            const { provider } = this;
            this.clock.sleep(fault.ms).then(() => provider.unary(rpc, request, alone)).catch(() => {});
            throw new ProviderError("Unavailable", "the connection broke");
          }
          case "LostAnswer":
            await this.provider.unary(rpc, request, alone);
            throw new ProviderError("Unavailable", "the connection broke before the answer came");
        }
      },
      watch: (context) => this.provider.watch(context),
    };
  }

  #onApiChange(type: string, collection: string, object: UntypedObject): void {
    if (collection === COLLECTIONS.deployment && type !== "DELETED") this.#rollOut(object);
    if (collection !== COLLECTIONS.vm || type !== "DELETED") return;
    const retained = (object.spec as VirtualMachine["spec"]).deletionPolicy === "Retain";
    const left = this.provider.hypervisor.vms.find((vm) => vm.ownerUid === object.metadata.uid);
    if (left !== undefined && !retained) {
      this.broken.push(`the object ${object.metadata.name} was let go although its VM ${left.id} is there`);
    }
    if (retained) this.ownership.release(object.metadata.uid ?? "");
  }

  /** What the Deployment controller and the kubelet do: pods of the new template, ready at once. */
  #rollOut(deployment: UntypedObject): void {
    const generation = deployment.metadata.generation ?? 1;
    const status = deployment.status as { observedGeneration?: number } | undefined;
    if (status?.observedGeneration === generation) return;
    if (generation > 1) this.restartProvider();
    const { name, namespace = "" } = deployment.metadata;
    this.api.store.update({ collection: COLLECTIONS.deployment, namespace, name }, {
      ...deployment,
      status: {
        observedGeneration: generation,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
      },
    }, "status");
  }

  /** Brings something that VMs refer to (back) to what it should be. */
  restore(kind: CatalogKind): void {
    const { name, body } = CATALOG[kind];
    this.create(kind, name, structuredClone(body));
    this.change(kind, name, (object) => Object.assign(object, structuredClone(body)));
  }

  /** Makes or changes the Secret that VMs share their user-data by. */
  shareUserData(text: string): void {
    const data = { userdata: btoa(text) };
    this.create("secret", SHARED_USER_DATA, { data });
    this.change("secret", SHARED_USER_DATA, (secret) => Object.assign(secret, { data }));
  }

  /** What the object asks for as user-data; `undefined`: its Secret is not there. */
  wantedUserData({ spec }: VirtualMachine): string | undefined {
    const { inline = "", secretRef } = spec.userData?.cloudInit ?? {};
    if (secretRef === undefined) return inline;
    const address = { collection: COLLECTIONS.secret, namespace: NAMESPACE, name: secretRef.name };
    const { data } = (this.api.store.find(address) ?? {}) as { data?: { userdata?: string } };
    return data?.userdata === undefined ? undefined : atob(data.userdata);
  }

  /** Whether it is missing, or not what it should be. */
  isSpoilt(kind: CatalogKind): boolean {
    const { name, spoilt } = CATALOG[kind];
    const found = this.api.store.find({ collection: COLLECTIONS[kind], namespace: NAMESPACE, name });
    // What stands in the Secret concerns the provider's process alone.
    if (found === undefined || kind === "secret") return found === undefined;
    return Object.entries(spoilt).every(([key, value]) =>
      JSON.stringify(found[key as "spec"]) === JSON.stringify(value)
    );
  }

  /** All objects of a kind that VMs refer to, with a status as they all have it. */
  catalog(kind: CatalogKind): CatalogObject[] {
    return this.api.store.list(COLLECTIONS[kind]) as unknown as CatalogObject[];
  }

  /** Makes something that VMs refer to what it cannot be. */
  spoil(kind: CatalogKind): void {
    const { name, spoilt } = CATALOG[kind];
    this.change(kind, name, (object) => Object.assign(object, structuredClone(spoilt)));
  }

  #seedObjects(): void {
    this.create("class", "small", { spec: { cpu: 1, memory: "1Gi" } });
    this.create("network", "lan", { spec: { network: { libvirt: { networkName: "default" } } } });
    for (const kind of CATALOG_KINDS) this.restore(kind);
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
