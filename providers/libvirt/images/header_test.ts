import { assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { readHeader } from "./header.ts";

function bytes(length: number, ...parts: [offset: number, content: string | number[]][]): Uint8Array {
  const all = new Uint8Array(length);
  for (const [offset, content] of parts) {
    all.set(typeof content === "string" ? [...content].map((char) => char.charCodeAt(0)) : content, offset);
  }
  return all;
}

const qcow2 = (...parts: [number, number[]][]) => bytes(104, [0, "QFI\xfb"], [4, [0, 0, 0, 3]], ...parts);

Deno.test("formats are told by what is in the file", () => {
  assertEquals(readHeader(qcow2()), { format: "qcow2" });
  assertEquals(readHeader(bytes(512, [0, "KDMV"])), { format: "vmdk" });
  assertEquals(readHeader(bytes(512, [0, "conectix"], [60, [0, 0, 0, 3]])), { format: "vpc" });
  assertEquals(readHeader(bytes(512, [0, "vhdxfile"])), { format: "vhdx" });
  assertEquals(readHeader(bytes(512, [64, [0x7f, 0x10, 0xda, 0xbe]])), { format: "vdi" });
  assertEquals(readHeader(bytes(512, [510, [0x55, 0xaa]])), { format: "raw" });
  assertEquals(readHeader(bytes(0)), { format: "raw" });
});

Deno.test("images that would have the host open other files are refused", () => {
  const dangerous: [string, Uint8Array][] = [
    ["qcow2 with a backing file", qcow2([8, [0, 0, 0, 0, 0, 0, 1, 0]])],
    ["qcow2 with an external data file", qcow2([72, [0, 0, 0, 0, 0, 0, 0, 4]])],
    ["vmdk descriptor", bytes(512, [0, '# Disk DescriptorFile\nRW 1 FLAT "/etc/shadow" 0'])],
    ["vmdk with a parent", bytes(1024, [0, "KDMV"], [512, "parentCID=1234abcd\n"])],
    ["vmdk with a parent's name", bytes(1024, [0, "KDMV"], [512, 'parentFileNameHint="/etc/shadow"\n'])],
    ["differencing vpc", bytes(512, [0, "conectix"], [60, [0, 0, 0, 4]])],
  ];
  for (const [name, image] of dangerous) assertEquals(readHeader(image).refused === undefined, false, name);
  assertEquals(readHeader(bytes(1024, [0, "KDMV"], [512, 'parentCID=ffffffff\nRW 8 SPARSE "x"\n'])).refused, undefined);
});

Deno.test("any bytes at all can be read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom("", "QFI\xfb", "KDMV", "conectix"), (tail, mark) => {
      readHeader(bytes(mark.length + tail.length, [0, mark], [mark.length, [...tail]]));
    }),
  );
});
