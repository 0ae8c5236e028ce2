/** `deno task ok`: formatting, lint, types, structure rules and unit tests; the check for every commit. */
import { assertDenoVersion } from "./deno_version.ts";

assertDenoVersion();

const steps: [name: string, args: string[]][] = [
  ["fmt", ["fmt", "--check", "--quiet"]],
  ["lint", ["lint", "--quiet"]],
  ["check", ["check", "--quiet"]],
  ["test", ["test", "-A", "--quiet", "--parallel", "src/", "providers/", "tests/structure/", "tests/compat/"]],
];

for (const [name, args] of steps) {
  const start = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  console.log(`${success ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (!success) Deno.exit(1);
}
