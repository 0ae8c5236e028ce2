/** Secrets by name: read when they are needed, waited for when they are missing, never cached as a whole. @module */
import { keyOf, type KubeClient, type ObjectName, type Secret as KubeSecret, SECRETS } from "@virtrigaud/kube";
import type { InformerEnvironment } from "@virtrigaud/runtime";
import { systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { type Followed, SecretPatrol, WatchedSecret } from "./followed_secret.ts";

/** Values of a Secret by key, decoded as UTF-8. */
export type SecretValues = ReadonlyMap<string, Secret<string>>;

/** A Secret as it was read: its values, and the resource version that they are of. */
export interface SecretReading {
  readonly values: SecretValues;
  readonly version: string;
}

/** Watches that are kept at most where the Secret can wait. */
const WATCHES_MAX = 500;

/**
 * Reads Secrets by name and watches single ones, so that the manager needs no right to list all of a cluster.
 *
 * A watch is a connection, so that of Secrets that can wait no more than 500 are watched: the rest are looked at by turns, see {@linkcode SecretPatrol}. All who follow one Secret share its watch, or its turn.
 */
export class SecretSource {
  readonly #client: KubeClient;
  readonly #environment: InformerEnvironment;
  readonly #signal: AbortSignal;
  readonly #followed = new Map<string, Followed>();
  readonly #running = new Set<Promise<void>>();
  readonly #patrol: SecretPatrol;
  readonly #watchesMax: number;

  /**
   * @param signal ends all watches
   * @param watchesMax from how many watches on Secrets that can wait are not watched. Default 500.
   */
  constructor(client: KubeClient, environment: InformerEnvironment, signal: AbortSignal, watchesMax = WATCHES_MAX) {
    this.#client = client;
    this.#environment = environment;
    this.#signal = signal;
    this.#watchesMax = watchesMax;
    this.#patrol = new SecretPatrol(client, { clock: environment.clock ?? systemClock, signal });
  }

  /** The values of a Secret, or `undefined` when there is none of that name. */
  async read(name: ObjectName, signal?: AbortSignal): Promise<SecretValues | undefined> {
    return (await this.readVersion(name, signal))?.values;
  }

  /** Like {@linkcode read}, with the version that the values are of. */
  async readVersion(name: ObjectName, signal?: AbortSignal): Promise<SecretReading | undefined> {
    const secret = await this.#client.find(SECRETS, name, signal === undefined ? {} : { signal });
    return secret === undefined
      ? undefined
      : { values: valuesOf(secret), version: secret.metadata.resourceVersion ?? "" };
  }

  /**
   * Calls `listener` when the Secret was looked for, and then whenever it appears, changes or goes, until it is dropped;
   * one listener for each `who`. With `patient`, it may take minutes until that is noticed, where many are followed.
   */
  follow(
    name: ObjectName,
    who: string,
    listener: () => void,
    { patient = false }: { readonly patient?: boolean } = {},
  ): void {
    const key = keyOf(name);
    const before = this.#followed.get(key);
    const keeps = before !== undefined && (patient || before instanceof WatchedSecret);
    const followed = keeps
      ? before
      : patient && this.#running.size >= this.#watchesMax
      ? this.#patrol.enter(name)
      : this.#watch(name);
    if (before !== undefined && !keeps) before.handOver(followed);
    this.#followed.set(key, followed);
    followed.add(who, listener);
  }

  #watch(name: ObjectName): Followed {
    const watched = new WatchedSecret(this.#environment, name, this.#signal);
    const { stopped } = watched;
    this.#running.add(stopped);
    void stopped.finally(() => this.#running.delete(stopped));
    return watched;
  }

  /** Takes back {@linkcode follow}. */
  drop(name: ObjectName, who: string): void {
    const key = keyOf(name);
    if (this.#followed.get(key)?.remove(who) === true) this.#followed.delete(key);
  }

  /** The resource version of a followed Secret as last seen; `undefined` when it is not there or not known yet. */
  version(name: ObjectName): string | undefined {
    return this.#followed.get(keyOf(name))?.version;
  }

  /** Resolves when a followed Secret is seen at `version` or later. */
  async whenSeen(name: ObjectName, version: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#followed.get(keyOf(name))?.whenSeen(version, signal);
  }

  /** Whether a followed Secret has been looked for already. */
  known(name: ObjectName): boolean {
    return this.#followed.get(keyOf(name))?.synced ?? false;
  }

  /** Resolves when all watches and looks have ended, after the signal aborted. */
  async stopped(): Promise<void> {
    await Promise.all([...this.#running, this.#patrol.stopped()]);
  }
}

function valuesOf(secret: KubeSecret): SecretValues {
  const decoder = new TextDecoder();
  return new Map(
    Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      new Secret(decoder.decode(Uint8Array.fromBase64(value))),
    ]),
  );
}
