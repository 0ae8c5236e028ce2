import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { DENO_VERSION, denoVersionProblem } from "./deno_version.ts";

Deno.test("another Deno is refused with which one is needed, why, and how to run it", () => {
  assertEquals(denoVersionProblem(DENO_VERSION), undefined);
  const problem = denoVersionProblem("2.9.8") ?? "";
  for (const part of ["2.9.3", "2.9.8", "HTTP/2", "npx deno@2.9.3"]) assertStringIncludes(problem, part);
});

Deno.test("what the project's own files say of the Deno version is the version that is asserted", async () => {
  for (const file of ["README.md", "CONTRIBUTING.md", ".ci/run", "Dockerfile"]) {
    const text = await Deno.readTextFile(new URL(`../../${file}`, import.meta.url));
    const named = [...text.matchAll(/deno[@:-](\d+\.\d+\.\d+)/g)].map(([, version]) => version);
    assertEquals(named.filter((version) => version !== DENO_VERSION), [], file);
  }
});
