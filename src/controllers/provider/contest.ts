/** Objects that somebody else keeps changing back. @module */

/** So often an object is put right at once. */
const AT_ONCE = 3;
/** After that, and until it was left alone for as long, once in this time, ms. */
const PAUSE_MS = 10_000;

interface Round {
  readonly count: number;
  readonly at: number;
}

/**
 * Keeps two that want an object otherwise from writing against each other as fast as the API server lets them: another
 * manager with an older view, or a tool that owns the same fields.
 */
export class Contest {
  readonly #rounds = new Map<string, Round>();

  /** Notes that `object` is to be written at `now` (ms, monotonic); answers with how long to wait before, ms. */
  waitMs(object: string, now: number): number {
    const last = this.#rounds.get(object);
    const since = last === undefined ? Infinity : now - last.at;
    const count = since >= PAUSE_MS ? 0 : last?.count ?? 0;
    if (count >= AT_ONCE) return PAUSE_MS - since;
    this.#rounds.set(object, { count: count + 1, at: now });
    return 0;
  }

  /** Forgets all objects whose name begins so. */
  forget(prefix: string): void {
    for (const object of this.#rounds.keys()) if (object.startsWith(prefix)) this.#rounds.delete(object);
  }
}
