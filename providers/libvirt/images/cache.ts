/**
 * Images that were fetched: one volume for each content and pool, made in three steps. The bytes go into a volume
 * `NAME.part` and are hashed on the way; what passes is copied into `NAME.qcow2`; then the part is deleted. So an image is
 * complete exactly if its volume is there and its part is not, whoever dies when.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type ImageSource, ProviderError } from "@virtrigaud/contract";
import type { PoolRef, VolumeRef } from "../client/objects.ts";
import { refuseIfBase } from "../bases.ts";
import * as storage from "../client/storage.ts";
import type { LibvirtContext } from "../context.ts";
import { readVolumeTimes, volumeXml } from "../domain_xml/volume.ts";
import { standsOn } from "../identity.ts";
import { HEADER_BYTES, type ImageHeader, readHeader } from "./header.ts";
import { openUrl } from "../../shared/http/download.ts";
import type { FoundImage } from "./volumes.ts";

type UrlImage = Extract<ImageSource, { type: "Url" }>;

/** What a fetch is given besides the image. */
export interface FetchControl {
  readonly signal?: AbortSignal;
  readonly progress?: (percent: number) => void;
  /** Path of the image in the request, for errors: `image` or `source`. */
  readonly field: string;
  /** Fetch it even if it is there. */
  readonly force?: boolean;
}

const PREFIX = "virtrigaud-image-";
/** Formats that libvirt can read a volume in. */
const READABLE: readonly string[] = ["qcow2", "raw", "vmdk", "vpc", "vdi", "qed"];
const BYTES_MAX = 4 * 1024 ** 4;
const TIMEOUT_MS = 30 * 60_000;
/** An image that nobody has read for so long is fetched again when it is needed. */
const UNUSED_MS = 30 * 24 * 60 * 60_000;

/** Key of an image's content: its checksum where one is known, else where it comes from. */
export function imageKey({ checksum, url }: UrlImage): string {
  const what = checksum === undefined ? url : `${checksum.algorithm}:${checksum.value.toLowerCase()}`;
  return createHash("sha256").update(what).digest("hex").slice(0, 32);
}

/** Name of the image's volume. */
export const imageVolume = (key: string): string => `${PREFIX}${key}.qcow2`;
const partVolume = (key: string): string => `${PREFIX}${key}.part`;
/** Key of the image in a volume of ours, or of the part of one. */
const keyOfAny = (name: string): string | undefined =>
  name.startsWith(PREFIX) ? name.slice(PREFIX.length).split(".")[0] : undefined;
/** Key of a volume that an image was fetched into. */
export const keyOfVolume = (name: string): string | undefined => name.endsWith(".qcow2") ? keyOfAny(name) : undefined;

/** The image in the pool, if it is there and complete. */
export async function cachedImage(
  context: LibvirtContext,
  pool: PoolRef,
  image: UrlImage,
): Promise<FoundImage | undefined> {
  const key = imageKey(image);
  const [volume, part] = await Promise.all([
    storage.volume(context.session, pool, imageVolume(key)),
    storage.volume(context.session, pool, partVolume(key)),
  ]);
  if (volume === undefined || part !== undefined) return undefined;
  return { volume, bytes: (await storage.info(context.session, volume)).capacity, format: "qcow2" };
}

/**
 * The image in the pool, fetched if it is not there. Whoever wants the same at the same time waits for the one fetch.
 * @throws {ProviderError} `InvalidSpec` with the field for a checksum, format or address that is not right; `Retryable`.
 */
export async function fetchImage(
  context: LibvirtContext,
  pool: PoolRef,
  image: UrlImage,
  control: FetchControl,
): Promise<FoundImage> {
  const key = imageKey(image);
  return await context.locks.hold(`image/${pool.uuid}/${key}`, async () => {
    const there = control.force ? undefined : await cachedImage(context, pool, image);
    if (there !== undefined) return there;
    await download(context, pool, image, control);
    await collectUnused(context, pool, key);
    const made = await cachedImage(context, pool, image);
    if (made !== undefined) return made;
    throw new ProviderError("Retryable", `image ${key} was fetched into pool "${pool.name}" and is not there`);
  });
}

async function download(
  context: LibvirtContext,
  pool: PoolRef,
  image: UrlImage,
  control: FetchControl,
): Promise<void> {
  const { session, clock } = context;
  const key = imageKey(image);
  const timeoutMs = image.timeoutMs ?? TIMEOUT_MS;
  const timeout = new AbortController();
  const stop = clock.setTimeout(
    () => timeout.abort(new Error(`not fetched within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const signal = control.signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, control.signal]);
  const discard = async (name: string) => {
    const left = await storage.volume(session, pool, name);
    if (left !== undefined) await storage.remove(session, left);
  };
  try {
    await refuseIfBase(context, key, "replaced");
    const body = await openUrl(image.url, {
      clock,
      signal,
      field: `${control.field}.url`,
      ...(image.headers === undefined ? {} : { headers: image.headers.reveal() }),
    });
    const { header, content } = await peek(body.chunks);
    checkHeader(header, image, control.field);
    await discard(partVolume(key));
    const part = await storage.create(session, pool, {
      name: partVolume(key),
      description: volumeXml({ name: partVolume(key), bytes: body.bytes ?? 0, format: header.format }),
    });
    await discard(imageVolume(key));
    try {
      await upload(context, part, content, image, { ...control, bytes: body.bytes });
    } catch (error) {
      await discard(partVolume(key));
      throw error;
    }
    await convert(context, pool, part, key);
    await discard(partVolume(key));
  } catch (error) {
    if (!timeout.signal.aborted) throw error;
    throw new ProviderError("Retryable", `image ${image.url.split("?")[0]} was not fetched within ${timeoutMs} ms`, {
      reason: "ImageServer",
      cause: error,
    });
  } finally {
    stop();
  }
}

/** libvirt has not looked at the file since it was written; a refresh tells it the size that the guest will see. */
async function convert(context: LibvirtContext, pool: PoolRef, part: VolumeRef, key: string): Promise<void> {
  const { session } = context;
  await storage.refresh(session, pool);
  const { capacity } = await storage.info(session, part);
  await storage.create(session, pool, {
    name: imageVolume(key),
    description: volumeXml({ name: imageVolume(key), bytes: capacity, format: "qcow2" }),
    source: part,
  });
}

/** The first bytes of the content, and the whole of it. */
async function peek(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly header: ImageHeader; readonly content: AsyncIterable<Uint8Array> }> {
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
    try {
      yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { header: readHeader(head.subarray(0, HEADER_BYTES)), content: content() };
}

function checkHeader({ format, refused }: ImageHeader, image: UrlImage, field: string): void {
  const where = image.url.split("?")[0];
  const refuse = (errorClass: "InvalidSpec" | "NotSupported", at: string, why: string): never => {
    throw new ProviderError(errorClass, `image ${where} ${why}`, { field: `${field}.${at}` });
  };
  if (refused !== undefined) refuse("InvalidSpec", "url", `is refused: ${refused}`);
  const wanted = image.format === "vhd" ? "vpc" : image.format === "iso" ? "raw" : image.format;
  if (wanted !== undefined && wanted !== format) refuse("InvalidSpec", "format", `is ${format}, not ${image.format}`);
  if (!READABLE.includes(format)) refuse("NotSupported", "format", `is ${format}, which libvirt cannot read`);
}

async function upload(
  context: LibvirtContext,
  part: VolumeRef,
  content: AsyncIterable<Uint8Array>,
  image: UrlImage,
  control: FetchControl & { readonly bytes: number | undefined },
): Promise<void> {
  const hash = createHash(image.checksum?.algorithm ?? "sha256");
  let received = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      received += chunk.byteLength;
      if (received > BYTES_MAX) {
        throw new ProviderError("InvalidSpec", `the image is larger than ${BYTES_MAX} bytes`, {
          field: `${control.field}.url`,
        });
      }
      hash.update(chunk);
      if (control.bytes !== undefined) control.progress?.(Math.floor((received / control.bytes) * 70));
      yield chunk;
    }
  }
  await storage.uploadStream(context.session, part, hashed());
  if (image.checksum === undefined) return;
  const { algorithm, value } = image.checksum;
  const found = hash.digest("hex");
  if (found === value.toLowerCase()) return;
  throw new ProviderError(
    "InvalidSpec",
    `image ${image.url.split("?")[0]} has ${algorithm} ${found}, expected ${value}`,
    { field: `${control.field}.checksum`, reason: "ChecksumMismatch" },
  );
}

/** Deletes fetched images, and parts that a crash has left, that nothing stands on and nobody has read for long. Never in the way of the one just made. */
async function collectUnused(context: LibvirtContext, pool: PoolRef, keep: string): Promise<void> {
  const all = await storage.volumes(context.session, pool);
  for (const volume of all) {
    const key = keyOfAny(volume.name);
    if (key === undefined || key === keep || all.some(({ name }) => standsOn(name, key))) continue;
    try {
      const usedAt = readVolumeTimes(await storage.xml(context.session, volume));
      if (usedAt !== undefined && context.clock.now() - usedAt > UNUSED_MS) {
        await storage.remove(context.session, volume);
      }
    } catch (error) {
      // Somebody reads or removes it right now; next time is soon enough.
      if (!(error instanceof ProviderError) || error.class === "Unavailable") throw error;
    }
  }
}
