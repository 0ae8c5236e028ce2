/** Leader election: one process of several acts, the others stand by warm. @module */
import { isAlreadyExists, isConflict, type KubeClient, type Lease, LEASES } from "@virtrigaud/kube";
import { type Clock, jittered, systemClock } from "@virtrigaud/resilience";
import { rfc3339Micros } from "./conditions.ts";
import { addressAnnotation, HolderWatch, type Presence } from "./holder.ts";
import { messageOf, noMetrics, type RuntimeLog, type RuntimeMetrics, silentLog } from "./observe.ts";

/** Options of a {@linkcode LeaderElector}. */
export interface LeaderElectorOptions {
  readonly client: Pick<KubeClient, "find" | "create" | "replace">;
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Who this process is: must differ between processes and between runs, for instance pod name and a random part. */
  readonly identity: string;
  /** Another may take over when the holder was silent for this long. Default 15000 ms. */
  readonly leaseDurationMs?: number;
  /** The holder gives up when it could not renew for this long; shorter than the lease. Default 10000 ms. */
  readonly renewDeadlineMs?: number;
  /** Time between attempts. Default 2000 ms. */
  readonly retryPeriodMs?: number;
  /**
   * How processes see each other besides through the Lease: then a stand-by takes over as soon as the holder has ended,
   * however it ended. Default: only the Lease says that a holder is gone.
   */
  readonly presence?: Presence;
  /**
   * Called once when leadership is lost against one's will. The caller must end the process at once: what it had begun
   * cannot be called back, and somebody else may act from now on.
   */
  readonly onLost: (why: string) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: RuntimeLog;
  readonly metrics?: RuntimeMetrics;
}

/** A term of leadership. */
export interface Leadership {
  /**
   * Grows with every term of whatever process: `leaseTransitions` of the Lease. Carried by what the leader does, so that
   * what comes late from an earlier leader can be refused.
   */
  readonly fence: number;
}

/**
 * A Lease that is created anew starts its terms from the seconds since 2020 and not from 0, so that the fence keeps
 * growing even when somebody deletes the Lease. 32 bits of it last until 2088.
 */
const FENCE_EPOCH_MS = Date.UTC(2020, 0, 1);

type Outcome = { readonly held: true; readonly fence: number } | { readonly held: false; readonly holder: string };

/**
 * Leader election over a Lease, with the protocol of client-go: whether the holder is silent is measured on the own
 * monotonic clock from when its record was last seen to change, so that clocks need not agree. Requests go in a lane of
 * their own.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: RuntimeLog;
  readonly #metrics: RuntimeMetrics;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #retryMs: number;
  readonly #holder: HolderWatch;
  /** Record of another holder and when it was first seen so. */
  #observed: { readonly version: string | undefined; readonly at: number } | undefined;
  /** The Lease as last written or read. */
  #lease: Lease | undefined;
  #leadership: Leadership | undefined;
  /** When the last write that went through was begun: what others count from cannot be earlier. */
  #renewedAt = 0;

  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#log = options.log ?? silentLog;
    this.#metrics = options.metrics ?? noMetrics;
    this.#leaseMs = options.leaseDurationMs ?? 15_000;
    this.#renewMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryPeriodMs ?? 2_000;
    if (!(this.#retryMs < this.#renewMs && this.#renewMs < this.#leaseMs)) {
      throw new RangeError(
        `leader election needs retryPeriodMs < renewDeadlineMs < leaseDurationMs, got ${this.#retryMs}, ${this.#renewMs}, ` +
          `${this.#leaseMs}`,
      );
    }
    this.#holder = new HolderWatch(options.presence, this.#log);
    this.#gauge(0);
  }

  /**
   * The present term, or `undefined` while another process leads. Already `undefined` when the time to renew it is over
   * and `onLost` not called yet, as after a process was stopped for a while: somebody else may lead by now.
   */
  get leadership(): Leadership | undefined {
    return this.#leftMs() > 0 ? this.#leadership : undefined;
  }

  /** Waits until this process leads. @throws the reason of `signal` when it aborts first */
  async acquire(signal: AbortSignal): Promise<Leadership> {
    try {
      return await this.#acquire(signal);
    } finally {
      await this.#holder.stop();
    }
  }

  async #acquire(signal: AbortSignal): Promise<Leadership> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const outcome = await this.#tryHold(signal, this.#retryMs * 2);
        if (outcome.held) {
          this.#leadership = { fence: outcome.fence };
          this.#gauge(1);
          this.#log.info("leading", { lease: this.#name, fence: outcome.fence });
          return this.#leadership;
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        this.#log.warn("cannot take the lease yet", { lease: this.#name, error: messageOf(error) });
      }
      const { gone } = this.#holder;
      // Its end wakes once; whoever could not take over then tries again at leisure.
      const early = gone.aborted ? signal : AbortSignal.any([signal, gone]);
      await this.#clock.sleep(jittered(this.#retryMs, 0.2, this.#random), { signal: early }).catch(() => {});
    }
  }

  /**
   * Keeps the lease until `signal` aborts, then gives it back so that another need not wait; call it when work has
   * drained. Calls `onLost` and returns when the lease is lost.
   */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const left = this.#leftMs();
      if (left <= 0) return this.#lose(`could not renew it for ${this.#renewMs} ms`);
      await this.#clock.sleep(Math.min(this.#retryMs, left), { signal }).catch(() => {});
      if (signal.aborted) break;
      const budget = this.#leftMs();
      if (budget <= 0) continue;
      try {
        const outcome = await this.#tryHold(signal, Math.min(budget, this.#renewMs / 2));
        if (!outcome.held) return this.#lose(`${outcome.holder} holds it now`);
      } catch (error) {
        if (signal.aborted) break;
        this.#log.warn("cannot renew the lease", { lease: this.#name, error: messageOf(error) });
      }
    }
    await this.#release();
  }

  /** Time until leadership has to be given up. */
  #leftMs(): number {
    return this.#renewMs - (this.#clock.monotonic() - this.#renewedAt);
  }

  get #name(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }

  #gauge(value: number): void {
    this.#metrics.gauge("leader_election_master_status", { name: this.#options.name }, value);
  }

  #lose(why: string): void {
    this.#leadership = undefined;
    this.#gauge(0);
    this.#log.error("leadership is lost", { lease: this.#name, why });
    this.#options.onLost(`lease ${this.#name}: ${why}`);
  }

  /** Takes, or keeps, the lease if nobody else holds it. @throws when that cannot be found out */
  async #tryHold(signal: AbortSignal, timeoutMs: number): Promise<Outcome> {
    const { client, namespace, name, identity } = this.#options;
    const call = { signal, timeoutMs, lane: "lease" } as const;
    // The holder writes over its own last version; only a conflict makes it look.
    if (this.#leadership !== undefined && this.#lease !== undefined) {
      try {
        return await this.#write(this.#lease, this.#leadership.fence, call);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    const lease = await client.find(LEASES, { namespace, name }, call);
    if (lease === undefined) {
      if (this.#leadership !== undefined) return { held: false, holder: "nobody (it was deleted)" };
      return await this.#create(call);
    }
    const spec = lease.spec ?? {};
    const holder = spec.holderIdentity ?? "";
    if (this.#leadership !== undefined) {
      const mine = holder === identity && spec.leaseTransitions === this.#leadership.fence;
      return mine ? await this.#write(lease, this.#leadership.fence, call) : { held: false, holder };
    }
    if (holder !== "" && holder !== identity && !this.#holder.isGone(holder) && !this.#silent(lease)) {
      this.#holder.follow(lease);
      return { held: false, holder };
    }
    try {
      return await this.#write(lease, (spec.leaseTransitions ?? 0) + 1, call);
    } catch (error) {
      if (!isConflict(error)) throw error;
      return { held: false, holder: "another process, which was faster" };
    }
  }

  /** Whether the record has not changed for the time that it promises. */
  #silent(lease: Lease): boolean {
    const version = lease.metadata.resourceVersion;
    const now = this.#clock.monotonic();
    if (this.#observed?.version !== version || this.#observed === undefined) {
      this.#observed = { version, at: now };
      return false;
    }
    const promisedMs = (lease.spec?.leaseDurationSeconds ?? this.#leaseMs / 1000) * 1000;
    return now - this.#observed.at >= promisedMs;
  }

  async #create(call: Readonly<Record<string, unknown>>): Promise<Outcome> {
    const { client, namespace, name } = this.#options;
    const fence = Math.floor((this.#clock.now() - FENCE_EPOCH_MS) / 1000);
    const start = this.#clock.monotonic();
    try {
      this.#lease = await client.create(LEASES, {
        metadata: { namespace, name, annotations: this.#annotations },
        spec: this.#spec(fence),
      }, call);
      this.#renewedAt = start;
      return { held: true, fence };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      return { held: false, holder: "another process, which was faster" };
    }
  }

  async #write(lease: Lease, fence: number, call: Readonly<Record<string, unknown>>): Promise<Outcome> {
    const spec = this.#spec(fence, this.#leadership === undefined ? undefined : lease.spec?.acquireTime);
    const start = this.#clock.monotonic();
    const annotations = { ...lease.metadata.annotations, ...this.#annotations };
    this.#lease = await this.#options.client.replace(LEASES, {
      ...lease,
      metadata: { ...lease.metadata, annotations },
      spec: { ...lease.spec, ...spec },
    }, call);
    this.#renewedAt = start;
    return { held: true, fence };
  }

  #spec(fence: number, acquireTime?: string): NonNullable<Lease["spec"]> {
    const renewTime = rfc3339Micros(this.#clock.now());
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
      acquireTime: acquireTime ?? renewTime,
      renewTime,
      leaseTransitions: fence,
    };
  }

  get #annotations(): Record<string, string> {
    return addressAnnotation(this.#options.presence, this.#options.identity);
  }

  async #release(): Promise<void> {
    const { client, namespace, name, identity } = this.#options;
    this.#leadership = undefined;
    this.#gauge(0);
    try {
      const call = { timeoutMs: this.#retryMs, lane: "lease" } as const;
      // Read first: a renewal that was cut off by the shutdown may have been carried out.
      const lease = await client.find(LEASES, { namespace, name }, call);
      if (lease?.spec?.holderIdentity !== identity) return;
      // One second, as client-go does: a holder that is empty may be taken over at once anyway.
      const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 };
      await client.replace(LEASES, { ...lease, spec }, call);
      this.#log.info("gave the lease back", { lease: this.#name });
    } catch (error) {
      this.#log.warn("could not give the lease back; it runs out by itself", {
        lease: this.#name,
        error: messageOf(error),
      });
    }
  }
}
