/** `deno task ok`: formatting, lint, types, structure rules and unit tests; the check for every commit. */
import { runCheck, STATIC_CHECKS, unitTestArgs } from "./checks.ts";
import { assertDenoVersion } from "../src/telemetry/deno_version.ts";
import { runAndTell } from "./test/run_tests.ts";
import { UNIT_SUITE } from "./test/suites.ts";

assertDenoVersion();

for (const check of STATIC_CHECKS) {
  if (!(await runCheck(check))) Deno.exit(1);
}
const { failed } = await runAndTell(UNIT_SUITE.name, unitTestArgs(), UNIT_SUITE.minutes);
if (failed > 0) Deno.exit(1);
