/** Images that were fetched: one volume for each content and pool. @module */
import { createHash } from "node:crypto";
import { type ImageSource, ProviderError } from "@virtrigaud/contract";
import type { PoolRef } from "../client/objects.ts";
import { refuseIfBase } from "../bases.ts";
import * as storage from "../client/storage.ts";
import type { LibvirtContext } from "../context.ts";
import { openUrl } from "../../shared/http/download.ts";
import { imageVolume, partVolume } from "./names.ts";
import { takeIn } from "./intake.ts";
import type { FilePool } from "./pools.ts";
import { collectUnused, markUsed } from "./unused.ts";
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

const TIMEOUT_MS = 30 * 60_000;

/** Key of an image's content: its checksum where one is known, else where it comes from. */
export function imageKey({ checksum, url }: UrlImage): string {
  const what = checksum === undefined ? url : `${checksum.algorithm}:${checksum.value.toLowerCase()}`;
  return createHash("sha256").update(what).digest("hex").slice(0, 32);
}

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
  pool: FilePool,
  image: UrlImage,
  control: FetchControl,
): Promise<FoundImage> {
  const key = imageKey(image);
  return await context.locks.hold(`image/${pool.uuid}/${key}`, async () => {
    const there = control.force ? undefined : await cachedImage(context, pool, image);
    if (there !== undefined) {
      await markUsed(context, pool, key);
      return there;
    }
    await download(context, pool, image, control);
    await collectUnused(context, pool, key);
    const made = await cachedImage(context, pool, image);
    if (made !== undefined) return made;
    throw new ProviderError("Retryable", `image ${key} was fetched into pool "${pool.name}" and is not there`);
  });
}

async function download(
  context: LibvirtContext,
  pool: FilePool,
  image: UrlImage,
  control: FetchControl,
): Promise<void> {
  const { clock } = context;
  const key = imageKey(image);
  const timeoutMs = image.timeoutMs ?? TIMEOUT_MS;
  const timeout = new AbortController();
  const stop = clock.setTimeout(
    () => timeout.abort(new Error(`not fetched within ${timeoutMs} ms`)),
    timeoutMs,
  );
  const signal = control.signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, control.signal]);
  try {
    await refuseIfBase(context, key, "replaced");
    const body = await openUrl(image.url, {
      clock,
      signal,
      field: `${control.field}.url`,
      ...(image.headers === undefined ? {} : { headers: image.headers.reveal() }),
    });
    const { field } = control;
    await takeIn(context, pool, body, {
      what: `image ${image.url.split("?")[0]}`,
      part: partVolume(key),
      volume: imageVolume(key),
      fields: { content: `${field}.url`, format: `${field}.format`, checksum: `${field}.checksum` },
      ...(image.format === undefined ? {} : { format: image.format }),
      ...(image.checksum === undefined ? {} : { checksum: image.checksum }),
      ...(control.progress === undefined ? {} : { progress: control.progress }),
    });
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
