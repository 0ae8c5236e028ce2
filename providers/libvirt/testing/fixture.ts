/** What the provider's tests on the rig share: requests, a provider for a host, and waiting without guessing. @module */
import {
  type CallContext,
  type CreateRequest,
  type MachineSpec,
  type ObservedMachine,
  type Operation,
  ProviderError,
  type TaskRef,
  type WatchEvent,
} from "@virtrigaud/contract";
import { systemClock, until } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import type { Hypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { LibvirtProvider, type LibvirtProviderOptions } from "../provider.ts";

export { machine, plainMachine } from "./spec.ts";

export const callContext = (signal: AbortSignal = new AbortController().signal): CallContext => ({
  signal,
  requestId: "test",
});

/** A new intent of the owner. */
export const operation = (ownerUid: string): Operation => ({
  id: crypto.randomUUID(),
  ownerUid,
  owner: "default/vm",
  fence: 1,
});

export const createRequest = (ownerUid: string, spec: MachineSpec, powerOn = true): CreateRequest => ({
  operation: operation(ownerUid),
  spec,
  powerOn,
});

/** Has a VM made and waits until it is; gives its id, which is the uid of its owner. It is powered on by default. */
export async function made(
  provider: LibvirtProvider,
  spec: MachineSpec,
  { uid = crypto.randomUUID() as string, powerOn = true } = {},
): Promise<string> {
  await finish(provider, (await provider.create(createRequest(uid, spec, powerOn), callContext())).task);
  return uid;
}

/** A provider that reaches the host's libvirtd by its socket, or through SSH. */
export function providerFor(
  host: Hypervisor,
  way: "socket" | "ssh" = "socket",
  change: Partial<LibvirtProviderOptions> = {},
): LibvirtProvider {
  return new LibvirtProvider({
    endpoint: way === "socket" ? `qemu:///system?socket=${host.socketPath}` : host.uri,
    version: "test",
    ...change,
    credentials: () => ({ privateKey: new Secret(host.privateKey), knownHosts: host.knownHosts }),
  });
}

/** Names of the volumes in a pool of the host, but for the guest's image, sorted. */
export async function volumesOf(host: Hypervisor, pool = "default"): Promise<string[]> {
  const rows = (await host.virsh("vol-list", pool)).split("\n").map((line) => line.trim().split(/\s+/)[0] ?? "");
  return rows.filter((name) => name !== "" && name !== host.imageVolume).sort();
}

/** Waits until the task has ended; throws what it failed with. */
export async function finish(provider: LibvirtProvider, task: TaskRef | undefined): Promise<void> {
  if (task === undefined) return;
  await until(`task ${task.id} to end`, async () => {
    const { state, error } = await provider.taskStatus(task, callContext());
    if (error !== undefined) throw new ProviderError(error.class, error.message, { ...error });
    return state === "Succeeded";
  }, { limitMs: BOOT_MS, everyMs: 20, transient: () => false });
}

/** Whether the manager would send the same request again after this error. */
export const mayPass = (error: unknown): boolean =>
  ProviderError.is(error, "Conflict")
    ? error.reason === "Locked"
    : (["Unavailable", "Retryable", "Timeout"] as const).some((each) => ProviderError.is(error, each));

export async function describeOrFail(provider: LibvirtProvider, vmId: string): Promise<ObservedMachine> {
  const answer = await provider.describe({ vmId }, callContext());
  if (!answer.exists) throw new Error(`VM ${vmId} does not exist`);
  return answer.vm;
}

/** Guests boot slowly where there is no KVM. */
const BOOT_MS = 300_000;

interface Window {
  /** Look at events from this number on. Default 0. */
  readonly from?: number;
  /** Default 300 000. */
  readonly withinMs?: number;
}

/** A watch that remembers what it saw and can be waited on. */
export class Watcher implements AsyncDisposable {
  readonly events: WatchEvent[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #wake: () => void = () => {};

  constructor(provider: LibvirtProvider) {
    this.#done = (async () => {
      for await (const event of provider.watch(callContext(this.#abort.signal))) {
        this.events.push(event);
        this.#wake();
      }
    })();
  }

  /** Resolves with the first event that fits. */
  async until(fits: (event: WatchEvent) => boolean, window: Window = {}): Promise<WatchEvent> {
    const timeout = new AbortController();
    const cancel = systemClock.setTimeout(() => timeout.abort(), window.withinMs ?? BOOT_MS);
    try {
      for (;;) {
        const found = this.events.slice(window.from ?? 0).find(fits);
        if (found !== undefined) return found;
        if (timeout.signal.aborted) throw new Error(`not seen; last: ${JSON.stringify(this.events.slice(-3))}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        timeout.signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
      }
    } finally {
      cancel();
    }
  }

  /** Resolves when the VM is reported as `fits` says. */
  async vm(vmId: string, fits: (vm: ObservedMachine) => boolean, window: Window = {}): Promise<ObservedMachine> {
    const event = await this.until((each) => each.type === "Present" && each.vm.id === vmId && fits(each.vm), window);
    if (event.type !== "Present") throw new Error("unreachable");
    return event.vm;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}
