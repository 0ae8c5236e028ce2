/** `deno task ok`: formatting, lint, types, structure rules and unit tests; the check for every commit. */
import { runCheck, STATIC_CHECKS, unitTestArgs } from "./checks.ts";
import { assertDenoVersion } from "./deno_version.ts";

assertDenoVersion();

for (const check of [...STATIC_CHECKS, { name: "test", args: ["test", "-A", "--quiet", ...unitTestArgs()] }]) {
  if (!(await runCheck(check))) Deno.exit(1);
}
