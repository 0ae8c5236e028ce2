/** The other end of a connection, in memory: tests say what it answers. @module */
import { Duplex } from "node:stream";
import { LibvirtConnection } from "../client/connection.ts";
import { encodePacket, type Packet, PacketAssembler, packetStatus, packetType, program } from "../client/packet.ts";
import { XdrWriter } from "../client/xdr.ts";
import { FakeClock } from "@virtrigaud/resilience";

/** A connection under fake time, and the server's side of it. */
export class FakeLibvirtd {
  readonly clock = new FakeClock();
  /** Every packet that the client has sent. */
  readonly received: Packet[] = [];
  readonly connection: LibvirtConnection;
  readonly duplex: Duplex;
  readonly #assembler = new PacketAssembler();

  constructor(options: { readonly keepAliveMs?: number } = {}) {
    this.duplex = new Duplex({
      read: () => {},
      write: (chunk: Uint8Array, _encoding, done) => {
        this.received.push(...this.#assembler.push(chunk));
        done();
      },
    });
    this.connection = new LibvirtConnection(this.duplex, { clock: this.clock, ...options });
  }

  /** The calls among what was received. */
  get calls(): Packet[] {
    return this.received.filter((packet) => packet.program === program.remote && packet.type === packetType.call);
  }

  send(packet: Partial<Packet>): void {
    this.duplex.push(encodePacket({
      program: program.remote,
      procedure: 0,
      type: packetType.reply,
      serial: 0,
      status: packetStatus.ok,
      body: new Uint8Array(0),
      ...packet,
    }));
  }

  /** Answers `call`. */
  reply(call: Packet | undefined, write: (w: XdrWriter) => unknown = () => {}): void {
    const writer = new XdrWriter();
    write(writer);
    this.send({ procedure: call?.procedure ?? 0, serial: call?.serial ?? 0, body: writer.bytes() });
  }

  /** Answers `call` with an error of libvirt's. */
  refuse(call: Packet | undefined, code: number, message: string, type: number = packetType.reply): void {
    const body = new XdrWriter().i32(code).i32(10).optional(message, (w, text) => w.string(text)).i32(2)
      .bool(false).bool(false).bool(false).bool(false).i32(0).i32(0).bool(false).bytes();
    this.send({ procedure: call?.procedure ?? 0, serial: call?.serial ?? 0, status: packetStatus.error, type, body });
  }
}
