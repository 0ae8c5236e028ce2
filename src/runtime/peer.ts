/** Whether another process still runs, seen from one of its ports. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";

/** A connection, as far as it matters here. */
export interface PeerConnection {
  /** Resolves when the other end has let go of it, in whatever way. */
  ended(): Promise<void>;
  close(): void;
}

/** Options of {@linkcode untilPeerGone}. */
export interface PeerOptions {
  readonly signal: AbortSignal;
  /** Opens a connection; throws `Deno.errors.ConnectionRefused` when nobody listens. Default TCP. */
  readonly connect?: (address: string, signal: AbortSignal) => Promise<PeerConnection>;
  readonly clock?: Clock;
}

/** Between attempts that told nothing. */
const PAUSE_MS = 2_000;
/** A connection that lived shorter than this is not opened again at once. */
const SHORT_MS = 500;

/**
 * Resolves when the process that listens at `address` (`host:port`) has ended: a connection to it was open, broke, and
 * the next is refused, because the kernel has closed what belonged to the process. A host that does not answer proves
 * nothing, and neither does a refusal by whom nobody has seen.
 *
 * @throws the reason of `signal` when it aborts
 */
export async function untilPeerGone(address: string, options: PeerOptions): Promise<void> {
  const { signal, connect = connectTcp, clock = systemClock } = options;
  for (let seen = false;;) {
    signal.throwIfAborted();
    const start = clock.monotonic();
    try {
      const connection = await connect(address, signal);
      seen = true;
      const onAbort = () => connection.close();
      signal.addEventListener("abort", onAbort, { once: true });
      await connection.ended();
      signal.removeEventListener("abort", onAbort);
      if (!signal.aborted) connection.close();
      if (clock.monotonic() - start >= SHORT_MS) continue;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Deno.errors.ConnectionRefused && seen) return;
      seen = false;
    }
    // A connection that ends at once may be one of the last: whether the next is refused is seen soon.
    await clock.sleep(seen ? SHORT_MS / 5 : PAUSE_MS, { signal });
  }
}

async function connectTcp(address: string, signal: AbortSignal): Promise<PeerConnection> {
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const connection = await Deno.connect({ hostname, port: Number(address.slice(colon + 1)), signal });
  return {
    async ended() {
      const buffer = new Uint8Array(1024);
      try {
        while (await connection.read(buffer) !== null);
      } catch {
        // Reset, or closed by ourselves: ended as well.
      }
    },
    close: () => connection.close(),
  };
}
