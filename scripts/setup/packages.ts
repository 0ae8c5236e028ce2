/** Installing Debian packages without starting what is in them. @module */
import { isFile, missing, run } from "../../tests/rigs/command.ts";

/** Packages by name, each with commands or files that tell whether it is there. */
export type PackageTable = Readonly<Record<string, readonly string[]>>;

/** Package scripts ask this file whether they may start a daemon (invoke-rc.d(8)); 101 says no. */
const POLICY = "/usr/sbin/policy-rc.d";
/** Another apt on the machine may hold the lock for a while. */
const LOCK_SECONDS = 300;

/** Packages of the table of which something is missing. */
export function missingPackages(table: PackageTable): string[] {
  return Object.entries(table).filter(([, things]) => missing(things).length > 0).map(([name]) => name).sort();
}

/** Why packages cannot be installed here, as the end of "because ..."; `undefined` when they can. */
export function installUnavailable(): string | undefined {
  if (missing(["apt-get"]).length > 0) return "there is no apt-get on this machine";
  if (Deno.uid() !== 0) return "installing packages needs root";
  return undefined;
}

/** Installs packages with nothing recommended and no daemon started. Throws when apt does. */
export async function installPackages(names: readonly string[]): Promise<void> {
  const options = {
    inheritEnv: true,
    env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    signal: AbortSignal.timeout(15 * 60_000),
  };
  const lock = ["-o", `DPkg::Lock::Timeout=${LOCK_SECONDS}`];
  const guard = !isFile(POLICY);
  if (guard) await Deno.writeTextFile(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await run(["apt-get", ...lock, "--quiet", "update"], options);
    await run(["apt-get", ...lock, "--quiet", "--yes", "--no-install-recommends", "install", ...names], options);
  } finally {
    if (guard) await Deno.remove(POLICY);
  }
}
