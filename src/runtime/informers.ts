/** One shared informer per kind and selection. @module */
import type { KubeObject, ResourceType } from "@virtrigaud/kube";
import { Informer, type InformerEnvironment, type InformerOptions } from "./informer.ts";

/** Informers of a process: each is created once, started together, and shared by all who ask. */
export class Informers {
  readonly #environment: InformerEnvironment;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #running: Promise<void>[] = [];
  #signal: AbortSignal | undefined;

  constructor(environment: InformerEnvironment) {
    this.#environment = environment;
  }

  /**
   * The informer of a kind; a new one when none with this selection is there, started at once if the others are.
   * Indexes are added to a shared one; `transform` and tuning are those of who asks first.
   */
  for<T extends KubeObject>(type: ResourceType<T>, options: InformerOptions<T> = {}): Informer<T> {
    const { group, plural } = type;
    const { namespace, labelSelector, fieldSelector } = options;
    const id = JSON.stringify([group, plural, namespace ?? "", labelSelector ?? "", fieldSelector ?? ""]);
    // The map holds informers of many kinds; the id says which kind this one is of.
    const present = this.#informers.get(id) as unknown as Informer<T> | undefined;
    if (present !== undefined) {
      for (const [name, index] of Object.entries(options.indexes ?? {})) present.addIndex(name, index);
      return present;
    }
    const informer = new Informer<T>(this.#environment, type, options);
    this.#informers.set(id, informer as unknown as Informer<KubeObject>);
    if (this.#signal !== undefined) this.#running.push(informer.run(this.#signal));
    return informer;
  }

  /** Starts all informers, and from now on every new one at once. They run until `signal` aborts. */
  start(signal: AbortSignal): void {
    if (this.#signal !== undefined) throw new Error("these informers were started already");
    this.#signal = signal;
    for (const informer of this.#informers.values()) this.#running.push(informer.run(signal));
  }

  /** Whether every informer has held the complete state once. */
  get synced(): boolean {
    return this.unsynced.length === 0;
  }

  /** Kinds that are still awaited. */
  get unsynced(): string[] {
    return [...this.#informers.values()].filter((informer) => !informer.synced).map((informer) => informer.type.kind);
  }

  /** Resolves when {@linkcode synced} holds for the informers there are now. */
  async whenSynced(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.whenSynced(options)));
  }

  /** Resolves when all have ended, after the signal given to {@linkcode start} aborted. */
  async stopped(): Promise<void> {
    await Promise.all(this.#running);
  }
}
