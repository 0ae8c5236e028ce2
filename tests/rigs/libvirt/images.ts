/** The rig's guest images: each built once for each version of its sources, kept in the cache. @module */
import { isFile, run } from "../command.ts";
import { rigFolders } from "../config.ts";
import { likeApt } from "./like_apt.ts";

/** Guests by the folder that their sources are in, with what their files are called. */
const GUESTS = { guest: "tiny", debian: "debian" } as const;
type Guest = keyof typeof GUESTS;

const BUILD_TIMEOUT_MS = 20 * 60_000;

/** Where the image of the small guest is, whether it has been built or not. */
export const guestImagePath = (): Promise<string> => imagePath("guest");

/** Gives the path of the small guest's image and builds it before if there is none: about 4 s, 30 MB of Debian packages. */
export async function ensureGuestImage(options: { signal?: AbortSignal } = {}): Promise<string> {
  const path = await guestImagePath();
  if (!isFile(path)) await run(["bash", script("guest"), path], options);
  return path;
}

/** Where the image of the real Debian guest is, whether it has been built or not. */
export const debianImagePath = (): Promise<string> => imagePath("debian");

/**
 * Gives the path of the real Debian guest's image and builds it before if there is none: some minutes, 150 MB of
 * packages; what it does at the moment goes to standard output. Takes {@linkcode IMAGE_PACKAGES} and mmdebstrap.
 */
export async function ensureDebianImage(): Promise<string> {
  const path = await debianImagePath();
  if (!isFile(path)) {
    const argv = ["bash", script("debian"), path, ...await likeApt()] as const;
    await run(argv, { show: true, signal: AbortSignal.timeout(BUILD_TIMEOUT_MS) });
  }
  return path;
}

const RIG = new URL("./", import.meta.url).pathname;
const folder = (guest: Guest): string => `${RIG}${guest}/`;
const script = (guest: Guest): string => `${folder(guest)}build.sh`;

async function imagePath(guest: Guest): Promise<string> {
  const sources = [...await files(folder(guest)), `${RIG}bios_disk.sh`].sort();
  const parts: string[] = [];
  for (const file of sources) parts.push(file.slice(RIG.length), await Deno.readTextFile(file));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts.join("\0")));
  return `${rigFolders().cache}/guest/${GUESTS[guest]}-${new Uint8Array(digest).toHex().slice(0, 16)}.qcow2`;
}

async function files(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}${entry.name}`;
    found.push(...entry.isDirectory ? await files(`${path}/`) : [path]);
  }
  return found;
}
