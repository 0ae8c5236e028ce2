/** Mounted Secrets as files, replaced the way a kubelet does it: a reader sees all of the old or all of the new. @module */
import { join } from "node:path";

/** Writes `content` as the content of the folder `path`, readable by the owner only. */
export async function publish(path: string, content: ReadonlyMap<string, Uint8Array>): Promise<void> {
  // The API server refuses such keys; a file must not leave its folder even if one came through.
  const files = [...content].filter(([name]) => !name.includes("/") && !name.startsWith("."));
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  const versions = (await entries(path)).filter((name) => name.startsWith(".data-"));
  const next = `.data-${crypto.randomUUID()}`;
  await Deno.mkdir(join(path, next), { mode: 0o700 });
  for (const [name, bytes] of files) await Deno.writeFile(join(path, next, name), bytes, { mode: 0o600 });
  const link = join(path, ".data.next");
  await remove(link);
  await Deno.symlink(next, link);
  await Deno.rename(link, join(path, ".data"));
  const present = new Set((await entries(path)).filter((name) => !name.startsWith(".")));
  for (const [name] of files) {
    if (!present.delete(name)) await Deno.symlink(join(".data", name), join(path, name));
  }
  for (const gone of present) await remove(join(path, gone));
  for (const old of versions) await Deno.remove(join(path, old), { recursive: true });
}

/** Removes what is in the folder `path`, if there is one, but for the names in `kept`; gives the paths that are gone. */
export async function removeExcept(path: string, kept: readonly string[]): Promise<string[]> {
  const gone: string[] = [];
  try {
    for (const name of await entries(path)) if (!kept.includes(name)) gone.push(join(path, name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const each of gone) await Deno.remove(each, { recursive: true });
  return gone;
}

async function entries(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  return names;
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
