/** One file per role, with everything in it. @module */
import { fileURLToPath } from "node:url";
import type { BuildInfo } from "@virtrigaud/telemetry";
import { engineFlags, permissionFlags, type Role } from "./roles.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Optional native parts of ssh2, which it does without. */
const EXTERNAL = ["cpu-features", "./crypto/build/Release/sshcrypto.node"];

/** Options of {@linkcode bundleRole}. */
export interface BundleOptions {
  /** Folder that the files go to. */
  readonly folder: string;
  readonly build: BuildInfo;
}

/** A bundled role. */
export interface Bundle {
  /** The code, one file that imports nothing. */
  readonly code: string;
  /** An executable that runs the code with the permissions of the role, by the `deno` on the PATH. */
  readonly launcher: string;
}

/** Bundles a role into `folder/<name>.js`, with a launcher `folder/<name>` beside it. */
export async function bundleRole(role: Role, { folder, build }: BundleOptions): Promise<Bundle> {
  await Deno.mkdir(folder, { recursive: true });
  const [code, launcher] = [`${folder}/${role.name}.js`, `${folder}/${role.name}`];
  const flags = ["--quiet", "--minify", "--platform=deno", ...EXTERNAL.map((name) => `--external=${name}`)];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", ...flags, `--output=${code}`, role.entry],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`cannot bundle ${role.name}: ${new TextDecoder().decode(stderr).trim()}`);
  await Deno.writeTextFile(code, stamped(await Deno.readTextFile(code), build));
  await Deno.writeTextFile(launcher, launcherOf(role));
  await Deno.chmod(launcher, 0o755);
  return { code, launcher };
}

/** The arguments of `deno` before the bundle. */
export function runFlags(role: Pick<Role, "permissions" | "v8Flags">): string[] {
  const always = ["run", "--no-config", "--no-lock", "--cached-only", "--quiet"];
  return [...always, ...engineFlags(role), ...permissionFlags(role.permissions)];
}

/** A script, since the kernel cuts the first line of a file at 256 bytes and would lose permissions there. */
function launcherOf(role: Role): string {
  const flags = runFlags(role).map((flag) => `'${flag}'`).join(" ");
  return `#!/bin/sh\nexec deno ${flags} "$(dirname -- "$0")/${role.name}.js" "$@"\n`;
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
