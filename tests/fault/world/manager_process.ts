/** The manager as a process that can die: the real one, with everything that leaves it in our hands. @module */
import type { Certificates, ProviderDialer } from "@virtrigaud/controllers";
import { ProviderError } from "@virtrigaud/contract";
import { CallPolicy } from "@virtrigaud/contract/client/policy.ts";
import { ProviderClient, type Wire } from "@virtrigaud/contract/client/client.ts";
import { type Connection, KubeClient } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import { noMetrics, Secret, silentLogger } from "@virtrigaud/telemetry";
import { assembleManager } from "../../../src/cmd/manager/assemble.ts";
import type { Points } from "./points.ts";

/** Options of {@linkcode ManagerProcess}. */
export interface ManagerProcessOptions {
  readonly clock: Clock;
  readonly identity: string;
  readonly points: Points;
  /** The network to the API server. */
  readonly connection: Connection;
  /** The network to the provider, whichever process answers at the moment. */
  readonly wire: Wire;
  /** Called when the process has ended by itself, because it lost its lease. */
  readonly onExit: () => void;
}

/** Of no use but to be there: the provider in this world is reached without TLS. */
const NO_CERTIFICATES: Certificates = {
  clientName: "manager.test",
  issueServer: () => Promise.reject(new Error("this world has no TLS")),
  client: () => Promise.resolve({ certPem: "", keyPem: new Secret(""), caPem: "", version: "1", renewAt: Infinity }),
  read: () => Promise.resolve(undefined),
};

/**
 * One life of a manager.
 *
 * `kill` is kill -9 as the outside sees it: from that moment no request, no RPC and no lease renewal leaves the
 * process, and no answer reaches it. Its code unwinds behind a closed door only so that the test leaks nothing. That
 * costs microseconds where a real process costs a second, which is what makes every point of a scenario affordable.
 */
export class ManagerProcess {
  readonly identity: string;
  readonly #death = new AbortController();
  readonly #options: ManagerProcessOptions;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ManagerProcessOptions) {
    this.identity = options.identity;
    this.#options = options;
  }

  get alive(): boolean {
    return !this.#death.signal.aborted;
  }

  async start(): Promise<void> {
    const { clock, identity, onExit } = this.#options;
    const client = new KubeClient({ connection: this.#kube(), clock });
    const role = await assembleManager({
      client,
      namespace: "virtrigaud-system",
      identity,
      clock,
      dialer: this.#dialer(),
      certificates: NO_CERTIFICATES,
      leaderElection: {
        onLost: () => {
          this.kill();
          onExit();
        },
      },
    });
    this.#ended = role.run(this.#death.signal).catch(() => {});
  }

  kill(): void {
    this.#death.abort(new TypeError("the manager's process is dead"));
  }

  /** Resolves when nothing of it is left; fake time has to go by for that. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  #kube(): Connection {
    const { connection, points } = this.#options;
    return {
      ...connection,
      fetch: async (path, init) => {
        const what = `request ${init.method} ${path.replace(/\?.*/, "")}`;
        this.#pass(what, "before");
        const signal = AbortSignal.any([this.#death.signal, ...(init.signal ? [init.signal] : [])]);
        points.pass("control plane", what, "before");
        const response = await connection.fetch(path, { ...init, signal });
        points.pass("control plane", what, "after");
        this.#pass(what, "after");
        return response;
      },
    };
  }

  #dialer(): ProviderDialer {
    const { clock, wire } = this.#options;
    const guarded: Wire = {
      unary: async (rpc, request, attempt) => {
        this.#pass(`rpc ${rpc.rpc}`, "before");
        // A dead caller's cancellation may or may not arrive; here it does not, which is the harder case.
        const answer = await this.#unlessDead(wire.unary(rpc, request, attempt));
        this.#pass(`rpc ${rpc.rpc}`, "after");
        return answer;
      },
      watch: (context) => wire.watch({ ...context, signal: AbortSignal.any([context.signal, this.#death.signal]) }),
    };
    return {
      dial(key, _settings, _tls, providerType) {
        const policy = new CallPolicy({}, {
          clock,
          log: silentLogger,
          metrics: noMetrics,
          provider: key,
          providerType,
        });
        return { client: new ProviderClient(guarded, policy), close: () => policy.close() };
      },
    };
  }

  #pass(what: string, phase: "before" | "after"): void {
    if (this.alive) this.#options.points.pass("manager", what, phase);
    if (!this.alive) throw new ProviderError("Unavailable", "the manager's process is dead", { reason: "Closed" });
  }

  async #unlessDead<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#death;
    const dead = Promise.withResolvers<never>();
    const onAbort = () => dead.reject(new ProviderError("Unavailable", "dead", { reason: "Closed" }));
    signal.addEventListener("abort", onAbort, { once: true });
    work.catch(() => {});
    try {
      return await Promise.race([dead.promise, work]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
