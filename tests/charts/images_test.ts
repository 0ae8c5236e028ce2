/** The Dockerfile fits the roles that there are, and the charts name images that it makes. */
import { assert, assertEquals, parseYaml } from "@virtrigaud/deps";
import { programFor } from "../../src/cmd/standalone/programs.ts";
import { ROLES } from "../../scripts/build/roles.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

Deno.test("each role has a target that runs its binary, as a user without rights and without a shell", async () => {
  const stages = (await read("Dockerfile")).split(/^FROM /m).map((text) => ({
    name: /^\S+(?: --\S+)? (?:\S+ )?AS (\S+)/.exec(text)?.[1] ?? /AS (\S+)/.exec(text)?.[1] ?? "",
    text,
  }));
  const base = stages.find(({ name }) => name === "base")?.text ?? "";
  assert(base.includes("USER 65532:65532"));
  assert(base.startsWith("${RUNTIME_IMAGE}"));
  for (const { name } of ROLES) {
    const { text = "" } = stages.find((stage) => stage.name === name) ?? {};
    assert(text.startsWith("base AS "), name);
    assert(text.includes(`ENTRYPOINT ["/${name}"]`), name);
    assert(!/^(RUN|USER)/m.test(text), name);
  }
});

Deno.test("the Deno of the image and of the release is the one that everything is tested with", async () => {
  const { version } = Deno;
  assert((await read("Dockerfile")).includes(`ARG DENO_VERSION=${version.deno}\n`));
  const { env } = parseYaml(await read(".github/workflows/release.yaml")) as { env: Record<string, string> };
  assertEquals(env.DENO_VERSION, version.deno);
});

Deno.test("compiled providers are found beside the standalone, by the names of their images", () => {
  for (const { name } of ROLES.filter((role) => role.name.startsWith("provider-"))) {
    const program = programFor(`ghcr.io/projectbeskar/virtrigaud/${name}:v0.1.0`, {
      binaries: "/",
      deno: "deno",
      exists: (path) => path === `/${name}`,
    });
    assertEquals(program, { command: `/${name}`, args: [] });
  }
});
