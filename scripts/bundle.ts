/**
 * `deno task bundle` and `deno task compile`: every role as one file under dist/. A bundle runs with the `deno` on the
 * PATH; a compiled binary brings its own, which has to be fetched from where Deno is released, or given as `DENORT_BIN`.
 */
import { parseArgs } from "node:util";
import { buildInfo } from "@virtrigaud/telemetry";
import { bundleRole, gitBuild } from "./build/bundle.ts";
import { engineFlags, permissionFlags, ROLES } from "./build/roles.ts";
import { assertDenoVersion } from "../src/telemetry/deno_version.ts";

assertDenoVersion();
const { values } = parseArgs({
  args: Deno.args,
  options: {
    compile: { type: "boolean", default: false },
    role: { type: "string", multiple: true },
    output: { type: "string", default: "dist" },
    target: { type: "string" },
    version: { type: "string", default: buildInfo().version },
    revision: { type: "string" },
    date: { type: "string" },
  },
});
const { revision, date, version } = values;
const build = revision !== undefined && date !== undefined ? { version, revision, date } : await gitBuild(version);
const unknown = (values.role ?? []).filter((name) => !ROLES.some((role) => role.name === name));
if (unknown.length > 0) throw new RangeError(`unknown role ${unknown}; allowed: ${ROLES.map(({ name }) => name)}`);

for (const role of ROLES.filter(({ name }) => values.role === undefined || values.role.includes(name))) {
  const folder = values.compile ? `${values.output}/bundles` : values.output;
  const { code, launcher } = await bundleRole(role, { folder, build });
  if (!values.compile) {
    console.log(launcher);
    continue;
  }
  const binary = `${values.output}/${role.name}`;
  const flags = [
    ...engineFlags(role),
    ...permissionFlags(role.permissions),
    ...values.target === undefined ? [] : [`--target=${values.target}`],
  ];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--no-config", "--no-lock", "--quiet", ...flags, `--output=${binary}`, code],
  }).spawn().status;
  if (!success) Deno.exit(1);
  console.log(binary);
}
