/** Many VirtualMachines at once: their manifests, and an eye on all of them. @module */
import { API_VERSION, type VirtualMachine } from "@virtrigaud/api";
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { keyOf, type KubeClient } from "@virtrigaud/kube";
import { getCondition, Informer } from "@virtrigaud/runtime";

/** Namespace of everything that is created here unless told otherwise. */
export const NAMESPACE = "default";

/** A VirtualMachine on a provider of that name; with `suffix` it refers to that catalog. */
export function vmManifest(
  name: string,
  provider: string,
  { labels = {}, suffix = "" }: { readonly labels?: Record<string, string>; readonly suffix?: string } = {},
): VirtualMachine {
  return {
    apiVersion: API_VERSION,
    kind: "VirtualMachine",
    metadata: { namespace: NAMESPACE, name, labels },
    spec: {
      providerRef: { name: provider },
      classRef: { name: `small${suffix}` },
      imageRef: { name: `debian-12${suffix}` },
      powerState: "On",
      networks: [{ name: "default", networkRef: { name: `default${suffix}` } }],
    },
  };
}

/** `count` names. */
export function namesOf(count: number, prefix = "vm"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, "0")}`);
}

/** Whether the object says that it is Ready. */
export function isReady(vm: VirtualMachine): boolean {
  return getCondition(vm.status?.conditions, "Ready")?.status === "True";
}

/** Creates all at once, as far as the client lets requests go together. Returns when each was sent, by name. */
export async function createAll(client: KubeClient, vms: readonly VirtualMachine[]): Promise<Map<string, number>> {
  const sent = new Map<string, number>();
  await inParallel(vms, async (vm) => {
    sent.set(vm.metadata.name, performance.now());
    await client.create(VIRTUAL_MACHINES, vm);
  });
  return sent;
}

/** Asks for the deletion of all. */
export async function deleteAll(client: KubeClient, names: readonly string[]): Promise<void> {
  await inParallel(names, (name) => client.delete(VIRTUAL_MACHINES, { namespace: NAMESPACE, name }));
}

/** 48 at a time: the client would queue them all, and time those out that wait longest. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(Array.from({ length: 48 }, async () => {
    for (const item of rest) await work(item);
  }));
}

/** Follows all VirtualMachines, and remembers when each became Ready. */
export class Fleet implements AsyncDisposable {
  readonly #informer: Informer<VirtualMachine>;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  readonly #readyAt = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(client: KubeClient) {
    this.#informer = new Informer({ client }, VIRTUAL_MACHINES);
    this.#informer.addHandler((event) => {
      const { name } = event.object.metadata;
      if (event.type === "Deleted") this.#readyAt.delete(name);
      else if (isReady(event.object)) {
        if (!this.#readyAt.has(name)) this.#readyAt.set(name, performance.now());
      } else this.#readyAt.delete(name);
      for (const check of this.#waiting) check();
    });
    this.#running = this.#informer.run(this.#ended.signal);
  }

  /** When each VM that is Ready now became so, by name; monotonic milliseconds. */
  get readyAt(): ReadonlyMap<string, number> {
    return this.#readyAt;
  }

  /** A VM as it was last seen. */
  get(name: string, namespace = NAMESPACE): VirtualMachine | undefined {
    return this.#informer.get(keyOf({ metadata: { namespace, name } }));
  }

  /** All of them. */
  list(): VirtualMachine[] {
    return [...this.#informer.values()];
  }

  /** Waits until `condition` holds; asked again at every change. Answers with the time, monotonic milliseconds. */
  async until(what: string, condition: () => boolean, timeoutMs = 300_000): Promise<number> {
    await this.#informer.whenSynced();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const check = () => {
      if (condition()) resolve(performance.now());
    };
    const late = setTimeout(() => reject(new Error(`${what}: not so after ${timeoutMs / 1000} s`)), timeoutMs);
    this.#waiting.add(check);
    try {
      check();
      return await promise;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(check);
    }
  }

  /** Waits until `count` VMs are Ready. */
  untilReady(count: number, timeoutMs?: number): Promise<number> {
    return this.until(`${count} VirtualMachines are Ready`, () => this.#readyAt.size >= count, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }
}
