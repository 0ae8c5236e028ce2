/** Disk content in files of a claim that is mounted into this process. @module */
import { ProviderError } from "@virtrigaud/contract";
import type { ObjectAddress, TransferOptions, TransferStore } from "./store.ts";

const CHUNK_BYTES = 256 * 1024;

/** The file at `address`. A link that leads out of the claim is not followed. */
export function claimStore({ name, segments }: ObjectAddress, options: TransferOptions): TransferStore {
  const { claims, field, signal } = options;
  const root = `${claims}/${name}`;
  const folder = [root, ...segments.slice(0, -1)].join("/");
  const path = [root, ...segments].join("/");

  const checkInside = async (): Promise<void> => {
    const [real, top] = await Promise.all([Deno.realPath(folder), Deno.realPath(root)]);
    if (real === top || real.startsWith(`${top}/`)) return;
    throw new ProviderError("InvalidSpec", `${segments.join("/")} leads out of claim ${name}`, {
      field: `${field}.url`,
    });
  };
  const checkMounted = async (): Promise<void> => {
    if (await Deno.stat(root).then(({ isDirectory }) => isDirectory, () => false)) return;
    throw new ProviderError("Retryable", `claim ${name} is not mounted into this provider at ${root}`, {
      reason: "DependencyMissing",
      field: `${field}.url`,
    });
  };

  return {
    read: () =>
      explained(`read ${path}`, field, async () => {
        await checkMounted();
        const { isFile, size } = await Deno.lstat(path);
        await checkInside();
        if (!isFile) {
          throw new ProviderError("InvalidSpec", `${path} is not a plain file`, { field: `${field}.url` });
        }
        return { bytes: size, chunks: chunksOf(path, size, signal) };
      }),
    write: (content) =>
      explained(`write ${path}`, field, async () => {
        await checkMounted();
        await Deno.mkdir(folder, { recursive: true });
        await checkInside();
        const part = `${path}.part`;
        try {
          await writeAll(part, content, signal);
          await Deno.rename(part, path);
        } catch (error) {
          await Deno.remove(part).catch(() => {});
          throw error;
        }
      }),
  };
}

async function* chunksOf(path: string, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  let left = size;
  while (left > 0) {
    signal.throwIfAborted();
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, left));
    const read = await file.read(chunk);
    if (read === null) {
      throw new ProviderError("Retryable", `${path} became shorter while it was read`, { reason: "Store" });
    }
    left -= read;
    yield chunk.subarray(0, read);
  }
}

async function writeAll(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  for await (const chunk of content) {
    signal.throwIfAborted();
    for (let offset = 0; offset < chunk.byteLength;) offset += await file.write(chunk.subarray(offset));
  }
  await file.sync();
}

/** Runs `work`; errors of the file system become those of the contract. */
async function explained<T>(doing: string, field: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (error instanceof Deno.errors.NotFound) {
      throw new ProviderError("NotFound", `${doing}: ${why}`, { reason: "DependencyMissing", field: `${field}.url` });
    }
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
      throw new ProviderError("Unauthorized", `${doing}: ${why}`, { field: `${field}.url`, cause: error });
    }
    const full = /no space left|quota exceeded/i.test(why);
    throw new ProviderError(full ? "QuotaExceeded" : "Retryable", `${doing}: ${why}`, {
      reason: "Store",
      cause: error,
    });
  }
}
