/** The manager as it is shipped, to be measured: one file, with the engine's flags. @module */
import { bundleRole } from "../../scripts/build/bundle.ts";
import { engineFlags, ROLES } from "../../scripts/build/roles.ts";

const BUILD = { version: "0.0.0", revision: "bench", date: "2026-01-01T00:00:00Z" };

/** Bundles the manager into `folder`; gives the arguments of `deno` that run it, with permission to read anything. */
export async function shippedManager(folder: string): Promise<readonly string[]> {
  const role = ROLES.find(({ name }) => name === "manager");
  if (role === undefined) throw new Error("there is no role manager");
  const { code } = await bundleRole(role, { folder, build: BUILD });
  return ["run", "-A", "--no-config", "--no-lock", "--cached-only", "--quiet", ...engineFlags(role), code];
}
