/** Preparing images before a VM needs them. @module */
import { type ImagePrepareRequest, type ImagePrepareResponse, ProviderError } from "@virtrigaud/contract";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { cachedImage, fetchImage, imageKey } from "./cache.ts";
import { imageVolume } from "./names.ts";
import { filePoolNear, requireFilePool } from "./pools.ts";
import { findImage, type FoundImage } from "./volumes.ts";

/** The image's id is `pool/volume`, which VMs name as their template. */
export async function imagePrepare(
  context: LibvirtContext,
  request: ImagePrepareRequest,
  options: CallOptions,
): Promise<ImagePrepareResponse> {
  const { source, force } = request;
  switch (source.type) {
    case "Volume": {
      const image = await findImage(context, source, options);
      return await ready(context, `${image.volume.pool}/${image.volume.name}`, image, options);
    }
    case "Url": {
      const named = request.storage ?? source.pool;
      const pool = named === undefined
        ? await filePoolNear(context, context.defaultPool, options)
        : await requireFilePool(context, named, "storage", options);
      const key = imageKey(source);
      const imageId = `${pool.name}/${imageVolume(key)}`;
      const there = force ? undefined : await cachedImage(context, pool, source);
      if (there !== undefined) return await ready(context, imageId, there, options);
      const task = context.tasks.start(`image/${pool.uuid}/${key}`, undefined, async ({ signal, progress }) => {
        await fetchImage(context, pool, source, { signal, progress, field: "source", force });
      });
      return { imageId, task, format: "qcow2" };
    }
    default:
      throw new ProviderError(
        "NotSupported",
        `images of type ${source.type} are not supported by the libvirt provider`,
        {
          field: "source",
        },
      );
  }
}

async function ready(
  context: LibvirtContext,
  imageId: string,
  image: FoundImage,
  options: CallOptions,
): Promise<ImagePrepareResponse> {
  const path = await storage.path(context.session, image.volume, options);
  return { imageId, path, sizeBytes: image.bytes, format: image.format };
}
