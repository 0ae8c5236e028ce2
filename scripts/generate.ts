/** `deno task generate`: writes every file that is made from a source. @module */
import { dirname, join } from "node:path";
import { contract } from "./generate/contract.ts";
import { crds, policies } from "./generate/crds.ts";
import { dashboards } from "./generate/dashboards.ts";
import { type Generator } from "./generate/generator.ts";
import { permissions } from "./generate/permissions.ts";
import { reference } from "./generate/reference.ts";

/** All generators, in no particular order. */
export const generators: readonly Generator[] = [contract, crds, dashboards, permissions, policies, reference];

/** Files below `root` that are missing, differ from their source, or are left over. */
export function stale(root: string, generator: Generator): string[] {
  const files = generator.files();
  const expected = new Set(files.map(({ path }) => path));
  const differing = files.filter(({ path, text }) => read(join(root, path)) !== text).map(({ path }) => path);
  const left = generator.owns.flatMap((folder) => list(join(root, folder)).map((file) => `${folder}/${file}`))
    .filter((path) => !expected.has(path));
  return [...differing, ...left];
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function list(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname;
  for (const generator of generators) {
    const outdated = stale(root, generator);
    const texts = new Map(generator.files().map(({ path, text }) => [path, text]));
    for (const path of outdated) {
      const text = texts.get(path);
      Deno.mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text === undefined) Deno.removeSync(join(root, path));
      else Deno.writeTextFileSync(join(root, path), text);
    }
    console.log(`${generator.name}: ${outdated.length === 0 ? "up to date" : `wrote ${outdated.join(", ")}`}`);
  }
}
