/** Framing of libvirt's RPC: a length, a header of six words, a body (`virnetprotocol.x`). @module */
import { XdrError } from "./xdr.ts";

/** Programs that share one connection. */
export const program = { remote: 0x20008086, qemu: 0x20008087, keepAlive: 0x6b656570 } as const;
/** What a packet is. */
export const packetType = { call: 0, reply: 1, message: 2, stream: 3 } as const;
/** How it stands with what the packet belongs to; `continue` is only for streams. */
export const packetStatus = { ok: 0, error: 1, continue: 2 } as const;

/** Length word and header. */
const HEADER_BYTES = 28;
/** Largest packet that libvirt itself sends or takes, bytes (`VIR_NET_MESSAGE_MAX`, plus the length word). */
export const PACKET_MAX = 32 * 1024 * 1024 + 4;

/** One packet, its body not decoded yet. */
export interface Packet {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly body: Uint8Array;
}

/** The bytes of a packet. All programs have version 1. */
export function encodePacket(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + packet.body.byteLength);
  const view = new DataView(bytes.buffer);
  const header = [packet.program, 1, packet.procedure, packet.type, packet.serial, packet.status];
  view.setUint32(0, bytes.byteLength);
  header.forEach((word, index) => view.setUint32(4 + index * 4, word));
  bytes.set(packet.body, HEADER_BYTES);
  return bytes;
}

/** Cuts a stream of bytes into packets, however the bytes arrive. */
export class PacketAssembler {
  #chunks: Uint8Array[] = [];
  #buffered = 0;

  /**
   * Takes the next bytes and gives the packets that are complete now.
   * @throws {XdrError} on a length that no packet can have.
   */
  push(chunk: Uint8Array): Packet[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.byteLength;
    const packets: Packet[] = [];
    while (this.#buffered >= 4) {
      const head = this.#peek(4);
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (length < HEADER_BYTES || length > PACKET_MAX) {
        throw new XdrError(`packet length ${length} is outside ${HEADER_BYTES}..${PACKET_MAX}`);
      }
      if (this.#buffered < length) break;
      packets.push(decode(this.#take(length)));
    }
    return packets;
  }

  #peek(length: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && first.byteLength >= length) return first.subarray(0, length);
    return this.#join().subarray(0, length);
  }

  #take(length: number): Uint8Array {
    const first = this.#chunks[0];
    const bytes = first !== undefined && first.byteLength >= length ? first : this.#join();
    const rest = bytes.subarray(length);
    if (rest.byteLength > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#buffered -= length;
    return bytes.subarray(0, length);
  }

  #join(): Uint8Array {
    const joined = new Uint8Array(this.#buffered);
    let offset = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, offset);
      offset += chunk.byteLength;
    }
    this.#chunks = [joined];
    return joined;
  }
}

function decode(bytes: Uint8Array): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => view.getUint32(4 + index * 4);
  if (word(1) !== 1) throw new XdrError(`program version ${word(1)} is not known, expected 1`);
  return {
    program: word(0),
    procedure: word(2),
    type: word(3),
    serial: word(4),
    status: word(5),
    body: bytes.subarray(HEADER_BYTES),
  };
}
