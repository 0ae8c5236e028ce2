/** Changes that this provider makes itself, for its own watches: libvirt has no event for some of them. @module */

/** Tells who listens that a domain has been changed. */
export class Changes {
  readonly #listeners = new Set<(uuid: string) => void>();

  notify(uuid: string): void {
    for (const listener of this.#listeners) listener(uuid);
  }

  /** Adds a listener; the function returned removes it. */
  listen(listener: (uuid: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
