/** What was asked of the provider: how bench and end-to-end tests count calls and tell when one came in. @module */
import type { Clock } from "@virtrigaud/resilience";
import type { Method } from "./faults.ts";

/** A call that was to change something. */
export interface MutatingCall {
  readonly method: Method;
  /** Object for which it was made. */
  readonly ownerUid: string;
  /** When it came in, Unix milliseconds. */
  readonly at: number;
}

/** Mutating calls remembered, so that a long run does not grow without bound. */
const MEMORY = 20_000;

/** Counts every call, refused ones included, and remembers the latest of those that change something. */
export class CallLog {
  readonly #clock: Clock;
  readonly #counts = new Map<Method, number>();
  #mutating: MutatingCall[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls by method since the start of the process. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The latest mutating calls, oldest first. */
  get mutating(): readonly MutatingCall[] {
    return this.#mutating;
  }

  /** Notes a call; `ownerUid` for one that is to change something. */
  note(method: Method, ownerUid?: string): void {
    this.#counts.set(method, (this.#counts.get(method) ?? 0) + 1);
    if (ownerUid === undefined) return;
    this.#mutating.push({ method, ownerUid, at: this.#clock.now() });
    if (this.#mutating.length > 2 * MEMORY) this.#mutating = this.#mutating.slice(-MEMORY);
  }
}
