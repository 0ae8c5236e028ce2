/** Keys that wait for a point in time: one timer for all of them. @module */
import type { CancelTimer, Clock } from "@virtrigaud/resilience";

interface Delayed<V> {
  readonly due: number;
  readonly order: number;
  readonly key: string;
  readonly value: V;
}

/** Keys with a time each, the earliest of several for one key. A binary heap, entries that are taken back stay until due. */
export class Delays<V> {
  readonly #clock: Clock;
  readonly #onDue: (key: string, value: V) => void;
  readonly #heap: Delayed<V>[] = [];
  readonly #live = new Map<string, Delayed<V>>();
  #order = 0;
  #timer: { readonly due: number; readonly cancel: CancelTimer } | undefined;

  constructor(clock: Clock, onDue: (key: string, value: V) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Calls `onDue` for `key` after `ms`, or at the time that is set already if that is earlier. */
  add(key: string, ms: number, value: V): void {
    const entry: Delayed<V> = { due: this.#clock.monotonic() + ms, order: this.#order++, key, value };
    const present = this.#live.get(key);
    if (present !== undefined && present.due <= entry.due) return;
    this.#live.set(key, entry);
    this.#push(entry);
    if (this.#heap.length > 2 * this.#live.size + 64) this.#compact();
    this.#arm();
  }

  /** Takes `key` back. */
  delete(key: string): void {
    this.#live.delete(key);
    if (this.#live.size === 0) this.clear();
  }

  clear(): void {
    this.#live.clear();
    this.#heap.length = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    let next = this.#heap[0];
    for (; next !== undefined && this.#live.get(next.key) !== next; next = this.#heap[0]) this.#pop();
    if (next === undefined || (this.#timer !== undefined && this.#timer.due <= next.due)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.setTimeout(() => this.#run(), Math.max(0, next.due - this.#clock.monotonic()));
    this.#timer = { due: next.due, cancel };
  }

  #run(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (let next = this.#heap[0]; next !== undefined && next.due <= now; next = this.#heap[0]) {
      this.#pop();
      if (this.#live.get(next.key) !== next) continue;
      this.#live.delete(next.key);
      this.#onDue(next.key, next.value);
    }
    this.#arm();
  }

  /** Drops entries that were taken back or replaced. A sorted array is a heap. */
  #compact(): void {
    const live = [...this.#live.values()].sort((a, b) => before(a, b) ? -1 : 1);
    this.#heap.splice(0, this.#heap.length, ...live);
  }

  #push(entry: Delayed<V>): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, left)) child++;
      const smaller = heap[child];
      if (smaller === undefined || !before(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

function before<V>(a: Delayed<V>, b: Delayed<V>): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
