import { assert, assertEquals, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { type IsoFile, isoImage } from "./iso9660.ts";

const SECTOR = 2048;

/** A reader of its own: the files of the tree that the descriptor of `type` names (1 primary, 2 Joliet). */
function readFiles(image: Uint8Array, type: 1 | 2): Map<string, Uint8Array> {
  const view = new DataView(image.buffer);
  const sectorOf = (index: number) => image.subarray(index * SECTOR, (index + 1) * SECTOR);
  let index = 16;
  while (sectorOf(index)[0] !== type) {
    assert(sectorOf(index)[0] !== 255, "descriptor not found");
    index++;
  }
  const at = index * SECTOR;
  assertEquals(new TextDecoder().decode(image.subarray(at + 1, at + 6)), "CD001");
  assertEquals(view.getUint32(at + 80, true) * SECTOR, image.byteLength);
  const decode = (bytes: Uint8Array) => new TextDecoder(type === 2 ? "utf-16be" : "ascii").decode(bytes);
  assertEquals(decode(image.subarray(at + 40, at + 72)).trim(), "cidata");
  const root = view.getUint32(at + 156 + 2, true) * SECTOR;
  const files = new Map<string, Uint8Array>();
  for (let offset = root; image[offset] !== 0;) {
    const nameLength = image[offset + 32] ?? 0;
    const start = view.getUint32(offset + 2, true) * SECTOR;
    const length = view.getUint32(offset + 10, true);
    assertEquals(view.getUint32(offset + 14), length, "numbers stand in both byte orders");
    const isFile = ((image[offset + 25] ?? 0) & 2) === 0;
    if (isFile) {
      files.set(decode(image.subarray(offset + 33, offset + 33 + nameLength)), image.slice(start, start + length));
    }
    offset += image[offset] ?? 1;
  }
  return files;
}

Deno.test("files are found again under their names, whatever they hold", () => {
  const file = fc.record({
    name: fc.stringMatching(/^[a-z][a-z0-9.-]{0,30}$/),
    content: fc.uint8Array({ maxLength: 5000 }),
  });
  fc.assert(fc.property(fc.uniqueArray(file, { selector: (each: IsoFile) => each.name, maxLength: 5 }), (files) => {
    const image = isoImage("cidata", files);
    const joliet = readFiles(image, 2);
    assertEquals(new Set(joliet.keys()), new Set(files.map((each) => each.name)));
    for (const each of files) assertEquals([...joliet.get(each.name) ?? []], [...each.content]);
    assertEquals(readFiles(image, 1).size, files.length);
  }));
});

Deno.test("the same files give the same image; too many for one directory are refused", () => {
  const files = [{ name: "user-data", content: new Uint8Array([1]) }, { name: "meta-data", content: new Uint8Array() }];
  assertEquals(isoImage("cidata", files), isoImage("cidata", files.toReversed()));
  const many = Array.from({ length: 60 }, (_, index) => ({ name: `file-${index}`, content: new Uint8Array() }));
  assertThrows(() => isoImage("cidata", many), RangeError);
});

Deno.test("the image is longer than what readers probe", () => {
  assert(isoImage("cidata", []).byteLength > 0x11000);
});
