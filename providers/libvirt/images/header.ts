/** What an image is, by its first bytes: the format is not taken on trust, and what points elsewhere is refused. @module */

/** Formats that are told apart; everything without a mark of its own is `raw`. */
export type DiskFormat = "qcow2" | "raw" | "vmdk" | "vpc" | "vdi" | "vhdx" | "qed";

/** What the first bytes say. */
export interface ImageHeader {
  readonly format: DiskFormat;
  /** Why the image must not be used: it would make the host read or write other files of its own. */
  readonly refused?: string;
}

/** Bytes that {@linkcode readHeader} wants to see, if there are so many. */
export const HEADER_BYTES = 64 * 1024;

const ELSEWHERE = "it refers to another file for its content";
const QCOW2_BACKING_OFFSET = 8;
const QCOW2_FEATURES_OFFSET = 72;
const QCOW2_EXTERNAL_DATA = 4n;
const VPC_TYPE_OFFSET = 60;
const VPC_DIFFERENCING = 4;
const VMDK_NO_PARENT = "ffffffff";

/** Reads the beginning of an image. Anything at all is taken; what is too short for a header is `raw`. */
export function readHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (mark: string): boolean =>
    bytes.byteLength >= mark.length && [...mark].every((char, index) => bytes[index] === char.charCodeAt(0));
  if (starts("QFI\xfb") && bytes.byteLength >= 104) return qcow2(view);
  if (starts("QED\0")) return { format: "qed" };
  if (starts("KDMV") || starts("COWD")) return vmdk(bytes);
  if (starts("# Disk DescriptorFile")) return { format: "vmdk", refused: ELSEWHERE };
  if (starts("vhdxfile")) return { format: "vhdx" };
  if (starts("conectix") && bytes.byteLength >= 512) {
    const differencing = view.getUint32(VPC_TYPE_OFFSET) === VPC_DIFFERENCING;
    return { format: "vpc", ...(differencing ? { refused: ELSEWHERE } : {}) };
  }
  if (bytes.byteLength >= 68 && view.getUint32(64, true) === 0xbeda107f) return { format: "vdi" };
  return { format: "raw" };
}

function qcow2(view: DataView): ImageHeader {
  const version = view.getUint32(4);
  const external = version >= 3 && (view.getBigUint64(QCOW2_FEATURES_OFFSET) & QCOW2_EXTERNAL_DATA) !== 0n;
  const elsewhere = view.getBigUint64(QCOW2_BACKING_OFFSET) !== 0n || external;
  return { format: "qcow2", ...(elsewhere ? { refused: ELSEWHERE } : {}) };
}

/** The descriptor inside names the parent by a digest, and the extents; only its own may be among them. */
function vmdk(bytes: Uint8Array): ImageHeader {
  const text = new TextDecoder("latin1").decode(bytes);
  const parent = /parentCID\s*=\s*([0-9a-f]+)/i.exec(text)?.[1]?.toLowerCase();
  const hasParent = /parentFileNameHint/i.test(text) || (parent !== undefined && parent !== VMDK_NO_PARENT);
  const extents = text.match(/^RW\s+\d+\s+\w+/gm) ?? [];
  return { format: "vmdk", ...(hasParent || extents.length > 1 ? { refused: ELSEWHERE } : {}) };
}
