/** What makes a mutating RPC safe to send twice, to come late, and against an old leader; the same for every provider. @module */
import { rpcs } from "../codec/rpcs.ts";
import { ProviderError } from "../errors.ts";
import type { CallContext, Operation } from "../provider.ts";
import { isEarlier, type Turn } from "../turn.ts";

/** Options of {@linkcode OperationGuard}. */
export interface OperationGuardOptions {
  /** Answers, and owners asked about, that are remembered; the oldest is forgotten first. Default 10 000. */
  readonly capacity?: number;
}

/** RPCs that make a machine. */
const BIRTHS: ReadonlySet<string> = new Set([rpcs.create.rpc, rpcs.clone.rpc]);

interface Running {
  readonly answer: Promise<unknown>;
  /** Whose machine it makes. */
  readonly bears?: string;
  readonly abort: AbortController;
  /** Callers that wait; when the last one leaves, the work is aborted. */
  waiting: number;
}

/**
 * Guarantees: an operation with an older fence than the highest heard of, in whatever call, is refused
 * (`Conflict`/`StaleFence`); so is the making of a machine that arrives after its manager has asked whether that machine
 * is there; an operation id that was answered is answered the same again without calling the provider; one that is under
 * way is joined.
 *
 * Caveats: the memory is the process's. After a restart the provider's own idempotency by `operation.ownerUid` and by
 * what it finds at the hypervisor has to hold; the guard spares it the ordinary repetition. Errors are remembered only
 * where the same request can never succeed (`InvalidSpec`, `NotSupported`); after any other the operation runs again.
 */
export class OperationGuard {
  readonly #capacity: number;
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #running = new Map<string, Running>();
  /** When it was last asked whether the machine of an owner is there. */
  readonly #asked = new Map<string, Turn>();
  #fence = 0;

  constructor(options: OperationGuardOptions = {}) {
    this.#capacity = options.capacity ?? 10_000;
  }

  /** Runs `work` for `operation` of `method` unless it has run; `signal` takes this caller out, not the others. */
  run<R>(
    method: string,
    operation: Operation,
    work: (signal: AbortSignal) => Promise<R>,
    caller: Pick<CallContext, "signal" | "turn">,
  ): Promise<R> {
    const bears = BIRTHS.has(method) ? operation.ownerUid : undefined;
    const problem = this.#staleness(operation, bears, caller.turn);
    if (problem !== undefined) {
      return Promise.reject(stale(`${method} of ${operation.owner}`, problem));
    }
    this.#fence = operation.fence;
    const key = `${method}/${operation.id}`;
    const answer = this.#answers.get(key);
    if (answer !== undefined) {
      this.#remember(key, answer);
      return answer as Promise<R>;
    }
    const running = this.#running.get(key) ?? this.#start(key, work, bears);
    return this.#wait(running, caller.signal) as Promise<R>;
  }

  /** Takes in who leads, from a call of any kind. */
  hear(turn: Turn): void {
    this.#fence = Math.max(this.#fence, turn.fence);
  }

  /**
   * Takes in that the caller of `turn` wants to know whether the machine of an owner is there: what was asked for its
   * making before that is not carried out any more. Says whether one is being made at this moment, so that its absence
   * proves nothing. @throws {ProviderError} `Conflict` with reason `StaleFence`: an older leader has to prove nothing
   */
  ask(ownerUid: string, turn: Turn | undefined): boolean {
    if (turn !== undefined && turn.fence < this.#fence) throw stale(`Describe of owner ${ownerUid}`, this.#older(turn));
    const before = this.#asked.get(ownerUid);
    if (turn !== undefined && (before === undefined || isEarlier(before, turn))) {
      remember(this.#asked, ownerUid, turn, this.#capacity);
    }
    for (const { bears } of this.#running.values()) if (bears === ownerUid) return true;
    return false;
  }

  #older({ fence }: Pick<Turn, "fence">): string {
    return `carries fence ${fence}, but ${this.#fence} has been seen: another manager leads now, this one has to stop`;
  }

  #staleness(operation: Operation, bears: string | undefined, turn: Turn | undefined): string | undefined {
    if (operation.fence < this.#fence) return this.#older(operation);
    const asked = bears === undefined ? undefined : this.#asked.get(bears);
    if (asked === undefined || turn === undefined || !isEarlier(turn, asked)) return undefined;
    return "came too late: its manager has given it up and asked since whether there is such a machine";
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<unknown>, bears: string | undefined): Running {
    const abort = new AbortController();
    const answer = (async () => await work(abort.signal))();
    const running: Running = { answer, abort, waiting: 0, ...(bears === undefined ? {} : { bears }) };
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
    remember(this.#answers, key, answer, this.#capacity);
  }
}

function stale(what: string, why: string): ProviderError {
  return new ProviderError("Conflict", `${what} ${why}`, { reason: "StaleFence" });
}

/** Puts the entry in as the newest and lets go of the oldest beyond `capacity`. */
function remember<V>(memory: Map<string, V>, key: string, value: V, capacity: number): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size <= capacity) return;
  const oldest = memory.keys().next();
  if (!oldest.done) memory.delete(oldest.value);
}
