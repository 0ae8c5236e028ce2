import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { encodePacket, type Packet, PacketAssembler, packetStatus, packetType, program } from "./packet.ts";
import { XdrError } from "./xdr.ts";

const packet = (serial: number, body: Uint8Array): Packet => ({
  program: program.remote,
  procedure: 66,
  type: packetType.call,
  serial,
  status: packetStatus.ok,
  body,
});

Deno.test("a call to ask for authentication has the bytes that libvirtd expects", () => {
  assertEquals(
    encodePacket(packet(1, new Uint8Array(0))).toHex(),
    "0000001c" + "20008086" + "00000001" + "00000042" + "00000000" + "00000001" + "00000000",
  );
});

Deno.test("packets come out whole and in order, however the stream is cut", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }),
    fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1 }),
    (bodies, cuts) => {
      const sent = bodies.map((body, index) => packet(index + 1, body));
      const bytes = new Uint8Array(sent.flatMap((each) => [...encodePacket(each)]));
      const assembler = new PacketAssembler();
      const received: Packet[] = [];
      for (let offset = 0, cut = 0; offset < bytes.length; cut++) {
        const length = cuts[cut % cuts.length] ?? 1;
        received.push(...assembler.push(bytes.subarray(offset, offset + length)));
        offset += length;
      }
      assertEquals(
        received.map((each) => ({ ...each, body: [...each.body] })),
        sent.map((each) => ({ ...each, body: [...each.body] })),
      );
    },
  ));
});

Deno.test("a length that no packet can have ends the stream", () => {
  for (const length of ["00000000", "0000001b", "ffffffff", "02000005"]) {
    assertThrows(() => new PacketAssembler().push(Uint8Array.fromHex(length)), XdrError, "packet length");
  }
  const wrongVersion = encodePacket(packet(1, new Uint8Array(0)));
  wrongVersion[11] = 2;
  assertThrows(() => new PacketAssembler().push(wrongVersion), XdrError, "version");
});
