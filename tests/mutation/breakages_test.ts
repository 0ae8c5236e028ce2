import { assertEquals } from "@virtrigaud/deps";
import { BREAKAGES } from "./breakages.ts";
import { SCENARIOS } from "../crash/scenarios.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (file: string): Promise<string> => Deno.readTextFile(new URL(file, ROOT));

Deno.test("every breakage still applies: its text stands in its file once, and becomes another", async () => {
  const moved: string[] = [];
  for (const { name, edit } of BREAKAGES) {
    const count = (await read(edit.file)).split(edit.from).length - 1;
    if (count !== 1 || edit.from === edit.to) moved.push(`"${name}": its text stands ${count} times in ${edit.file}`);
  }
  assertEquals(moved, [], "adapt tests/mutation/breakages.ts to the code as it is now");
});

Deno.test("every test that a breakage names is there", async () => {
  const generated = new Map([
    ["every promise holds when ${name}", /^every promise holds when (?<name>.+)$/],
    ["killed at any point of ${scenario.name}, ", /^killed at any point of (?<name>[^,]+), /],
  ]);
  for (const { name, caughtBy: { file, test } } of BREAKAGES) {
    const text = await read(file);
    const named = [...generated].some(([template, pattern]) => {
      const found = pattern.exec(test)?.groups?.name;
      if (found === undefined || !text.includes(template)) return false;
      return text.includes(`"${found}"`) || SCENARIOS.some((scenario) => scenario.name === found);
    });
    assertEquals(
      named || text.includes(`"${test}"`),
      true,
      `"${name}" names a test that ${file} does not have: ${test}`,
    );
  }
});

Deno.test("there are ten breakages, each with a name and a place of its own", () => {
  assertEquals(BREAKAGES.length >= 10, true);
  assertEquals(new Set(BREAKAGES.map(({ name }) => name)).size, BREAKAGES.length);
  assertEquals(new Set(BREAKAGES.map(({ edit }) => `${edit.file} ${edit.from}`)).size, BREAKAGES.length);
});
