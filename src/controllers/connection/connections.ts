/** All providers that the manager talks to, by the key of their Provider object. @module */
import type { ProviderConnection } from "./connection.ts";
import type { InventoryChange } from "./inventory.ts";

/** What changed: something about one machine, or (with nothing said about it) about the whole provider. */
export interface ConnectionChange extends InventoryChange {
  /** `namespace/name` of the Provider. */
  readonly provider: string;
}

/** Registry of connections. The Provider controller opens and closes them; others look them up. */
export class ProviderConnections {
  readonly #connections = new Map<string, ProviderConnection>();
  readonly #listeners = new Set<(change: ConnectionChange) => void>();

  /** The connection of a Provider, once there is one. */
  get(key: string): ProviderConnection | undefined {
    return this.#connections.get(key);
  }

  /** Puts a connection in place of the one before it, which is closed. */
  async set(connection: ProviderConnection): Promise<void> {
    const before = this.#connections.get(connection.key);
    this.#connections.set(connection.key, connection);
    connection.inventory.onChange((change) => this.#tell({ provider: connection.key, ...change }));
    // Otherwise there is nothing to say yet: the end of its first list tells, or that it does not come.
    if (before !== undefined || connection.inventory.lost === undefined) this.tell(connection.key);
    await before?.close();
  }

  /** Closes and forgets the connection of a Provider. */
  async remove(key: string): Promise<void> {
    const connection = this.#connections.get(key);
    if (connection === undefined) return;
    this.#connections.delete(key);
    this.tell(key);
    await connection.close();
  }

  /** Tells that something about a whole provider has changed. */
  tell(provider: string): void {
    this.#tell({ provider });
  }

  /** Calls `listener` after every change. Returns how to stop it. */
  onChange(listener: (change: ConnectionChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections.keys()].map((key) => this.remove(key)));
  }

  #tell(change: ConnectionChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
