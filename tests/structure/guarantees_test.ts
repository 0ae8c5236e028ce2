import { assert, assertEquals } from "@virtrigaud/deps";
import { dirname } from "node:path";

const root = new URL("../..", import.meta.url).pathname;
/** With wrapped lines put together again. */
const text = Deno.readTextFileSync(`${root}/docs/guarantees.md`).replaceAll(/\n {2}(?=\S)/g, " ");

/** What stands between quotes in a source file, with `${...}` left as it is. */
function literals(file: string): string[] {
  const source = Deno.readTextFileSync(`${root}/${file}`);
  return [...source.matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)]
    .map(([, plain, template]) => (plain ?? template ?? "").replaceAll(/\\([`"\\])/g, "$1"));
}

/** Whether a test of this name is in `file`: as it stands, or from a template and a word of a file beside it. */
function has(file: string, name: string): boolean {
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

Deno.test("every test that is named as keeping a guarantee exists in the file that is named", () => {
  const named = [...text.matchAll(/^- `([^`]+\.ts)`: (.+)$/gm)];
  assert(named.length > 50, `${named.length} tests are named`);
  assertEquals(named.filter(([, file = "", name = ""]) => !has(file, name)).map(([line]) => line), []);
});

Deno.test("every guarantee names tests that keep it", () => {
  const sections = text.split(/^## /m).slice(1);
  assertEquals(sections.length, 13);
  assertEquals(sections.filter((section) => !/^Kept by:\n\n- `/m.test(section)).map((s) => s.split("\n")[0]), []);
});

Deno.test("a name that no test has is not found", () => {
  assertEquals(has("tests/crash/crash_test.ts", "killed at any point of nonsense, the system ends as asked"), false);
  assertEquals(has("tests/fault/fault_test.ts", "every promise holds when nobody looks"), false);
  assertEquals(has("tests/fault/fault_test.ts", "every promise holds when somebody else takes the name first"), true);
});
