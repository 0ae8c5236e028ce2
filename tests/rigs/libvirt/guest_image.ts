/** The rig's guest image: built once for each version of its sources, kept in the cache. @module */
import { isFile, run } from "../command.ts";
import { rigFolders } from "../config.ts";

const SOURCES = new URL("./guest/", import.meta.url).pathname;

/** Where the image for the present sources is, whether it has been built or not. */
export async function guestImagePath(): Promise<string> {
  const parts: string[] = [];
  for (const file of (await files(SOURCES)).sort()) {
    parts.push(file.slice(SOURCES.length), await Deno.readTextFile(file));
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return `${rigFolders().cache}/guest/tiny-${new Uint8Array(digest).toHex().slice(0, 16)}.qcow2`;
}

/** Gives the path of the image and builds it before if there is none: about 4 s and 30 MB of Debian packages. */
export async function ensureGuestImage(options: { signal?: AbortSignal } = {}): Promise<string> {
  const path = await guestImagePath();
  if (!isFile(path)) await run(["bash", `${SOURCES}build.sh`, path], options);
  return path;
}

async function files(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}${entry.name}`;
    found.push(...entry.isDirectory ? await files(`${path}/`) : [path]);
  }
  return found;
}
