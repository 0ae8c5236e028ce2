/** How the manager gets to know that a Secret has changed: it is watched, or looked at by turns. @module */
import { keyOf, type KubeClient, type KubeObject, type ObjectName, type Secret, SECRETS } from "@virtrigaud/kube";
import { Informer, type InformerEnvironment } from "@virtrigaud/runtime";
import type { CancelTimer, Clock } from "@virtrigaud/resilience";
import { whenFresh } from "./when_fresh.ts";

/** A Secret that somebody follows. Only that it changed is of interest; the content is read when it is needed. */
export abstract class Followed {
  readonly #listeners = new Map<string, () => void>();

  /** Whether it was looked for already. */
  abstract get synced(): boolean;
  /** Resource version as last seen; `undefined` when it is not there or not known yet. */
  abstract get version(): string | undefined;
  /** Resolves when it is seen at `version` or later. */
  abstract whenSeen(version: string | undefined, signal: AbortSignal): Promise<void>;
  /** Nobody follows it any more. */
  protected abstract end(): void;

  add(who: string, listener: () => void): void {
    this.#listeners.set(who, listener);
  }

  /** Whether nobody is left; then it has ended. */
  remove(who: string): boolean {
    this.#listeners.delete(who);
    if (this.#listeners.size > 0) return false;
    this.end();
    return true;
  }

  /** All who follow this follow `other` from now on, and this has ended. */
  handOver(other: Followed): void {
    for (const [who, listener] of this.#listeners) other.add(who, listener);
    this.#listeners.clear();
    this.end();
  }

  protected tell(): void {
    for (const listener of [...this.#listeners.values()]) listener();
  }
}

/** Change is seen at once, for the price of a connection. */
export class WatchedSecret extends Followed {
  /** Resolves when the watch has ended. */
  readonly stopped: Promise<void>;
  readonly #informer: Informer<Secret>;
  readonly #stop = new AbortController();
  readonly #key: string;

  constructor(environment: InformerEnvironment, name: ObjectName, signal: AbortSignal) {
    super();
    this.#key = keyOf(name);
    this.#informer = new Informer(environment, SECRETS, {
      ...(name.namespace === undefined ? {} : { namespace: name.namespace }),
      fieldSelector: `metadata.name=${name.name}`,
      transform: withoutContent,
    });
    // Nobody has to be told that it is as he knows it: not before the first look at what is there.
    this.#informer.addHandler(() => {
      if (this.synced) this.tell();
    });
    this.stopped = this.#informer.run(AbortSignal.any([signal, this.#stop.signal]));
    void this.#informer.whenSynced({ signal }).then(() => this.tell(), () => {});
  }

  get synced(): boolean {
    return this.#informer.synced;
  }

  get version(): string | undefined {
    return this.#informer.get(this.#key)?.metadata.resourceVersion;
  }

  async whenSeen(version: string | undefined, signal: AbortSignal): Promise<void> {
    this.#informer.expect(this.#key, version);
    await whenFresh(this.#informer, this.#key, signal);
  }

  protected end(): void {
    this.#stop.abort();
  }
}

/** How long it takes until the same Secret is looked at again, at least, ms. */
const ROUND_MS = 60_000;
/** Between two looks, at least, ms: what an API server does not notice. */
const LOOK_MS = 100;

/**
 * Secrets that are too many to be watched. Each is looked at about once a minute, while all together are asked for ten
 * times a second at most, those first that nobody has looked at yet: of 6,000 each once in ten minutes.
 */
export class SecretPatrol {
  readonly #client: Pick<KubeClient, "find">;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #unseen = new Set<PatrolledSecret>();
  readonly #seen = new Set<PatrolledSecret>();
  #cancel: CancelTimer | undefined;
  #looking: Promise<void> | undefined;

  constructor(
    client: Pick<KubeClient, "find">,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ) {
    this.#client = client;
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#rest(), { once: true });
  }

  /** Looks at one more. */
  enter(name: ObjectName): Followed {
    const secret: PatrolledSecret = new PatrolledSecret(name, () => {
      this.#unseen.delete(secret);
      this.#seen.delete(secret);
      if (this.#unseen.size + this.#seen.size === 0) this.#rest();
    });
    this.#unseen.add(secret);
    // Else one that is as urgent has set the pace.
    if (this.#unseen.size === 1) this.#goOn();
    return secret;
  }

  /** Resolves when the look that was under way has ended. */
  async stopped(): Promise<void> {
    await this.#looking;
  }

  #goOn(): void {
    if (this.#looking !== undefined) return;
    this.#rest();
    const count = this.#unseen.size + this.#seen.size;
    if (count === 0 || this.#signal.aborted) return;
    const wait = this.#unseen.size > 0 ? LOOK_MS : Math.max(LOOK_MS, ROUND_MS / count);
    this.#cancel = this.#clock.setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
        this.#goOn();
      });
    }, wait);
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #look(): Promise<void> {
    const [next] = this.#unseen.size > 0 ? this.#unseen : this.#seen;
    if (next === undefined) return;
    this.#unseen.delete(next);
    // To the end of the line.
    this.#seen.delete(next);
    this.#seen.add(next);
    try {
      const found = await this.#client.find(SECRETS, next.name, { signal: this.#signal });
      next.learn(found?.metadata.resourceVersion);
    } catch {
      // Its turn comes again; whoever needs the content reads it himself, and is told what is wrong.
    }
  }
}

class PatrolledSecret extends Followed {
  synced = false;
  version: string | undefined;
  readonly #leave: () => void;

  constructor(readonly name: ObjectName, leave: () => void) {
    super();
    this.#leave = leave;
  }

  learn(version: string | undefined): void {
    if (this.synced && this.version === version) return;
    this.synced = true;
    this.version = version;
    this.tell();
  }

  /** What was just written is what there is. */
  whenSeen(version: string | undefined): Promise<void> {
    if (version !== undefined) this.learn(version);
    return Promise.resolve();
  }

  protected end(): void {
    this.#leave();
  }
}

function withoutContent<T extends KubeObject>(object: T): T {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata } as T;
}
