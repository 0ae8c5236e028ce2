/** The manager's end of one provider: its client, what its hypervisor holds, and whether it is well. @module */
import {
  type CallContext,
  type Capabilities,
  type Provider,
  ProviderError,
  type Turn,
  type ValidateResponse,
} from "@virtrigaud/contract";
import { backoffDelay, type Clock } from "@virtrigaud/resilience";
import { sameJson } from "@virtrigaud/runtime";
import { count, type Health, type HealthPolicy, judge, nextCheckMs, type Run } from "./health.ts";
import { Inventory } from "./inventory.ts";

/** An open way to a provider. */
export interface Dialed {
  readonly client: Provider;
  /** Lets go of it; calls under way may finish. */
  close(): void;
}

/** Options of {@linkcode ProviderConnection}. */
export interface ConnectionOptions {
  /** `namespace/name` of the Provider. */
  readonly key: string;
  readonly dialed: Dialed;
  readonly health: HealthPolicy;
  readonly clock: Clock;
  readonly random?: () => number;
  /** Makes ids that correlate log lines on both sides. */
  readonly requestId: () => string;
  /** The place of the next call. @throws {ProviderError} when this process does not lead (any more) */
  readonly turn: () => Turn;
  /** Called when health or capabilities change, and when the inventory is lost or whole again. */
  readonly onChange: (key: string) => void;
}

const WATCH_BACKOFF = { baseMs: 200, maxMs: 15_000 } as const;
/** Long where the provider says when tasks end; short where it has to be asked. */
const TASK_POLL_MS = { pushed: 30_000, polled: 2_000 } as const;

/** Runs the watch stream and the health loop of one provider until it is closed. */
export class ProviderConnection {
  readonly key: string;
  readonly client: Provider;
  readonly inventory: Inventory;
  readonly #options: ConnectionOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #health: Health = { type: "Unknown" };
  #capabilities: Capabilities | undefined;
  /** The provider behind the address may have become another one. */
  #askCapabilities = true;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.key = options.key;
    this.client = options.dialed.client;
    this.inventory = new Inventory(() => options.clock.monotonic());
    this.#running = Promise.all([this.#watch(), this.#checkHealth()]);
  }

  get health(): Health {
    return this.#health;
  }

  /** Absent until the provider was reached for the first time. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities;
  }

  /** How long to trust a running task before asking about it, milliseconds. */
  get taskPollMs(): number {
    return this.#capabilities?.pushEvents === true ? TASK_POLL_MS.pushed : TASK_POLL_MS.polled;
  }

  /** What a call to {@linkcode client} is given. Ends with the connection, and with `signal`. */
  context(signal?: AbortSignal): CallContext & { readonly turn: Turn } {
    const stop = this.#stop.signal;
    return {
      signal: signal === undefined ? stop : AbortSignal.any([stop, signal]),
      requestId: this.#options.requestId(),
      turn: this.#options.turn(),
    };
  }

  /** Ends stream and loop and lets go of the client. */
  async close(): Promise<void> {
    this.#stop.abort(new ProviderError("Unavailable", `the connection to provider ${this.key} was closed`));
    await this.#running;
    this.#options.dialed.close();
  }

  async #watch(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      let ended = "the provider ended the watch stream";
      try {
        for await (const event of this.client.watch(this.context())) {
          const lost = this.inventory.lost !== undefined;
          this.inventory.apply(event);
          if (lost && this.inventory.lost === undefined) {
            failures = 0;
            this.#changed();
          }
        }
      } catch (error) {
        ended = error instanceof Error ? error.message : String(error);
      }
      const whole = this.inventory.lost === undefined;
      this.inventory.lose(ended);
      this.#askCapabilities = true;
      if (signal.aborted) return;
      if (whole) this.#changed();
      await clock.sleep(backoffDelay(WATCH_BACKOFF, ++failures, random), { signal }).catch(() => {});
    }
  }

  async #checkHealth(): Promise<void> {
    const { health: policy, clock } = this.#options;
    const { signal } = this.#stop;
    for (let run: Run = { failures: 0, successes: 0 }; !signal.aborted;) {
      const result = await this.#validate(policy.timeoutMs);
      if (signal.aborted) return;
      run = count(run, result);
      const next = judge(this.#health, result, run, policy, clock.now());
      const changed = next !== this.#health;
      this.#health = next;
      if (changed) this.#changed();
      if (!policy.enabled && next.type === "Healthy") return;
      await clock.sleep(nextCheckMs(next, run, policy), { signal }).catch(() => {});
    }
  }

  async #validate(timeoutMs: number): Promise<ValidateResponse | ProviderError> {
    const timeout = new AbortController();
    const late = new ProviderError("Timeout", `the provider did not answer Validate within ${timeoutMs} ms`);
    const cancel = this.#options.clock.setTimeout(() => timeout.abort(late), timeoutMs);
    try {
      const context = this.context(timeout.signal);
      const answer = await this.client.validate(context);
      if (this.#askCapabilities) {
        const capabilities = await this.client.getCapabilities(context);
        const changed = this.#capabilities !== undefined && !sameJson(this.#capabilities, capabilities);
        this.#capabilities = capabilities;
        this.#askCapabilities = false;
        if (changed) this.#changed();
      }
      return answer;
    } catch (error) {
      // What went wrong before the time was up says more than that it was up.
      if (ProviderError.is(error) && error.class !== "Timeout") return error;
      if (timeout.signal.aborted) return late;
      return error instanceof ProviderError ? error : new ProviderError("Retryable", String(error), { cause: error });
    } finally {
      cancel();
    }
  }

  #changed(): void {
    this.#options.onChange(this.key);
  }
}
