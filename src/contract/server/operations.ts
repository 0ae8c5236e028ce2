/** What makes a mutating RPC safe to send twice and safe against an old leader; the same for every provider. @module */
import { ProviderError } from "../errors.ts";
import type { Operation } from "../provider.ts";

/** Options of {@linkcode OperationGuard}. */
export interface OperationGuardOptions {
  /** Answers that are remembered; the oldest is forgotten first. Default 10 000. */
  readonly capacity?: number;
}

interface Running {
  readonly answer: Promise<unknown>;
  readonly abort: AbortController;
  /** Callers that wait; when the last one leaves, the work is aborted. */
  waiting: number;
}

/**
 * Guarantees: an operation with an older fence than the highest seen is refused (`Conflict`/`StaleFence`); an operation
 * id that was answered is answered the same again without calling the provider; one that is under way is joined.
 *
 * Caveats: the memory is the process's. After a restart the provider's own idempotency by `operation.ownerUid` and by
 * what it finds at the hypervisor has to hold; the guard spares it the ordinary repetition. Errors are remembered only
 * where the same request can never succeed (`InvalidSpec`, `NotSupported`); after any other the operation runs again.
 */
export class OperationGuard {
  readonly #capacity: number;
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #running = new Map<string, Running>();
  #fence = 0;

  constructor(options: OperationGuardOptions = {}) {
    this.#capacity = options.capacity ?? 10_000;
  }

  /** Runs `work` for `operation` of `method` unless it has run; `signal` takes this caller out, not the others. */
  run<R>(
    method: string,
    operation: Operation,
    work: (signal: AbortSignal) => Promise<R>,
    options: { readonly signal: AbortSignal },
  ): Promise<R> {
    if (operation.fence < this.#fence) {
      return Promise.reject(
        new ProviderError(
          "Conflict",
          `${method} of ${operation.owner} carries fence ${operation.fence}, but ${this.#fence} has been seen: ` +
            `another manager leads now, this one has to stop`,
          { reason: "StaleFence" },
        ),
      );
    }
    this.#fence = operation.fence;
    const key = `${method}/${operation.id}`;
    const answer = this.#answers.get(key);
    if (answer !== undefined) {
      this.#remember(key, answer);
      return answer as Promise<R>;
    }
    const running = this.#running.get(key) ?? this.#start(key, work);
    return this.#wait(running, options.signal) as Promise<R>;
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<unknown>): Running {
    const abort = new AbortController();
    const answer = (async () => await work(abort.signal))();
    const running: Running = { answer, abort, waiting: 0 };
    this.#running.set(key, running);
    const settle = (remember: boolean) => {
      if (this.#running.get(key) === running) this.#running.delete(key);
      if (remember) this.#remember(key, answer);
    };
    answer.then(
      () => settle(true),
      (error) => settle(ProviderError.is(error, "InvalidSpec") || ProviderError.is(error, "NotSupported")),
    );
    return running;
  }

  async #wait(running: Running, signal: AbortSignal): Promise<unknown> {
    running.waiting++;
    const left = Promise.withResolvers<never>();
    const onAbort = () => left.reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([running.answer, left.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      // It stays joinable until it has really ended: the same operation must never run beside itself.
      if (--running.waiting === 0) running.abort.abort(signal.reason);
    }
  }

  #remember(key: string, answer: Promise<unknown>): void {
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    if (this.#answers.size > this.#capacity) {
      const oldest = this.#answers.keys().next();
      if (!oldest.done) this.#answers.delete(oldest.value);
    }
  }
}
