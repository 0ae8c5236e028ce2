/** One file per role, with everything in it. @module */
import { fileURLToPath } from "node:url";
import type { BuildInfo } from "@virtrigaud/telemetry";
import { permissionFlags, type Role } from "./roles.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Optional native parts of ssh2, which it does without. */
const EXTERNAL = ["cpu-features", "./crypto/build/Release/sshcrypto.node"];

/** Options of {@linkcode bundleRole}. */
export interface BundleOptions {
  /** Folder that the file goes to, under the role's name. */
  readonly folder: string;
  readonly build: BuildInfo;
}

/**
 * Bundles a role into `folder/<name>`: an executable file whose first line is the `deno run` with the permissions of the
 * role. Gives its path.
 */
export async function bundleRole(role: Role, { folder, build }: BundleOptions): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/${role.name}`;
  const raw = `${path}.raw.js`;
  const flags = ["--quiet", "--minify", "--platform=deno", ...EXTERNAL.map((name) => `--external=${name}`)];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", ...flags, `--output=${raw}`, role.entry],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`cannot bundle ${role.name}: ${new TextDecoder().decode(stderr).trim()}`);
  const code = stamped(await Deno.readTextFile(raw), build);
  await Deno.remove(raw);
  const run = [
    "deno",
    "run",
    "--no-config",
    "--no-lock",
    "--cached-only",
    "--quiet",
    ...permissionFlags(role.permissions),
  ];
  await Deno.writeTextFile(path, `#!/usr/bin/env -S ${run.join(" ")}\n${code}`);
  await Deno.chmod(path, 0o755);
  return path;
}

const STAMP = /virtrigaud-build\|[^|"]*\|[^|"]*\|[^|"]*\|/g;

/** Writes the build over the one place that says it. @throws when there is none, or another text would not fit */
export function stamped(code: string, { version, revision, date }: BuildInfo): string {
  for (const part of [version, revision, date]) {
    if (!/^[\w.:+-]*$/.test(part)) throw new RangeError(`${JSON.stringify(part)} cannot be part of a build`);
  }
  if (code.match(STAMP)?.length !== 1) throw new Error("the bundle does not say its build in one place");
  return code.replace(STAMP, `virtrigaud-build|${version}|${revision}|${date}|`);
}

/** The build as git tells it. @throws outside of a work tree */
export async function gitBuild(version: string): Promise<BuildInfo> {
  const args = ["log", "-1", "--format=%h %ct"];
  const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" }).output();
  if (!success) throw new Error("git log does not work here: give --revision and --date");
  const [revision = "", seconds = "0"] = new TextDecoder().decode(stdout).trim().split(" ");
  return { version, revision, date: new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z") };
}
