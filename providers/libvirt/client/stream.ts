/** A libvirt stream: disk content that travels beside a call, under its serial. @module */
import { ProviderError } from "@virtrigaud/contract";
import { readError } from "./errors.ts";
import { type Packet, packetStatus } from "./packet.ts";
import { XdrReader } from "./xdr.ts";

/** Largest piece that every libvirt version takes is 262 120 bytes; smaller ones let other calls in between. */
const CHUNK_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);
/** Most that is held of what the server sends: it is asked for less at a time. */
const RECEIVED_MAX = 16 * 1024 * 1024;

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
  readonly #endOfData = Promise.withResolvers<void>();
  readonly #received: Uint8Array[] = [];
  #receivedBytes = 0;
  #uploading = false;
  #failure: ProviderError | undefined;

  constructor(options: StreamOptions) {
    this.#options = options;
    // Whoever uploads sees the failure; without this line one that nobody waits for yet would end the process.
    this.#confirmed.promise.catch(() => {});
    this.#endOfData.promise.catch(() => {});
  }

  /**
   * Sends everything that `source` gives and waits until the server has confirmed it.
   * @throws {ProviderError} what the server answered, or `Unavailable`.
   */
  async upload(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    this.#uploading = true;
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

  /**
   * Everything that the server sends, in pieces.
   * @throws {ProviderError} what the server answered, or `Unavailable`.
   */
  async download(): Promise<readonly Uint8Array[]> {
    await this.#endOfData.promise;
    await this.#options.send(packetStatus.ok, NOTHING);
    await this.#confirmed.promise;
    return this.#received;
  }

  /** Ends it for both sides, because nobody waits for it any more. */
  abandon(): void {
    void this.#options.send(packetStatus.error, NOTHING);
    this.#options.release();
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
        return this.#take(packet.body);
    }
  }

  #take(data: Uint8Array): void {
    const fail = (why: string) => this.fail(new ProviderError("Unavailable", `${this.#options.doing}: ${why}`));
    if (this.#uploading) return fail("libvirt sent data on an upload");
    // A piece without content is the end.
    if (data.byteLength === 0) return this.#endOfData.resolve();
    this.#receivedBytes += data.byteLength;
    if (this.#receivedBytes > RECEIVED_MAX) return fail("libvirt sent more than it was asked for");
    // The packet is a view into what came in with others, and would keep all of that alive.
    this.#received.push(data.slice());
  }

  /** The stream can go no further. */
  fail(error: ProviderError): void {
    this.#failure = error;
    this.#confirmed.reject(error);
    this.#endOfData.reject(error);
    this.#options.release();
  }
}
