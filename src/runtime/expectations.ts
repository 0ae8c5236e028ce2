/** Reads-your-writes: which version each key has to wait for. @module */
import { compareResourceVersions, type ObjectKey } from "@virtrigaud/kube";

/** Above this many entries, those that are met are swept out. */
const SWEEP_AT = 4096;
/** Own versions that are remembered: more than are written in the second within which somebody asks. */
const OWN = 4096;

/** Versions that were written and not yet seen. Fed by an informer as it advances. */
export class Expectations {
  #seen: string | undefined;
  readonly #expected = new Map<ObjectKey, string>();
  readonly #own = new Map<ObjectKey, string>();
  readonly #waiting = new Map<ObjectKey, (() => void)[]>();

  /** The newest version that the store has seen. */
  get seen(): string | undefined {
    return this.#seen;
  }

  expect(key: ObjectKey, resourceVersion: string | undefined): void {
    if (resourceVersion === undefined) return;
    this.#remember(key, resourceVersion);
    if (this.#met(resourceVersion)) return;
    const present = this.#expected.get(key);
    if (present !== undefined && compareResourceVersions(present, resourceVersion) >= 0) return;
    this.#expected.set(key, resourceVersion);
    if (this.#expected.size > SWEEP_AT) {
      for (const [other, version] of this.#expected) if (this.#met(version)) this.#expected.delete(other);
    }
  }

  /** Whether `version` was written here, or is one that such a write was made over. */
  isOwn(key: ObjectKey, version: string): boolean {
    const own = this.#own.get(key);
    return own !== undefined && compareResourceVersions(version, own) <= 0;
  }

  /** `version` has come after newer ones: whoever looked meanwhile did so without what was written then. */
  late(key: ObjectKey, version: string | undefined): void {
    if (version !== undefined && this.#met(version)) this.#own.delete(key);
  }

  fresh(key: ObjectKey): boolean {
    const version = this.#expected.get(key);
    if (version === undefined) return true;
    if (!this.#met(version)) return false;
    this.#expected.delete(key);
    return true;
  }

  whenFresh(key: ObjectKey, callback: () => void): void {
    if (this.fresh(key)) return callback();
    const callbacks = this.#waiting.get(key);
    if (callbacks === undefined) this.#waiting.set(key, [callback]);
    else callbacks.push(callback);
  }

  /** The store has seen `version`. */
  advance(version: string | undefined): void {
    if (version === undefined) return;
    if (this.#seen === undefined || compareResourceVersions(version, this.#seen) > 0) this.#seen = version;
    this.#wake();
  }

  /** What is expected now; for {@linkcode restart}. */
  snapshot(): ReadonlyMap<ObjectKey, string> {
    return new Map(this.#expected);
  }

  /**
   * The store was filled anew by a list of the most recent state, as of `version`. A list that began after a write
   * contains it, whatever the numbers say: after the restore of a backup they start again lower.
   */
  restart(version: string | undefined, beforeList: ReadonlyMap<ObjectKey, string>): void {
    this.#seen = version;
    this.#own.clear();
    for (const [key, expected] of beforeList) if (this.#expected.get(key) === expected) this.#expected.delete(key);
    this.#wake();
  }

  #remember(key: ObjectKey, version: string): void {
    this.#own.delete(key);
    this.#own.set(key, version);
    if (this.#own.size <= OWN) return;
    for (const oldest of this.#own.keys()) {
      this.#own.delete(oldest);
      break;
    }
  }

  #met(version: string): boolean {
    return this.#seen !== undefined && compareResourceVersions(this.#seen, version) >= 0;
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    for (const [key, callbacks] of this.#waiting) {
      if (!this.fresh(key)) continue;
      this.#waiting.delete(key);
      for (const callback of callbacks) callback();
    }
  }
}
