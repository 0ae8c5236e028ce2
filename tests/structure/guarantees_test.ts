import { assert, assertEquals } from "@virtrigaud/deps";
import { hasTest as has } from "./test_names.ts";

const root = new URL("../..", import.meta.url).pathname;
/** With wrapped lines put together again. */
const text = Deno.readTextFileSync(`${root}/docs/guarantees.md`).replaceAll(/\n {2}(?=\S)/g, " ");

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
