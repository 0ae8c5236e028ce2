/** Images and templates, and the way from one to a root disk. @module */
import { createHash } from "node:crypto";
import {
  type ImagePrepareRequest,
  type ImagePrepareResponse,
  type ImageSource,
  ProviderError,
} from "@virtrigaud/contract";
import type { RootContent } from "./lifecycle.ts";
import type { ImageRecord, TaskError } from "./model.ts";
import { checkImageSource } from "./spec_check.ts";
import { invalid, missing, reserve, storePath, type World } from "./world.ts";

const GIB = 2 ** 30;
/** What every download contains, GiB. */
const DOWNLOAD_GIB = 2;

/** Finds what a root disk is made from. @throws ProviderError `NotFound` with reason `DependencyMissing`. */
export function resolveImage(world: World, source: Exclude<ImageSource, { type: "Blank" }>, path: string): RootContent {
  checkImageSource(source, path);
  switch (source.type) {
    case "Template": {
      const image = imageByName(world, source.template);
      if (image === undefined) throw missing(`${path}.template`, `template ${source.template}`);
      if (!image.ready) {
        throw new ProviderError("Retryable", `image ${image.name} is still being prepared`, {
          reason: "ImageNotReady",
        });
      }
      const { content, sizeGib, format } = image;
      return { content, sizeGib, format, ...source.linkedClone ? { backing: image.id } : {} };
    }
    case "Volume": {
      const found = [...world.store.list("images"), ...world.store.list("volumes")]
        .find((one) => one.path === source.path || one.name === source.path);
      if (found === undefined) throw missing(`${path}.path`, `volume ${source.path}`);
      return { content: found.content, sizeGib: found.sizeGib, format: source.format ?? found.format };
    }
    case "Url":
      if (source.checksum !== undefined && downloadIsDamaged(world, source)) {
        throw checksumMismatch(`${path}.checksum`, source.url);
      }
      return download(source.url, source.format);
    case "ImportedDisk": {
      const volume = world.store.get("volumes", source.diskId);
      if (volume === undefined) throw missing(`${path}.diskId`, `imported disk ${source.diskId}`);
      if (volume.vmId !== undefined) {
        throw new ProviderError("Conflict", `disk ${source.diskId} belongs to VM ${volume.vmId} already`, {
          reason: "DiskInUse",
          field: `${path}.diskId`,
        });
      }
      return { content: volume.content, sizeGib: volume.sizeGib, format: volume.format, volume };
    }
    case "ContentLibrary":
      return download(`${source.library}/${source.item}@${source.version ?? "latest"}`);
    case "Registry":
      return download(source.image, source.format);
  }
}

/** Prepares an image: the same name and source give the same image. */
export function prepareImage(world: World, request: ImagePrepareRequest): ImagePrepareResponse {
  const { source, name, force } = request;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) {
    throw invalid("name", `"${name}" is not a name of 1 to 128 letters, digits, dots, hyphens and underscores`);
  }
  if (source.type === "Blank" || source.type === "ImportedDisk") {
    throw invalid("source.type", `${source.type} is nothing that could be prepared`);
  }
  checkImageSource(source, "source");
  const pool = request.storage ?? world.options.pools[0] ?? "default";
  if (!world.options.pools.includes(pool)) throw missing("storage", `storage pool ${pool}`);
  const sourceKey = digest(JSON.stringify(source));
  const existing = imageByName(world, name);
  if (existing !== undefined && !force) {
    if (existing.source !== sourceKey) {
      throw new ProviderError("Conflict", `an image ${name} from another source exists; use another name or force`, {
        reason: "NameConflict",
        field: "name",
      });
    }
    const task = existing.ready || existing.preparedBy === undefined ? undefined : { id: existing.preparedBy };
    return { ...describeImage(existing), ...task === undefined ? {} : { task } };
  }
  const damaged = source.type === "Url" && source.checksum !== undefined && downloadIsDamaged(world, source);
  const root = source.type === "Url" ? download(source.url, source.format) : resolveImage(world, source, "source");
  reserve(world, pool, root.sizeGib, "storage");
  const id = existing?.id ?? world.id("img");
  const failure = damaged ? toTaskError(checksumMismatch("source.checksum", source.url)) : undefined;
  const task = world.start({ type: "ImagePrepare", imageId: id, ...failure === undefined ? {} : { failure } });
  const image: ImageRecord = {
    id,
    name,
    source: sourceKey,
    sizeGib: root.sizeGib,
    path: storePath(pool, name, root.format),
    format: root.format,
    content: root.content,
    ready: false,
    preparedBy: task.id,
  };
  world.store.put("images", image);
  return { ...describeImage(image), task };
}

/** The end of a preparation. */
export function finishImage(world: World, imageId: string, failure: TaskError | undefined): void {
  if (failure !== undefined) throw new ProviderError(failure.class, failure.message, failure);
  const image = world.store.get("images", imageId);
  if (image === undefined) throw new ProviderError("NotFound", `image ${imageId} vanished while it was prepared`);
  const { preparedBy: _done, ...rest } = image;
  world.store.put("images", { ...rest, ready: true });
  world.store.effect("ImagePrepared", imageId, image.name);
}

/** An image by id or name. */
export function imageByName(world: World, name: string): ImageRecord | undefined {
  const byId = world.store.get("images", name);
  if (byId !== undefined) return byId;
  for (const image of world.store.list("images")) if (image.name === name) return image;
  return undefined;
}

/** Whatever is fetched exists, and has the same content each time. */
function download(from: string, format = "qcow2"): RootContent {
  return { content: digest(from), sizeGib: DOWNLOAD_GIB, format };
}

function describeImage({ id, path, sizeGib, format }: ImageRecord): ImagePrepareResponse {
  return { imageId: id, path, sizeBytes: sizeGib * GIB, format };
}

/**
 * The mock downloads nothing. A download is taken to match whatever checksum is asked for, unless the knob
 * `corruptDownloads` is set or all digits of the checksum are zero.
 */
function downloadIsDamaged(world: World, source: Extract<ImageSource, { type: "Url" }>): boolean {
  return world.faults.corruptDownloads || /^0+$/.test(source.checksum?.value ?? "");
}

function checksumMismatch(field: string, url: string): ProviderError {
  return invalid(field, `what ${new URL(url).host} sent has another checksum; correct the checksum or the URL`, {
    reason: "ChecksumMismatch",
  });
}

function toTaskError({ class: errorClass, message, reason, field }: ProviderError): TaskError {
  return {
    class: errorClass,
    message,
    ...reason === undefined ? {} : { reason },
    ...field === undefined ? {} : { field },
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
