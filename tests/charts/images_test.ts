/** The Dockerfile fits the roles that there are, and the charts name images that it makes. */
import { assert, assertEquals, parseYaml } from "@virtrigaud/deps";
import { programFor } from "../../src/cmd/standalone/programs.ts";
import { permissionFlags, ROLES } from "../../scripts/build/roles.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, root));

interface Stage {
  readonly name: string;
  readonly from: string;
  readonly text: string;
}

async function dockerfile(): Promise<{ text: string; stages: Stage[] }> {
  const text = await read("Dockerfile");
  const stages = text.split(/^FROM /m).slice(1).map((stage): Stage => {
    const [, from = "", name = ""] = /^(?:--\S+ )?(\S+) AS (\S+)/.exec(stage) ?? [];
    return { name, from, text: stage };
  });
  return { text, stages };
}

/** Values of `name` in every label instruction. */
const labelsOf = ({ text }: Stage): string[] =>
  [...text.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]+)"/g)].map(([, name = ""]) => name);

Deno.test("each role has a target that runs its binary, as a user without rights and without a shell", async () => {
  const { stages } = await dockerfile();
  const base = stages.find(({ name }) => name === "base");
  assert(base !== undefined);
  assert(base.text.includes("USER 65532:65532"));
  assertEquals(base.from, "${RUNTIME_IMAGE}");
  assertEquals(labelsOf(base).toSorted(), ["created", "licenses", "revision", "source", "vendor", "version"]);
  for (const { name } of ROLES) {
    const stage = stages.find((each) => each.name === name);
    assert(stage !== undefined, name);
    assertEquals([name, stage.from, labelsOf(stage)], [name, "base", ["title"]]);
    assert(stage.text.includes(`ENTRYPOINT ["/${name}"]`), name);
    assert(!/^(RUN|USER)/m.test(stage.text), name);
  }
});

Deno.test("a release builds every image from bases that it names by digest, for both architectures, and signs it", async () => {
  const { text, stages } = await dockerfile();
  const outside = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from));
  // Every base is an argument, so that none escapes the pinning.
  const bases = outside.map((from) => /^\$\{(\w+)\}$/.exec(from)?.[1]);
  assertEquals(bases.toSorted(), ["BUILD_IMAGE", "DENO_IMAGE", "RUNTIME_IMAGE"]);
  for (const base of bases) assert(new RegExp(`^ARG ${base}=[a-z0-9.-]+/`, "m").test(text), base);

  const release = await read(".github/workflows/release.yaml");
  for (const base of bases) {
    const variable = new RegExp(`--build-arg=${base}="\\$(\\w+)"`).exec(release)?.[1];
    assert(variable !== undefined, `${base} is not given`);
    const [, pinned = ""] = new RegExp(`${variable}=\\$\\(pin "?([^")]+)"?\\)`).exec(release) ?? [];
    const byDefault = new RegExp(`^ARG ${base}=(\\S+)$`, "m").exec(text)?.[1] ?? "";
    assertEquals(pinned.replace("$DENO_VERSION", "${DENO_VERSION}"), byDefault, "the release pins another image");
  }
  // What runs while an image is built runs on the builder: nothing of the other architecture has to be emulated.
  const onBuilder = stages.filter(({ text }) => text.startsWith("--platform=$BUILDPLATFORM ")).map(({ name }) => name);
  assertEquals(onBuilder, ["deno", "build"]);
  assertEquals(stages.filter(({ text }) => /^RUN /m.test(text)).map(({ name }) => name), ["build"]);
  assert(/pin\(\) \{ echo "\$1@\$\(docker buildx imagetools inspect/.test(release));
  assert(release.includes("--platform=linux/amd64,linux/arm64"));
  assert(release.includes(`for role in ${ROLES.map(({ name }) => name).join(" ")}; do`));
  for (
    const step of [
      'cosign sign --yes "$image@$digest"',
      "--sbom=true",
      "--provenance=mode=max",
      "sha256sum * > SHA256SUMS",
      "cosign sign-blob",
      "virtrigaud-crds.yaml",
      "helm push",
      'cosign sign --yes "$REGISTRY/$IMAGES/charts/',
      `printf '%s\\n' "$deno" "$debian" "$runtime" > release/base-images.txt`,
      "deno task compile --target=",
      'spdx-json=virtrigaud-$VERSION.spdx.json"',
    ]
  ) assert(release.includes(step), step);
});

Deno.test("no program but the one that starts providers may start programs, load native code or read all variables", () => {
  for (const { name, permissions } of ROLES.filter((role) => role.name !== "virtrigaud")) {
    assertEquals([name, permissions.run, permissions.sys, permissions.env === true], [
      name,
      undefined,
      undefined,
      false,
    ]);
    assert(permissions.read !== true && permissions.write !== true, name);
    assert(!permissionFlags(permissions).some((flag) => /^--allow-(all|ffi|import)|^-A/.test(flag)), name);
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
