/** The mock provider as a process that can die: everything of it but the sockets. @module */
import { type CallContext, type Provider, ProviderError, type WatchEvent } from "@virtrigaud/contract";
import type { Attempt } from "@virtrigaud/contract/client/policy.ts";
import { type Rpc, rpcs, type UnaryMethod } from "@virtrigaud/contract/codec/rpcs.ts";
import { guarded, OperationGuard } from "@virtrigaud/contract/server/mod.ts";
import type { Clock } from "@virtrigaud/resilience";
import { Faults, MockHypervisor, MockProvider } from "../../../providers/mock/mod.ts";
import type { MemoryDisk } from "./journal.ts";
import type { Points } from "./points.ts";

/** Options of {@linkcode ProviderProcess}. */
export interface ProviderProcessOptions {
  readonly clock: Clock;
  readonly disk: MemoryDisk;
  readonly points: Points;
  readonly seed: number;
}

/** One life of a provider: its memory ends with it, the disk does not. */
export class ProviderProcess {
  readonly hypervisor: MockHypervisor;
  readonly faults: Faults;
  readonly #provider: Provider;
  readonly #death = new AbortController();
  readonly #points: Points;

  constructor({ clock, disk, points, seed }: ProviderProcessOptions) {
    this.#points = points;
    this.faults = new Faults({ clock, seed, crash: () => this.#crash() });
    const journal = disk.open(() => this.alive, (phase) => points.pass("provider", "disk write", phase));
    this.hypervisor = new MockHypervisor({ clock, journal, faults: this.faults, taskLatencyMs: 200, seedVms: 1 });
    this.#provider = guarded(new MockProvider(this.hypervisor), new OperationGuard());
  }

  get alive(): boolean {
    return !this.#death.signal.aborted;
  }

  /** Ends the process where it stands: no answer leaves it any more, nothing it does reaches the disk. */
  kill(): void {
    if (!this.alive) return;
    this.#death.abort(new ProviderError("Unavailable", "the provider's connection broke"));
    this.hypervisor.close();
  }

  /** Answers a call as the gRPC server does: through the codec both ways, and through the guard. */
  async unary<Q, R>(rpc: Rpc<Q, R>, wire: object, attempt: Attempt): Promise<R> {
    const method = (Object.keys(rpcs) as UnaryMethod[]).find((name) => rpcs[name].rpc === rpc.rpc);
    if (method === undefined) throw new TypeError(`${rpc.rpc} is no RPC of the contract`);
    this.#pass(`call ${rpc.rpc}`, "before");
    const request = rpc.request.decode(wire, "") as unknown;
    const target = this.#provider[method] as (...args: unknown[]) => Promise<unknown>;
    const call = request === undefined ? target(attempt) : target(request, attempt);
    const answer = await this.#unlessDead(call, attempt.signal);
    this.#pass(`call ${rpc.rpc}`, "after");
    return rpc.response.decode(rpc.response.encode(answer as R, "") as object, "");
  }

  async *watch(context: CallContext): AsyncGenerator<WatchEvent> {
    this.#pass("call Watch", "before");
    const signal = AbortSignal.any([context.signal, this.#death.signal]);
    for await (const event of this.#provider.watch({ ...context, signal })) {
      this.#death.signal.throwIfAborted();
      yield event;
    }
    this.#death.signal.throwIfAborted();
  }

  /** A call has come in, or its answer is about to leave. */
  #pass(what: string, phase: "before" | "after"): void {
    if (this.alive) this.#points.pass("provider", what, phase);
    this.#death.signal.throwIfAborted();
  }

  /** A caller that hangs up, or a process that dies, leaves whoever waits without an answer. */
  async #unlessDead<T>(work: Promise<T>, caller: AbortSignal): Promise<T> {
    const broken = Promise.withResolvers<never>();
    const signal = AbortSignal.any([this.#death.signal, caller]);
    const onAbort = () => broken.reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.catch(() => {});
    try {
      return await Promise.race([broken.promise, work]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #crash(): never {
    this.kill();
    throw new ProviderError("Unavailable", "the provider's connection broke");
  }
}
