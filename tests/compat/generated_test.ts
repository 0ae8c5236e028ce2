import { assertEquals } from "@virtrigaud/deps";
import { generators, stale } from "../../scripts/generate.ts";

const root = new URL("../..", import.meta.url).pathname;

for (const generator of generators) {
  Deno.test(`${generator.name}: what is checked in is what the sources say (else run: deno task generate)`, () => {
    assertEquals(stale(root, generator), []);
  });
}

Deno.test("a changed, a missing and a left-over file all count as stale", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/out`);
    for (const name of ["same", "changed", "left"]) Deno.writeTextFileSync(`${folder}/out/${name}`, "old");
    const files = [["same", "old"], ["changed", "new"], ["missing", "new"]].map(([name, text = ""]) => ({
      path: `out/${name}`,
      text,
    }));
    const found = stale(folder, { name: "test", owns: ["out"], files: () => files });
    assertEquals(found, ["out/changed", "out/missing", "out/left"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
