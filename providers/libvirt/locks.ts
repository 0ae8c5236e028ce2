/** One change at a time for each VM. @module */

/** Mutual exclusion by key, first come first served. */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();

  /** Whether something holds `key` now. */
  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }

  /** Runs `work` when everything that asked for `key` before has ended. */
  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, tail);
    await before;
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
