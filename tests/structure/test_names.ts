/** Whether the tests that other files name are there. @module */
import { dirname } from "node:path";

const root = new URL("../..", import.meta.url).pathname;

/** What stands between quotes in a source file, with `${...}` left as it is. */
function literals(file: string): string[] {
  const source = Deno.readTextFileSync(`${root}/${file}`);
  return [...source.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, plain, template]) => (plain ?? template ?? "").replaceAll(/\\([`"\\])/g, "$1"));
}

/** Whether a test of this name is in `file`: as it stands, or from a template and a word of a file beside it. */
export function hasTest(file: string, name: string): boolean {
  const own = literals(file);
  if (own.includes(name)) return true;
  const templates = own.filter((literal) => literal.includes("${")).map((literal) =>
    new RegExp(`^${literal.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[^\w\s]/g, "\\$&")).join("(.+)")}$`)
  );
  const words = new Set(
    [...Deno.readDirSync(`${root}/${dirname(file)}`)]
      .filter((entry) => entry.isFile && entry.name.endsWith(".ts"))
      .flatMap((entry) => literals(`${dirname(file)}/${entry.name}`)),
  );
  return templates.some((template) => template.exec(name)?.slice(1).every((word) => words.has(word)) === true);
}
