/** Secrets by name: read when they are needed, waited for when they are missing, never cached as a whole. @module */
import {
  keyOf,
  type KubeClient,
  type KubeObject,
  type ObjectName,
  type Secret as KubeSecret,
  SECRETS,
} from "@virtrigaud/kube";
import { Informer, type InformerEnvironment } from "@virtrigaud/runtime";
import { Secret } from "@virtrigaud/telemetry";
import { whenFresh } from "./when_fresh.ts";

/** Values of a Secret by key, decoded as UTF-8. */
export type SecretValues = ReadonlyMap<string, Secret<string>>;

/** A Secret as it was read: its values, and the resource version that they are of. */
export interface SecretReading {
  readonly values: SecretValues;
  readonly version: string;
}

/**
 * Reads Secrets by name and watches single ones, so that the manager needs no right to list all of a cluster.
 *
 * Caveat: one watch, and with it one connection, per Secret that is followed: provider credentials, and the user-data of
 * VMs. Many VMs that name one Secret share its watch.
 */
export class SecretSource {
  readonly #client: KubeClient;
  readonly #environment: InformerEnvironment;
  readonly #signal: AbortSignal;
  readonly #followed = new Map<string, Followed>();
  readonly #running = new Set<Promise<void>>();

  /** @param signal ends all watches */
  constructor(client: KubeClient, environment: InformerEnvironment, signal: AbortSignal) {
    this.#client = client;
    this.#environment = environment;
    this.#signal = signal;
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
   * one listener for each `who`.
   */
  follow(name: ObjectName, who: string, listener: () => void): void {
    const key = keyOf(name);
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      followed = new Followed(this.#environment, name, this.#signal);
      this.#followed.set(key, followed);
      const { stopped } = followed;
      this.#running.add(stopped);
      void stopped.finally(() => this.#running.delete(stopped));
    }
    followed.add(who, listener);
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

  /** Resolves when all watches have ended, after the signal aborted. */
  async stopped(): Promise<void> {
    await Promise.all(this.#running);
  }
}

class Followed {
  readonly stopped: Promise<void>;
  readonly #informer: Informer<KubeSecret>;
  readonly #listeners = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #key: string;

  constructor(environment: InformerEnvironment, name: ObjectName, signal: AbortSignal) {
    this.#key = keyOf(name);
    this.#informer = new Informer(environment, SECRETS, {
      ...(name.namespace === undefined ? {} : { namespace: name.namespace }),
      fieldSelector: `metadata.name=${name.name}`,
      // Only that it changed is of interest here; the content is read when it is needed.
      transform: withoutContent,
    });
    this.#informer.addHandler(() => this.#tell());
    this.stopped = this.#informer.run(AbortSignal.any([signal, this.#stop.signal]));
    void this.#informer.whenSynced({ signal }).then(() => this.#tell(), () => {});
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

  add(who: string, listener: () => void): void {
    this.#listeners.set(who, listener);
  }

  /** Whether nobody is left; then it has ended. */
  remove(who: string): boolean {
    this.#listeners.delete(who);
    if (this.#listeners.size > 0) return false;
    this.#stop.abort();
    return true;
  }

  #tell(): void {
    // Nobody has to be told that it is as he knows it: not before the first look at what is there.
    if (!this.#informer.synced) return;
    for (const listener of [...this.#listeners.values()]) listener();
  }
}

function withoutContent<T extends KubeObject>(object: T): T {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata } as T;
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
