/** How many tasks may be in flight at one provider; the others wait their turn without asking again and again. @module */

/**
 * Slots per provider, so that tasks that hang on one hypervisor take none from another. A VM whose task is running holds
 * a slot; one that would start another waits in line and is woken when a slot falls free.
 */
export class TaskSlots {
  readonly #limit: number;
  readonly #wake: (key: string) => void;
  readonly #holders = new Map<string, string>();
  readonly #used = new Map<string, number>();
  readonly #lines = new Map<string, Set<string>>();

  /** @param limit slots of each provider, at least 1 */
  constructor(limit: number, wake: (key: string) => void) {
    this.#limit = limit;
    this.#wake = wake;
  }

  /**
   * The VM `key` has a task at `provider` (it may have been started by an earlier process), or none any more. To be said
   * before and after every reconcile: it is what moves the line on.
   */
  note(key: string, provider: string, running: boolean): void {
    const held = this.#holders.get(key);
    if (held !== undefined && !(running && held === provider)) this.#release(key, held);
    if (running && held !== provider) {
      this.#leave(key);
      this.#holders.set(key, provider);
      this.#used.set(provider, (this.#used.get(provider) ?? 0) + 1);
    }
    this.#callNext(provider);
  }

  /** Whether `key` may start a task at `provider` now; if not, it is woken when it may. */
  mayStart(key: string, provider: string): boolean {
    const line = this.#lines.get(provider);
    if (this.#holders.has(key) || (this.#used.get(provider) ?? 0) < this.#limit) {
      line?.delete(key);
      return true;
    }
    if (line === undefined) this.#lines.set(provider, new Set([key]));
    else line.add(key);
    return false;
  }

  /** The object is gone. */
  forget(key: string): void {
    const held = this.#holders.get(key);
    this.#leave(key);
    if (held === undefined) return;
    this.#release(key, held);
    this.#callNext(held);
  }

  #release(key: string, provider: string): void {
    this.#holders.delete(key);
    this.#used.set(provider, (this.#used.get(provider) ?? 1) - 1);
  }

  /** Who is called and then needs no slot passes the call on when its reconcile ends. */
  #callNext(provider: string): void {
    if ((this.#used.get(provider) ?? 0) >= this.#limit) return;
    const line = this.#lines.get(provider);
    const next = line?.values().next().value;
    if (next === undefined) return;
    line?.delete(next);
    this.#wake(next);
  }

  #leave(key: string): void {
    for (const line of this.#lines.values()) line.delete(key);
  }
}
