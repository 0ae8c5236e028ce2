/**
 * Disk content that comes in from elsewhere, in three steps. The bytes go into a file of their own, the part, and are
 * hashed on the way; what passes is copied into the volume that it is for; then the part is deleted. So the volume is
 * complete exactly if it is there and its part is not, whoever dies when.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { ProviderError } from "@virtrigaud/contract";
import type { HttpBody } from "../../shared/http/request.ts";
import type { VolumeRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { LibvirtContext } from "../context.ts";
import { volumeXml } from "../domain_xml/volume.ts";
import { HEADER_BYTES, type ImageHeader, readHeader } from "./header.ts";
import { type DiskPool, filePoolFor } from "./pools.ts";
import { copyImage, removeVolume } from "./volumes.ts";

/** What is taken in, and what is known of it beforehand. */
export interface Intake {
  /** For errors: `image http://...`. Nothing secret. */
  readonly what: string;
  /** Names of the two volumes. */
  readonly part: string;
  readonly volume: string;
  /** As the user names it; absent: whatever it is. */
  readonly format?: string;
  readonly checksum?: { readonly algorithm: Algorithm; readonly value: string };
  /** Fields that errors name. */
  readonly fields: { readonly content: string; readonly format: string; readonly checksum: string };
  readonly progress?: (percent: number) => void;
}

type Algorithm = "md5" | "sha1" | "sha256" | "sha512";

/** Formats that libvirt can read a volume in. */
const READABLE: readonly string[] = ["qcow2", "raw", "vmdk", "vpc", "vdi", "qed"];
const BYTES_MAX = 4 * 1024 ** 4;
/** How much of the work is done when the bytes are there; the rest is the copy. */
const RECEIVED_PERCENT = 70;

/** The libvirt name of a format that users call otherwise. */
const formatName = (format: string): string =>
  format === "vhd" ? "vpc" : format === "iso" || format === "img" ? "raw" : format;

/**
 * Takes `body` in; gives its checksum, hex.
 * @throws {ProviderError} `InvalidSpec` with the field for content that is not what it is said to be, or that refers to
 * other files; `NotSupported` for a format that libvirt cannot read.
 */
export async function takeIn(
  context: LibvirtContext,
  target: DiskPool,
  body: HttpBody,
  intake: Intake,
): Promise<string> {
  const { session } = context;
  const pool = await filePoolFor(context, target);
  const { header, content, close } = await peek(body.chunks);
  try {
    checkHeader(header, intake);
    await removeVolume(context, pool, intake.part);
    const part = await storage.create(session, pool, {
      name: intake.part,
      description: volumeXml({ name: intake.part, bytes: body.bytes ?? 0, format: header.format }),
    });
    await removeVolume(context, target, intake.volume);
    try {
      const checksum = await upload(context, part, content, intake, body.bytes);
      // libvirt has not looked at the file since it was written; a refresh tells it the size that the guest will see.
      await storage.refresh(session, pool);
      const { capacity: bytes } = await storage.info(session, part);
      const image = { volume: part, bytes, format: header.format };
      await copyImage(context, { pool: target, name: intake.volume, bytes, thick: false }, image);
      return checksum;
    } finally {
      await removeVolume(context, pool, intake.part);
    }
  } finally {
    // Whoever sends is told that nobody reads on.
    await close();
  }
}

/** The first bytes of the content, and the whole of it. */
async function peek(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{
  readonly header: ImageHeader;
  readonly content: AsyncIterable<Uint8Array>;
  readonly close: () => Promise<void>;
}> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < HEADER_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    first.push(next.value);
    length += next.value.byteLength;
  }
  const head = new Uint8Array(length);
  first.reduce((offset, chunk) => (head.set(chunk, offset), offset + chunk.byteLength), 0);
  async function* content(): AsyncGenerator<Uint8Array> {
    yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  }
  const close = async () => void await iterator.return?.();
  return { header: readHeader(head.subarray(0, HEADER_BYTES)), content: content(), close };
}

function checkHeader({ format, refused }: ImageHeader, { what, fields, format: said }: Intake): void {
  const refuse = (errorClass: "InvalidSpec" | "NotSupported", field: string, why: string): never => {
    throw new ProviderError(errorClass, `${what} ${why}`, { field });
  };
  if (refused !== undefined) refuse("InvalidSpec", fields.content, `is refused: ${refused}`);
  if (said !== undefined && formatName(said) !== format) {
    refuse("InvalidSpec", fields.format, `is ${format}, not ${said}`);
  }
  if (!READABLE.includes(format)) refuse("NotSupported", fields.format, `is ${format}, which libvirt cannot read`);
}

async function upload(
  context: LibvirtContext,
  part: VolumeRef,
  content: AsyncIterable<Uint8Array>,
  { what, checksum, fields, progress }: Intake,
  bytes: number | undefined,
): Promise<string> {
  const hash = createHash(checksum?.algorithm ?? "sha256");
  let received = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      received += chunk.byteLength;
      if (received > BYTES_MAX) {
        throw new ProviderError("InvalidSpec", `${what} is larger than ${BYTES_MAX} bytes`, { field: fields.content });
      }
      hash.update(chunk);
      if (bytes !== undefined) progress?.(Math.floor((received / bytes) * RECEIVED_PERCENT));
      yield chunk;
    }
  }
  await storage.uploadStream(context.session, part, hashed());
  const found = hash.digest("hex");
  if (checksum === undefined || found === checksum.value.toLowerCase()) return found;
  throw new ProviderError(
    "InvalidSpec",
    `${what} has ${checksum.algorithm} ${found}, expected ${checksum.value}`,
    { field: fields.checksum, reason: "ChecksumMismatch" },
  );
}
