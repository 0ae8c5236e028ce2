/** What goes over the wire between provider and libvirtd: calls, pings, and how long libvirt itself was at work. @module */
import { PacketAssembler, packetStatus, packetType, program } from "../../providers/libvirt/client/packet.ts";
import { procedure } from "../../providers/libvirt/client/procedures.ts";
import type { WireWatch } from "../rigs/libvirt/mod.ts";

/** Calls that change something; all others only ask. */
const CHANGES =
  /^(volume(Create|Delete|Resize|Upload)|domain(Create|Define|Destroy|Undefine|Attach|Detach|Set|BlockR)|snapshot(Cr|Rev|Del))/;
const changing = new Set<number>(
  Object.entries(procedure).filter(([name]) => CHANGES.test(name)).map(([, number]) => number),
);

/** What was seen since the last look. */
export interface Reading {
  /** Time in which at least one changing call was with libvirt, ms: what the change takes whoever asks for it. */
  readonly workMs: number;
  readonly calls: number;
  /** Events that libvirt pushed. */
  readonly events: number;
  /** Pings and their answers. */
  readonly keepAlives: number;
}

/** Reads libvirt's protocol as it passes; for one connection at a time. */
export class Meter {
  readonly #sides = { operator: new PacketAssembler(), host: new PacketAssembler() };
  /** Serials of changing calls under way; an upload lasts until its stream is confirmed. */
  readonly #working = new Map<number, { readonly isStream: boolean }>();
  #since = 0;
  #workMs = 0;
  #calls = 0;
  #events = 0;
  #keepAlives = 0;

  /** For a wire. */
  readonly watch: WireWatch = (chunk, from) => {
    for (const packet of this.#sides[from].push(chunk)) {
      if (packet.program === program.keepAlive) this.#keepAlives++;
      else if (packet.type === packetType.message) this.#events++;
      else if (packet.type === packetType.call) {
        this.#calls++;
        if (packet.program === program.remote && changing.has(packet.procedure)) {
          this.#begin(packet.serial, packet.procedure === procedure.volumeUpload);
        }
      } else if (from === "host") this.#hear(packet.serial, packet.type, packet.status);
    }
  };

  /** What was seen since the last call of this. */
  take(): Reading {
    const reading = {
      workMs: this.#workMs,
      calls: this.#calls,
      events: this.#events,
      keepAlives: this.#keepAlives,
    };
    this.#workMs =
      this.#calls =
      this.#events =
      this.#keepAlives =
        0;
    return reading;
  }

  #begin(serial: number, isStream: boolean): void {
    if (this.#working.size === 0) this.#since = performance.now();
    this.#working.set(serial, { isStream });
  }

  #hear(serial: number, type: number, status: number): void {
    const call = this.#working.get(serial);
    if (call === undefined) return;
    if (call.isStream && type === packetType.reply && status === packetStatus.ok) return;
    this.#working.delete(serial);
    if (this.#working.size === 0) this.#workMs += performance.now() - this.#since;
  }
}
