/** One connection to libvirtd: calls by serial, pushed events, streams, keepalive. @module */
import type { Duplex } from "node:stream";
import { ProviderError } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import { readError } from "./errors.ts";
import { type Lane, Lanes } from "./lanes.ts";
import { encodePacket, type Packet, PacketAssembler, packetStatus, packetType, program } from "./packet.ts";
import { type Procedure, procedureName } from "./procedures.ts";
import { LibvirtStream } from "./stream.ts";
import { XdrReader, XdrWriter } from "./xdr.ts";

/** One remote procedure call. */
export interface Call<T> {
  readonly procedure: Procedure;
  /** Whose procedure it is. Default {@linkcode program.remote}. */
  readonly program?: number;
  /** What is being done to what, for error messages: `start domain "web-1"`. */
  readonly doing: string;
  readonly args?: (writer: XdrWriter) => unknown;
  readonly reply?: (reader: XdrReader) => T;
  /** Default `normal`. */
  readonly lane?: Lane;
  /** How long the answer may take, milliseconds. Default 60 000: libvirt itself waits up to 30 s for a lock. */
  readonly timeoutMs?: number;
}

/** Anything that carries calls to libvirt. */
export interface Rpc {
  /** @throws {ProviderError} of the class that libvirt's error means, `Timeout`, or `Unavailable` if the connection is gone. */
  call<T = void>(call: Call<T>, options?: { readonly signal?: AbortSignal }): Promise<T>;
  /** The same for a call that opens a stream; resolves when the server is ready for data. */
  openStream(call: Call<void>, options?: { readonly signal?: AbortSignal }): Promise<LibvirtStream>;
}

/** An event that the server pushed, body not decoded. */
export type EventHandler = (procedure: number, reader: XdrReader) => void;

/** Settings of {@linkcode LibvirtConnection}. */
export interface ConnectionOptions {
  readonly clock: Clock;
  /**
   * Silence after which a ping is sent, milliseconds. Default 2 000; after four times that the connection is given up, or
   * after 15 times while disk content flows, which libvirtd reads no faster than its disks write.
   */
  readonly keepAliveMs?: number;
}

const KEEPALIVE_PING = 1;
const KEEPALIVE_PONG = 2;
const KEEPALIVE_PATIENCE = 4;
const KEEPALIVE_PATIENCE_STREAMING = 15;
const CALL_TIMEOUT_MS = 60_000;

interface Pending {
  readonly doing: string;
  readonly settle: (packet: Packet) => void;
  readonly fail: (error: ProviderError) => void;
}

/** Guarantees: every call settles; after the end all of them, and all streams, fail with `Unavailable`. */
export class LibvirtConnection implements Rpc {
  readonly #duplex: Duplex;
  readonly #clock: Clock;
  readonly #lanes = new Lanes();
  readonly #assembler = new PacketAssembler();
  readonly #pending = new Map<number, Pending>();
  readonly #streams = new Map<number, LibvirtStream>();
  readonly #handlers = new Set<EventHandler>();
  readonly #keepAliveMs: number;
  readonly #ended = Promise.withResolvers<ProviderError>();
  #cancelKeepAlive: () => void = () => {};
  #lastHeard: number;
  #serial = 0;
  #end: ProviderError | undefined;

  /** Takes over `duplex`, which is connected to libvirtd's socket. */
  constructor(duplex: Duplex, options: ConnectionOptions) {
    this.#duplex = duplex;
    this.#clock = options.clock;
    this.#keepAliveMs = options.keepAliveMs ?? 2_000;
    this.#lastHeard = this.#clock.monotonic();
    duplex.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    duplex.on("error", (error: Error) => this.#finish(`connection to libvirt failed: ${error.message}`, error));
    duplex.on("close", () => this.#finish("connection to libvirt was closed by the other side"));
    duplex.on("end", () => this.#finish("connection to libvirt was closed by the other side"));
  }

  /** Resolves with the reason when the connection has ended. */
  get ended(): Promise<ProviderError> {
    return this.#ended.promise;
  }

  /** Whether calls can still be made. */
  get usable(): boolean {
    return this.#end === undefined;
  }

  /** Adds a receiver of pushed events; the function returned removes it. */
  onEvent(handler: EventHandler): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Begins to ping when the other side is silent. Only after it has said that it knows keepalive. */
  startKeepAlive(): void {
    const tick = () => {
      const silence = this.#clock.monotonic() - this.#lastHeard;
      const patience = this.#streams.size > 0 ? KEEPALIVE_PATIENCE_STREAMING : KEEPALIVE_PATIENCE;
      if (silence >= this.#keepAliveMs * patience) {
        return this.#finish(`libvirt has not answered for ${Math.round(silence / 1000)} s; connection given up`);
      }
      if (silence >= this.#keepAliveMs) this.#sendKeepAlive(KEEPALIVE_PING);
      this.#cancelKeepAlive = this.#clock.setTimeout(tick, this.#keepAliveMs);
    };
    this.#cancelKeepAlive = this.#clock.setTimeout(tick, this.#keepAliveMs);
  }

  call<T = void>(call: Call<T>, options: { readonly signal?: AbortSignal } = {}): Promise<T> {
    return this.#call(call, options.signal);
  }

  async openStream(call: Call<void>, options: { readonly signal?: AbortSignal } = {}): Promise<LibvirtStream> {
    const opened = Promise.withResolvers<LibvirtStream>();
    await this.#call(call, options.signal, opened.resolve);
    return await opened.promise;
  }

  #call<T>(call: Call<T>, signal?: AbortSignal, onStream?: (stream: LibvirtStream) => void): Promise<T> {
    const lane = call.lane ?? "normal";
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (signal?.aborted) return Promise.reject(cancelled(call.doing));
    if (this.#end !== undefined) return Promise.reject(unavailable(call.doing, this.#end));
    const timeoutMs = call.timeoutMs ?? CALL_TIMEOUT_MS;
    let leaveQueue = (): void => {};
    let isGivenUp = false;
    const giveUp = (error: ProviderError) => {
      isGivenUp = true;
      leaveQueue();
      settled();
      reject(error);
    };
    const onAbort = () => giveUp(cancelled(call.doing));
    const cancelTimer = this.#clock.setTimeout(
      () => giveUp(new ProviderError("Timeout", `${call.doing}: libvirt did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const settled = () => {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    leaveQueue = this.#lanes.enter(lane, () => {
      if (this.#end !== undefined) return giveUp(unavailable(call.doing, this.#end));
      const serial = this.#nextSerial();
      // Before the call is sent: libvirtd may send the first content before its answer.
      const stream = onStream === undefined ? undefined : this.#openStream(call, serial);
      const pending: Pending = {
        doing: call.doing,
        // A caller may be gone by now; the answer still frees the lane, which is why it is waited for.
        settle: (packet) => {
          this.#lanes.leave(lane);
          settled();
          try {
            const result = readReply(packet, call);
            if (stream !== undefined) isGivenUp ? stream.abandon() : onStream?.(stream);
            resolve(result);
          } catch (error) {
            this.#streams.delete(serial);
            if (error instanceof ProviderError) return reject(error);
            reject(new ProviderError("Unavailable", `${call.doing}: ${errorText(error)}`, { cause: error }));
            throw error;
          }
        },
        fail: giveUp,
      };
      this.#send(call, serial, pending);
    });
    return promise;
  }

  /** Ends the connection; what is under way fails with `Unavailable`. */
  close(): void {
    this.#finish("connection to libvirt was closed by us");
  }

  #send<T>(call: Call<T>, serial: number, pending: Pending): void {
    const writer = new XdrWriter();
    try {
      call.args?.(writer);
    } catch (error) {
      this.#lanes.leave(call.lane ?? "normal");
      this.#streams.delete(serial);
      return pending.fail(new ProviderError("InvalidSpec", `${call.doing}: ${errorText(error)}`, { cause: error }));
    }
    this.#pending.set(serial, pending);
    const { procedure } = call;
    const body = writer.bytes();
    void this.#write({
      program: call.program ?? program.remote,
      procedure,
      type: packetType.call,
      serial,
      status: packetStatus.ok,
      body,
    });
  }

  #openStream<T>(call: Call<T>, serial: number): LibvirtStream {
    const { procedure, doing } = call;
    const stream = new LibvirtStream({
      doing,
      send: (status, body) =>
        this.#write({ program: program.remote, procedure, type: packetType.stream, serial, status, body }),
      release: () => void this.#streams.delete(serial),
    });
    this.#streams.set(serial, stream);
    return stream;
  }

  #nextSerial(): number {
    do this.#serial = (this.#serial + 1) >>> 0; while (
      this.#serial === 0 || this.#pending.has(this.#serial) || this.#streams.has(this.#serial)
    );
    return this.#serial;
  }

  /** Resolves when there is room for more. */
  #write(packet: Packet): Promise<void> {
    if (this.#end !== undefined) return Promise.resolve();
    const roomLeft = this.#duplex.write(encodePacket(packet));
    if (roomLeft) return Promise.resolve();
    return Promise.race([
      new Promise<void>((resolve) => this.#duplex.once("drain", resolve)),
      this.#ended.promise.then(() => {}),
    ]);
  }

  #sendKeepAlive(procedure: number): void {
    void this.#write({
      program: program.keepAlive,
      procedure,
      type: packetType.message,
      serial: 0,
      status: packetStatus.ok,
      body: new Uint8Array(0),
    });
  }

  #receive(chunk: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#lastHeard = this.#clock.monotonic();
    try {
      for (const packet of this.#assembler.push(chunk)) this.#dispatch(packet);
    } catch (error) {
      this.#finish(`libvirt sent bytes that do not follow its protocol: ${errorText(error)}`, error);
    }
  }

  #dispatch(packet: Packet): void {
    if (packet.program === program.keepAlive) {
      if (packet.procedure === KEEPALIVE_PING) this.#sendKeepAlive(KEEPALIVE_PONG);
      return;
    }
    switch (packet.type) {
      case packetType.message:
        for (const handler of this.#handlers) handler(packet.procedure, new XdrReader(packet.body));
        return;
      case packetType.stream:
        this.#streams.get(packet.serial)?.receive(packet);
        return;
      case packetType.reply: {
        const pending = this.#pending.get(packet.serial);
        this.#pending.delete(packet.serial);
        pending?.settle(packet);
        return;
      }
      default:
        return this.#finish(`libvirt sent a packet of unknown type ${packet.type}`);
    }
  }

  #finish(message: string, cause?: unknown): void {
    if (this.#end !== undefined) return;
    const end = new ProviderError("Unavailable", message, { cause });
    this.#end = end;
    this.#cancelKeepAlive();
    this.#duplex.destroy();
    for (const pending of this.#pending.values()) pending.fail(unavailable(pending.doing, end));
    this.#pending.clear();
    this.#lanes.release();
    for (const stream of [...this.#streams.values()]) stream.fail(end);
    this.#handlers.clear();
    this.#ended.resolve(end);
  }
}

function readReply<T>(packet: Packet, call: Call<T>): T {
  const reader = new XdrReader(packet.body);
  if (packet.status === packetStatus.error) throw readError(reader, call.doing);
  try {
    return call.reply?.(reader) as T;
  } catch (error) {
    throw new Error(`reply to ${procedureName(call.procedure)}: ${errorText(error)}`, { cause: error });
  }
}

const errorText = (error: unknown): string => error instanceof Error ? error.message : String(error);

const unavailable = (doing: string, end: ProviderError): ProviderError =>
  new ProviderError("Unavailable", `${doing}: ${end.message}`, { cause: end });

const cancelled = (doing: string): ProviderError =>
  new ProviderError("Timeout", `${doing}: the caller gave up waiting; whether it had an effect is unknown`);
