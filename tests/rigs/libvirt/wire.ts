/** A cable between an operator and a host that can be cut, or left hanging. @module */
import { createConnection, createServer, type Socket } from "node:net";

/** Where the cable leads: a port of this machine, or a unix socket. */
export type WireEnd = { readonly host: "127.0.0.1"; readonly port: number } | { readonly path: string };

/** Shown what passes, when it is on its way. */
export type WireWatch = (chunk: Uint8Array, from: "operator" | "host") => void;

/** How to lay a wire. */
export interface WireOptions {
  readonly watch?: WireWatch;
  /** Unix socket to listen at; default: a free port of the loopback. */
  readonly listen?: string;
}

/** A TCP relay that counts what it carries. */
export class Wire implements AsyncDisposable {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server;
  readonly #end: WireEnd;
  readonly #watch: WireWatch | undefined;
  #state: "Whole" | "HalfOpen" | "Cut" = "Whole";
  #port = 0;
  #connections = 0;
  #bytes = 0;
  #pieces = 0;

  private constructor(end: WireEnd, watch: WireWatch | undefined) {
    this.#end = end;
    this.#watch = watch;
    this.#server = createServer((near) => this.#join(near));
  }

  /** Listens; connections are made onward as they come in. */
  static async to(end: WireEnd, { watch, listen }: WireOptions = {}): Promise<Wire> {
    const wire = new Wire(end, watch);
    await new Promise<void>((resolve) => {
      if (listen === undefined) wire.#server.listen(0, "127.0.0.1", resolve);
      else wire.#server.listen(listen, resolve);
    });
    const address = wire.#server.address();
    wire.#port = typeof address === "object" && address !== null ? address.port : 0;
    return wire;
  }

  /** 0 for one that listens at a unix socket. */
  get port(): number {
    return this.#port;
  }

  /** Connections made through it so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Those that stand now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** What was carried so far, both ways together: bytes, and the pieces that they came in. */
  get carried(): { readonly bytes: number; readonly pieces: number } {
    return { bytes: this.#bytes, pieces: this.#pieces };
  }

  /** Swallows everything from now on and says nothing: as a host without power, or a firewall that has forgotten. */
  hang(): void {
    this.#state = "HalfOpen";
  }

  /** Resets every connection and refuses new ones. */
  cut(): void {
    this.#state = "Cut";
    this.#dropAll();
  }

  /** Carries again; what hung before is gone. */
  heal(): void {
    this.#dropAll();
    this.#state = "Whole";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dropAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #dropAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  #join(near: Socket): void {
    if (this.#state === "Cut") return void near.destroy();
    this.#connections++;
    const far = createConnection(this.#end);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.setNoDelay(true);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        // The other side learns of it when the wire is healed.
        if (this.#state === "HalfOpen") return;
        this.#pairs.delete(pair);
        to.destroy();
      });
      from.on("data", (chunk: Uint8Array) => {
        if (this.#state === "HalfOpen") return;
        this.#bytes += chunk.byteLength;
        this.#pieces++;
        if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
        this.#watch?.(chunk, from === near ? "operator" : "host");
      });
    }
  }
}
