import { assert, assertEquals } from "@virtrigaud/deps";
import { join, relative } from "node:path";

const root = new URL("../..", import.meta.url).pathname;

/** Hosts that packages are fetched from: which one it is, a machine's own package clients know. */
const ARCHIVES = new RegExp(
  [
    /(deb|security|snapshot|archive|ftp[.\w-]*)\.(debian|ubuntu)\.(org|com)/,
    /registry\.(npmjs|yarnpkg)\.(org|com)/,
    /(npm\.)?jsr\.io/,
    /(dl\.)?deno\.land|(nodejs|esm|unpkg)\.(org|sh|com)/,
    /(proxy|sum|index)\.golang\.org|goproxy\.\w+/,
    /(registry-\d|index|hub|auth)\.docker\.(io|com)/,
    /(index|static)?\.?crates\.io|pypi\.org|pythonhosted\.org|repo[.\w]*\.maven[.\w]*/,
  ].map((host) => `(?<![\\w.-])${host.source}(?![\\w-])`).join("|"),
);

/** Files that are committed: all but what .gitignore names. */
function* committed(folder = root): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if ([".git", ".virtrigaud", "node_modules", "dist", "coverage"].includes(entry.name)) continue;
    if (entry.isDirectory) yield* committed(path);
    else if (entry.isFile) yield path;
  }
}

Deno.test("no archive and no registry of packages is named: which to use is the machine's own matter", () => {
  const files = [...committed()];
  assert(files.length > 500, `${files.length} files were read`);
  const named = files.filter((path) => ARCHIVES.test(Deno.readTextFileSync(path)));
  assertEquals(named.map((path) => relative(root, path)), []);
});

Deno.test("archives and registries of packages are known by their names", () => {
  // Put together here, so that this file names none either.
  for (const host of ["deb debian org", "registry npmjs org", "proxy golang org", "registry-1 docker io", "jsr io"]) {
    assert(ARCHIVES.test(`"http://${host.replaceAll(" ", ".")}/x"`), host);
  }
  assertEquals(ARCHIVES.test("ghcr.io/projectbeskar/virtrigaud, docker.io/denoland/deno, sigs.k8s.io/yaml"), false);
});
