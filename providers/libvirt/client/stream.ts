/** A libvirt stream: disk content that travels beside a call, under its serial. @module */
import { ProviderError } from "@virtrigaud/contract";
import { readError } from "./errors.ts";
import { type Packet, packetStatus } from "./packet.ts";
import { XdrReader } from "./xdr.ts";

/** Largest piece that every libvirt version takes is 262 120 bytes; smaller ones let other calls in between. */
const CHUNK_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

interface StreamOptions {
  readonly doing: string;
  /** Sends one packet; resolves when there is room for the next. */
  readonly send: (status: number, body: Uint8Array) => Promise<void>;
  /** Called once, when the stream is over. */
  readonly release: () => void;
}

/** One stream. It ends with the server's confirmation or with an error. */
export class LibvirtStream {
  readonly #options: StreamOptions;
  readonly #confirmed = Promise.withResolvers<void>();
  #failure: ProviderError | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
    // Whoever uploads sees the failure; without this line one that nobody waits for yet would end the process.
    this.#confirmed.promise.catch(() => {});
  }

  /**
   * Sends everything that `source` gives and waits until the server has confirmed it.
   * @throws {ProviderError} what the server answered, or `Unavailable`.
   */
  async upload(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    try {
      for await (const part of source) {
        for (let offset = 0; offset < part.byteLength; offset += CHUNK_BYTES) {
          if (this.#failure !== undefined) throw this.#failure;
          await this.#options.send(packetStatus.continue, part.subarray(offset, offset + CHUNK_BYTES));
        }
      }
    } catch (error) {
      if (this.#failure === undefined) await this.#options.send(packetStatus.error, NOTHING);
      this.#options.release();
      throw error;
    }
    if (this.#failure !== undefined) throw this.#failure;
    await this.#options.send(packetStatus.ok, NOTHING);
    await this.#confirmed.promise;
  }

  /** A packet of this stream has come in. */
  receive(packet: Packet): void {
    switch (packet.status) {
      case packetStatus.error:
        return this.fail(readError(new XdrReader(packet.body), this.#options.doing));
      case packetStatus.ok:
        this.#confirmed.resolve();
        return this.#options.release();
      default:
        return this.fail(new ProviderError("Unavailable", `${this.#options.doing}: libvirt sent data on an upload`));
    }
  }

  /** The stream can go no further. */
  fail(error: ProviderError): void {
    this.#failure = error;
    this.#confirmed.reject(error);
    this.#options.release();
  }
}
