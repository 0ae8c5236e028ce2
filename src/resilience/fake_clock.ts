/** A clock that stands still until a test moves it. @module */
import { setImmediate } from "node:timers";
import { type CancelTimer, type Clock, sleepOn } from "./clock.ts";

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Turns of the event loop that {@linkcode FakeClock.settle} gives to work that is under way. */
const SETTLE_TURNS = 4;

/**
 * Fake {@linkcode Clock} for tests.
 *
 * `advance(ms)` runs what falls due in order of time and lets promises (and in-process I/O) settle after each timer,
 * so that code which re-arms its timer, like a retry loop, sees every step.
 */
export class FakeClock implements Clock {
  #elapsed = 0;
  #skew = 0;
  #order = 0;
  readonly #start: number;
  readonly #timers = new Set<Timer>();

  constructor(options: { readonly start?: number } = {}) {
    this.#start = options.start ?? Date.UTC(2030, 0, 1);
  }

  now(): number {
    return this.#start + this.#elapsed + this.#skew;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  setTimeout(callback: () => void, ms: number): CancelTimer {
    const timer: Timer = { due: this.#elapsed + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  sleep(ms: number, options?: { readonly signal?: AbortSignal }): Promise<void> {
    return sleepOn(this, ms, options?.signal);
  }

  /** Timers that have not fired: 0 after a clean shutdown. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Makes the wall clock jump by `ms` (negative: back) without any time going by. */
  skew(ms: number): void {
    this.#skew += ms;
  }

  /** Lets `ms` go by: runs what falls due, in order, settling after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#elapsed = Math.max(this.#elapsed, timer.due);
      this.#timers.delete(timer);
      timer.callback();
      await this.settle();
    }
    this.#elapsed = end;
  }

  /**
   * Moves from timer to timer until `done` holds.
   * @throws when it does not hold within `limitMs` of fake time, or nothing more can happen: no timer is left and what
   * real I/O was under way did not bring it about within `idleMs` (default 10000, of real time)
   */
  async advanceUntil(
    done: () => boolean,
    options: { readonly limitMs?: number; readonly idleMs?: number } = {},
  ): Promise<void> {
    const end = this.#elapsed + (options.limitMs ?? 3_600_000);
    for (let idleSince: number | undefined; !done();) {
      await this.settle();
      if (done()) return;
      const next = this.#next(end);
      if (next !== undefined) {
        idleSince = undefined;
        await this.advance(next.due - this.#elapsed);
        continue;
      }
      // A busy machine may take its time over a file or a socket, which no fake clock hurries.
      idleSince ??= performance.now();
      if (performance.now() - idleSince > (options.idleMs ?? 10_000)) {
        throw new Error(`nothing left to wait for at +${this.#elapsed} ms and the awaited state is not there`);
      }
    }
  }

  /** Lets everything that can go on without time going by do so. */
  async settle(turns: number = SETTLE_TURNS): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await macrotask();
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due > end) continue;
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

/** One turn of the event loop: all microtasks, and I/O that is ready. */
function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}
