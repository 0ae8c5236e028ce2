/**
 * Writes `go/newest` and `go/oldest`: the Go modules whose tool dependencies are the programs of the rig, with every
 * version pinned and every sum known. Run it after a change of a release in tools.ts; it needs Go.
 *
 *     deno run -A tests/rigs/kubernetes/make_modules.ts
 *
 * @module
 */
import { run } from "../command.ts";
import { ETCD_VERSION, moduleFolder, RELEASES, type Tool, tools } from "./tools.ts";

/**
 * A module that requires Kubernetes the way its own go.mod sees itself: the staging modules are named there as v0.0.0
 * and live under the release's v0 number; go and godebug directives are those that it was tested with. `go get` could
 * not make it, as it knows nothing of the former, nor `go mod tidy`, as that asks for what only tests of tests need.
 */
async function moduleOf(release: "newest" | "oldest", built: readonly Tool[]): Promise<string> {
  const { version } = RELEASES[release];
  const query = ["go", "mod", "download", "-json", `k8s.io/kubernetes@v${version}`] as const;
  const { GoMod } = JSON.parse(await run(query, { inheritEnv: true, cwd: "/" }));
  const upstream = await Deno.readTextFile(String(GoMod));
  const staging = [...upstream.matchAll(/^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/gm)].map((match) => match[1] ?? "");
  const block = (verb: string, lines: readonly string[]) => `${verb} (\n${lines.join("\n")}\n)`;
  const etcd = built.filter(({ name }) => name === "etcd").map(({ goPackage }) => `${goPackage} v${ETCD_VERSION}`);
  return [
    "// Written by make_modules.ts.",
    "module virtrigaud.io/rig",
    ...upstream.match(/^go .*$/m) ?? [],
    ...upstream.match(/^godebug \([^)]*\)|^godebug .*$/gm) ?? [],
    block("require", [`k8s.io/kubernetes v${version}`, ...etcd]),
    block("tool", built.map(({ goPackage }) => goPackage)),
    block("replace", [...new Set(staging)].map((name) => `${name} => ${name} v0${version.slice(1)}`)),
  ].join("\n");
}

for (const release of ["newest", "oldest"] as const) {
  const built = tools(release).filter(({ module }) => module === release);
  const folder = moduleFolder(release);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/go.mod`, await moduleOf(release, built));
  await Deno.writeTextFile(`${folder}/go.sum`, "");
  const options = { cwd: folder, inheritEnv: true, env: { GOWORK: "off" } };
  await run(["go", "list", "-mod=mod", `-tags=${RELEASES[release].tags.join(",")}`, "-deps", "tool"], options);
}
