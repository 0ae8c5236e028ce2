/** What stands around every unary call, outermost first: metrics, tracing, breaker, retry, deadline, rate limit. @module */
import {
  type BackoffPolicy,
  Breaker,
  BreakerOpenError,
  type BreakerState,
  type Clock,
  DeadlineExceededError,
  defaultBackoff,
  retry,
  type RetryAdvice,
  TokenBucket,
  withDeadline,
} from "@virtrigaud/resilience";
import type { ClientMetric, Logger, Metrics } from "@virtrigaud/telemetry";
import type { DeadlineGroup } from "../codec/rpcs.ts";
import { codeName } from "../codec/status.ts";
import { isInfrastructure, ProviderError } from "../errors.ts";
import type { CallContext } from "../provider.ts";
import { traced } from "../tracing.ts";

/** What a policy may know of an RPC. */
export interface RpcTraits {
  readonly rpc: string;
  readonly deadline: DeadlineGroup;
  readonly mutating: boolean;
}

/** One attempt at a call. */
export interface Attempt extends CallContext {
  /** Milliseconds that this attempt may still take. */
  readonly deadlineMs: number;
}

/** Deadline of one attempt by group, ms (`RPC_TIMEOUT_*`). */
export type RpcTimeouts = Readonly<Record<DeadlineGroup, number>>;

/** Describe 30 s, mutating 4 min, validate and task status 10 s. */
export const defaultTimeouts: RpcTimeouts = {
  validate: 10_000,
  describe: 30_000,
  mutating: 240_000,
  taskStatus: 10_000,
};

/** Settings of {@linkcode CallPolicy}; absent ones have the documented defaults. */
export interface PolicySettings {
  readonly timeouts?: Partial<RpcTimeouts>;
  /** Default: 5 attempts, 500 ms doubling to 30 s with jitter. */
  readonly retry?: { readonly maxAttempts?: number; readonly backoff?: BackoffPolicy };
  /** Default: 10 consecutive infrastructure failures, 60 s, 3 trials. */
  readonly breaker?: {
    readonly failureThreshold?: number;
    readonly resetMs?: number;
    readonly halfOpenMaxCalls?: number;
  };
  /** Calls per second with bursts, from `Provider.spec.rateLimit`. Default 10 and 20. */
  readonly rateLimit?: { readonly qps: number; readonly burst: number };
}

/** What a policy reports to and works with. */
export interface PolicyDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics<ClientMetric>;
  /** `namespace/name`. */
  readonly provider: string;
  readonly providerType: string;
  readonly onBreakerChange?: (state: BreakerState) => void;
}

const STATE_VALUE: Readonly<Record<BreakerState, number>> = { closed: 0, "half-open": 1, open: 2 };

/** One chain per provider: its breaker and its tokens are nobody else's. */
export class CallPolicy {
  readonly #deps: PolicyDependencies;
  readonly #timeouts: RpcTimeouts;
  readonly #maxAttempts: number;
  readonly #backoff: BackoffPolicy;
  readonly #breaker: Breaker;
  readonly #bucket: TokenBucket;
  readonly #labels: { readonly provider_type: string; readonly provider: string };

  constructor(settings: PolicySettings, deps: PolicyDependencies) {
    const { clock, metrics } = deps;
    this.#deps = deps;
    this.#timeouts = { ...defaultTimeouts, ...settings.timeouts };
    this.#maxAttempts = settings.retry?.maxAttempts ?? 5;
    this.#backoff = settings.retry?.backoff ?? defaultBackoff;
    this.#bucket = new TokenBucket({ ...(settings.rateLimit ?? { qps: 10, burst: 20 }), clock });
    this.#labels = { provider_type: deps.providerType, provider: deps.provider };
    this.#breaker = new Breaker({
      ...settings.breaker,
      clock,
      classify,
      onStateChange: (state) => {
        metrics.gauge("virtrigaud_circuit_breaker_state", this.#labels, STATE_VALUE[state]);
        deps.log.warn("circuit breaker changed state", { provider: deps.provider, state });
        deps.onBreakerChange?.(state);
      },
    });
    metrics.gauge("virtrigaud_circuit_breaker_state", this.#labels, STATE_VALUE.closed);
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  /** Ends the timers of breaker and bucket. */
  close(): void {
    this.#breaker.close();
  }

  /** Makes the call; every error that comes out is a {@linkcode ProviderError}. */
  run<T>(rpc: RpcTraits, context: CallContext, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    return this.#measured(
      rpc,
      context,
      () => traced(rpc.rpc, "client", () => this.#guarded(() => this.#repeated(rpc, context, attempt))),
    );
  }

  async #measured<T>({ rpc: method }: RpcTraits, { requestId }: CallContext, call: () => Promise<T>): Promise<T> {
    const { clock, log, metrics, provider } = this.#deps;
    const started = clock.monotonic();
    let code = "OK";
    try {
      return await call();
    } catch (error) {
      code = ProviderError.is(error) ? codeName(error.class) : "Unknown";
      throw error;
    } finally {
      const labels = { provider_type: this.#labels.provider_type, method };
      const seconds = (clock.monotonic() - started) / 1000;
      metrics.count("virtrigaud_provider_rpc_requests_total", { ...labels, code });
      metrics.observe("virtrigaud_provider_rpc_latency_seconds", labels, seconds);
      log.debug("call ended", { provider, rpc: method, requestId, code, seconds });
    }
  }

  async #guarded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.run(call);
    } catch (error) {
      if (classify(error) === "failure" && !(error instanceof BreakerOpenError)) {
        this.#deps.metrics.count("virtrigaud_circuit_breaker_failures_total", this.#labels);
      }
      if (!(error instanceof BreakerOpenError)) throw error;
      throw new ProviderError(
        "Unavailable",
        `provider ${this.#deps.provider} failed too often in a row and is left alone: ${error.message}`,
        { reason: "BreakerOpen", retryAfterMs: error.retryAfterMs, cause: error },
      );
    }
  }

  #repeated<T>(rpc: RpcTraits, context: CallContext, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    const { clock, log, metrics, provider } = this.#deps;
    return retry(() => this.#limited(rpc, context, attempt), {
      maxAttempts: this.#maxAttempts,
      backoff: this.#backoff,
      advise,
      clock,
      signal: context.signal,
      onRetry: (error, delayMs) => {
        metrics.count("virtrigaud_provider_rpc_retries_total", { ...this.#labels, method: rpc.rpc });
        log.debug("call is repeated", { provider, rpc: rpc.rpc, requestId: context.requestId, delayMs, error });
      },
    });
  }

  async #limited<T>(rpc: RpcTraits, context: CallContext, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    const { clock } = this.#deps;
    const allowed = this.#timeouts[rpc.deadline];
    const due = clock.monotonic() + allowed;
    try {
      return await withDeadline(allowed, async (signal) => {
        await this.#bucket.take({ signal });
        return await attempt({ ...context, signal, deadlineMs: Math.max(1, due - clock.monotonic()) });
      }, { signal: context.signal, clock });
    } catch (error) {
      throw this.#explain(rpc, context, allowed, error);
    }
  }

  /** The reason of an abort, as the taxonomy has it. */
  #explain(rpc: RpcTraits, context: CallContext, allowedMs: number, error: unknown): unknown {
    const { provider } = this.#deps;
    if (context.signal.aborted) {
      return new ProviderError("Timeout", `${rpc.rpc} at provider ${provider} was given up by its caller`, {
        reason: "Cancelled",
        cause: error,
      });
    }
    const late = error instanceof DeadlineExceededError ||
      (ProviderError.is(error, "Timeout") && (error.reason === "DeadlineExceeded" || error.reason === "Cancelled"));
    if (!late) return error;
    return new ProviderError(
      "Timeout",
      `provider ${provider} did not answer ${rpc.rpc} within ${
        allowedMs / 1000
      } s; whether it had an effect is unknown`,
      { reason: "DeadlineExceeded", cause: error },
    );
  }
}

/** What a failed call says about provider and hypervisor. A refusal of the request is an answer. */
function classify(error: unknown): "failure" | "success" | "ignore" {
  if (!ProviderError.is(error)) return "ignore";
  if (error.reason === "Cancelled" || error.reason === "Closed") return "ignore";
  return isInfrastructure(error.class) ? "failure" : "success";
}

/**
 * Whether one call repeats itself: reads because they change nothing, mutating calls because `operation.id` makes them
 * idempotent. Not repeated although they may pass: `Timeout` (the time that was allowed is used up), `Unauthorized` and
 * `QuotaExceeded` (they pass when a person acts); those are the controller's to come back to.
 */
function advise(error: unknown): RetryAdvice {
  if (!ProviderError.is(error) || error.reason === "Closed") return false;
  switch (error.class) {
    case "Retryable":
    case "Unavailable":
    case "RateLimit":
      return { afterMs: error.retryAfterMs };
    case "NotFound":
    case "InvalidSpec":
    case "Unauthorized":
    case "NotSupported":
    case "Timeout":
    case "QuotaExceeded":
    case "Conflict":
      return false;
  }
}
