/** What a provider changes at libvirt, read off the wire as it passes. @module */
import { PacketAssembler, packetType, program } from "../client/packet.ts";
import { procedure, procedureName } from "../client/procedures.ts";

/** Calls that change something on the host. */
const CHANGES =
  /^(volume(Create|Delete|Resize|Upload)|domain(Create|Define|Destroy|Undefine|Attach|Detach|Set|BlockR|BackupB)|snapshot(Cr|Rev|Del))/;
const changing = new Set<number>(
  Object.entries(procedure).filter(([name]) => CHANGES.test(name)).map(([, number]) => number),
);

/** Tells what goes by in one direction of one connection. */
export class ChangingCalls {
  #assembler = new PacketAssembler();

  /** Names of the changing calls in a chunk; a piece of content that is sent counts as one, `content`. */
  *in(chunk: Uint8Array): Generator<string> {
    for (const packet of this.#assembler.push(chunk)) {
      if (packet.program !== program.remote) continue;
      if (packet.type === packetType.stream) yield "content";
      else if (packet.type === packetType.call && changing.has(packet.procedure)) yield procedureName(packet.procedure);
    }
  }

  /** What was half said on a connection that broke is not the beginning of anything on the next. */
  forget(): void {
    this.#assembler = new PacketAssembler();
  }
}
