/** Reads the import graph of the project's own sources, without running them. @module */
import { dirname, join, normalize, relative } from "node:path";

/** One import: the file that imports, and what it names, resolved to a project path or a bare specifier. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  /** True when the target is a package and not a file of the project. */
  readonly external: boolean;
  /** True when only types are taken, of which nothing is left at run time. */
  readonly typeOnly: boolean;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** All TypeScript files below `root`, as paths relative to it. */
export function* sources(root: string, folder = root): Generator<string> {
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "dist") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sources(root, path);
    else if (entry.name.endsWith(".ts")) yield relative(root, path);
  }
}

/** Edges of every source below `root`, resolved with the import map of its `deno.json`. */
export function importGraph(root: string): Edge[] {
  const { imports } = JSON.parse(Deno.readTextFileSync(join(root, "deno.json"))) as { imports: Record<string, string> };
  const edges: Edge[] = [];
  for (const file of sources(root)) {
    const text = Deno.readTextFileSync(join(root, file)).replace(/\/\*[\s\S]*?\*\//g, "");
    for (const match of text.matchAll(IMPORT)) {
      const specifier = match[1] ?? match[2] ?? "";
      const typeOnly = /^\s*(import|export)\s+type\b/.test(match[0]);
      edges.push({ from: file, ...resolve(specifier, file, imports), typeOnly });
    }
  }
  return edges;
}

function resolve(specifier: string, file: string, imports: Record<string, string>): Pick<Edge, "to" | "external"> {
  if (specifier.startsWith(".")) return { to: normalize(join(dirname(file), specifier)), external: false };
  const prefix = Object.keys(imports)
    .filter((key) => key === specifier || (key.endsWith("/") && specifier.startsWith(key)))
    .sort((a, b) => b.length - a.length)[0];
  const target = prefix === undefined ? specifier : (imports[prefix] ?? "") + specifier.slice(prefix.length);
  return target.startsWith("./") ? { to: normalize(target), external: false } : { to: specifier, external: true };
}
