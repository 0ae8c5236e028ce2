/** What a stand-by sees of the process that holds the Lease, besides the Lease. @module */
import type { Lease } from "@virtrigaud/kube";
import type { RuntimeLog } from "./observe.ts";

/** How processes see each other. */
export interface Presence {
  /** Where others can see this process, for their {@linkcode Presence.untilGone}. Default: nowhere. */
  readonly address?: string;
  /** Resolves when the process at `address` has certainly ended; rejects when `signal` aborts. See `untilPeerGone`. */
  untilGone(address: string, signal: AbortSignal): Promise<void>;
}

/** On the Lease: identity of its holder and where to see it, apart by a blank; void when the identity is not the holder's. */
const ADDRESS_ANNOTATION = "virtrigaud.io/holder-address";

/** What goes with the Lease of this holder. */
export function addressAnnotation(presence: Presence | undefined, identity: string): Record<string, string> {
  return presence?.address === undefined ? {} : { [ADDRESS_ANNOTATION]: `${identity} ${presence.address}` };
}

/**
 * Follows the holder of a Lease, to know at once when it has ended.
 *
 * Assumption: who takes over early may be wrong about that. Then two act until the older renews (`retryPeriodMs`), and
 * the fence tells them apart, as it does when a holder was stopped for longer than its Lease lasts.
 */
export class HolderWatch {
  readonly #presence: Presence | undefined;
  readonly #log: RuntimeLog;
  #followed: { readonly holder: string; readonly ended: Promise<void> } | undefined;
  #stop = new AbortController();
  #gone = new AbortController();

  constructor(presence: Presence | undefined, log: RuntimeLog) {
    this.#presence = presence;
    this.#log = log;
  }

  /** Aborts when the holder that is followed has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Whether this holder was followed and has ended. */
  isGone(holder: string): boolean {
    return this.#followed?.holder === holder && this.#gone.signal.aborted;
  }

  /** Follows the holder of `lease`, and nobody before it any more. */
  follow(lease: Lease): void {
    const holder = lease.spec?.holderIdentity ?? "";
    if (this.#presence === undefined || this.#followed?.holder === holder) return;
    const [identity, address] = lease.metadata.annotations?.[ADDRESS_ANNOTATION]?.split(" ") ?? [];
    if (identity !== holder || address === undefined) return;
    this.#stop.abort();
    const [stop, gone] = [new AbortController(), new AbortController()];
    [this.#stop, this.#gone] = [stop, gone];
    const ended = this.#presence.untilGone(address, stop.signal).then(() => {
      this.#log.info("the holder of the lease has ended", { holder, address });
      gone.abort();
    }, () => {});
    this.#followed = { holder, ended };
  }

  /** Follows nobody any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#followed?.ended;
    this.#followed = undefined;
    this.#gone = new AbortController();
  }
}
