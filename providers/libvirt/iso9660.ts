/** Writer of small ISO 9660 images with Joliet names: files in the root directory only, which is what a seed needs. @module */

/** A file of the image. */
export interface IsoFile {
  /** At most 64 characters; what Linux shows (Joliet). */
  readonly name: string;
  readonly content: Uint8Array;
}

const SECTOR = 2048;
const ROOT_RECORD_BYTES = 34;
/** Empty sectors at the end, as mkisofs writes them: readers look ahead, and busybox probes 68 KiB of any disk. */
const PADDING_SECTORS = 150;

/** Media are made so large that what changes later fits as well. */
const ROUND_TO_SECTORS = 512;

/** Where things are, in sectors. The first 16 belong to the system; then come descriptors, path tables, directories. */
const layout = {
  primary: 16,
  joliet: 17,
  end: 18,
  pathTables: { primary: { little: 19, big: 20 }, joliet: { little: 21, big: 22 } },
  roots: { primary: 23, joliet: 24 },
  data: 25,
} as const;
type Tree = "primary" | "joliet";

/** The bytes by which an image is known as one, from the first to the one after the last. */
export const DESCRIPTORS = { from: layout.primary * SECTOR, to: (layout.end + 1) * SECTOR } as const;

/**
 * The bytes of an image whose volume id is `volumeId`. The same input gives the same bytes: all times are 1970. It fills
 * `room` bytes if it fits into them; else its size is a whole number of MiB.
 * @throws {RangeError} when the names do not fit into one directory sector.
 */
export function isoImage(volumeId: string, files: readonly IsoFile[], room = 0): Uint8Array {
  let next: number = layout.data;
  const placed = [...files].sort((a, b) => (a.name < b.name ? -1 : 1)).map((file, index) => {
    const sector = next;
    next += Math.max(1, Math.ceil(file.content.byteLength / SECTOR));
    return { ...file, index, sector };
  });
  const offered = Math.floor(room / SECTOR);
  const sectors = offered >= next ? offered : Math.ceil((next + PADDING_SECTORS) / ROUND_TO_SECTORS) * ROUND_TO_SECTORS;
  const image = new Uint8Array(sectors * SECTOR);
  for (const tree of ["primary", "joliet"] as const) {
    image.set(volumeDescriptor(tree, volumeId, sectors), layout[tree] * SECTOR);
    const { little, big } = layout.pathTables[tree];
    image.set(pathTable(tree, true), little * SECTOR);
    image.set(pathTable(tree, false), big * SECTOR);
    const root = layout.roots[tree];
    const records = [
      directoryRecord(Uint8Array.of(0), { sector: root, bytes: SECTOR, directory: true }),
      directoryRecord(Uint8Array.of(1), { sector: root, bytes: SECTOR, directory: true }),
      ...placed.map((file) =>
        directoryRecord(tree === "joliet" ? ucs2(file.name) : ascii(shortName(file.name, file.index)), {
          sector: file.sector,
          bytes: file.content.byteLength,
          directory: false,
        })
      ),
    ];
    const directory = concat(records);
    if (directory.byteLength > SECTOR) throw new RangeError("too many or too long file names for one directory sector");
    image.set(directory, root * SECTOR);
  }
  image.set(concat([Uint8Array.of(255), ascii("CD001"), Uint8Array.of(1)]), layout.end * SECTOR);
  for (const file of placed) image.set(file.content, file.sector * SECTOR);
  return image;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

function ucs2(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < text.length; index++) view.setUint16(index * 2, text.charCodeAt(index));
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** A name of the form 8.3 for readers without Joliet; the index keeps it unique. */
const shortName = (name: string, index: number): string =>
  `${name.toUpperCase().replace(/[^A-Z0-9_]/g, "_").slice(0, 7)}${index.toString(36).toUpperCase()}.;1`;

/** Numbers of two and four bytes stand in both byte orders. */
function both16(view: DataView, offset: number, value: number): void {
  view.setUint16(offset, value, true);
  view.setUint16(offset + 2, value);
}

function both32(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, value);
}

function directoryRecord(
  id: Uint8Array,
  entry: { readonly sector: number; readonly bytes: number; readonly directory: boolean },
): Uint8Array {
  const bytes = new Uint8Array(33 + id.byteLength + (id.byteLength % 2 === 0 ? 1 : 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = bytes.byteLength;
  both32(view, 2, entry.sector);
  both32(view, 10, entry.bytes);
  bytes.set([70, 1, 1, 0, 0, 0, 0], 18);
  bytes[25] = entry.directory ? 2 : 0;
  both16(view, 28, 1);
  bytes[32] = id.byteLength;
  bytes.set(id, 33);
  return bytes;
}

function pathTable(tree: Tree, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  view.setUint32(2, layout.roots[tree], littleEndian);
  view.setUint16(6, 1, littleEndian);
  return bytes;
}

function volumeDescriptor(tree: Tree, volumeId: string, sectors: number): Uint8Array {
  const joliet = tree === "joliet";
  const bytes = new Uint8Array(SECTOR);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, length: number, value = ""): void =>
    bytes.set(
      joliet ? ucs2(value.padEnd(length >> 1).slice(0, length >> 1)) : ascii(value.padEnd(length).slice(0, length)),
      offset,
    );
  bytes[0] = joliet ? 2 : 1;
  bytes.set(ascii("CD001"), 1);
  bytes[6] = 1;
  text(8, 32, "LINUX");
  text(40, 32, volumeId);
  both32(view, 80, sectors);
  // Escape sequence of UCS-2 level 3, which is what makes it Joliet.
  if (joliet) bytes.set([0x25, 0x2f, 0x45], 88);
  both16(view, 120, 1);
  both16(view, 124, 1);
  both16(view, 128, SECTOR);
  both32(view, 132, 10);
  view.setUint32(140, layout.pathTables[tree].little, true);
  view.setUint32(148, layout.pathTables[tree].big);
  const root = directoryRecord(Uint8Array.of(0), { sector: layout.roots[tree], bytes: SECTOR, directory: true });
  bytes.set(root.subarray(0, ROOT_RECORD_BYTES), 156);
  for (
    const [offset, length] of [[190, 128], [318, 128], [446, 128], [574, 128], [702, 37], [739, 37], [776, 37]] as const
  ) {
    text(offset, length);
  }
  for (const offset of [813, 830]) bytes.set(ascii("1970010100000000"), offset);
  for (const offset of [847, 864]) bytes.set(ascii("0".repeat(16)), offset);
  bytes[881] = 1;
  return bytes;
}
