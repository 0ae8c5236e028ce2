/** What the images are built from: what the Dockerfile copies, without what .dockerignore leaves out. @module */
import { dirname, join } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Copies the sources that the build stage of the Dockerfile has into `folder`. */
export async function copyBuildContext(folder: string): Promise<void> {
  const [, stage = ""] = /^FROM \S+ \S+ AS build$(.*?)^FROM /ms.exec(await Deno.readTextFile(`${ROOT}Dockerfile`)) ??
    [];
  const sources = [...stage.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, paths = ""]) => paths.split(" "));
  if (sources.length === 0) throw new Error("the build stage of the Dockerfile copies nothing, as it is read here");
  const ignored = ignoredBy(await Deno.readTextFile(`${ROOT}.dockerignore`));
  for (const source of sources) {
    if (ignored(source)) throw new Error(`the Dockerfile copies ${source}, which .dockerignore leaves out`);
    await copy(source, folder, ignored);
  }
}

async function copy(path: string, folder: string, ignored: (path: string) => boolean): Promise<void> {
  const [from, to] = [join(ROOT, path), join(folder, path)];
  if ((await Deno.stat(from)).isDirectory) {
    for await (const { name } of Deno.readDir(from)) {
      if (!ignored(`${path}/${name}`)) await copy(`${path}/${name}`, folder, ignored);
    }
    return;
  }
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(from, to);
}

/** Everything but what is named with `!`, and of that what a later line with stars takes out. */
function ignoredBy(text: string): (path: string) => boolean {
  const lines = text.split("\n").filter((line) => line !== "");
  const kept = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const out = lines.filter((line) => line.startsWith("**/")).map((line) =>
    new RegExp(`(^|/)${line.slice(3).replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`)
  );
  return (path) =>
    !kept.some((name) => path === name || path.startsWith(`${name}/`)) || out.some((pattern) => pattern.test(path));
}
