/** The checks of every commit, shared by `deno task ok` and `deno task test`. @module */

/** A step: `deno` with these arguments. */
export interface Check {
  readonly name: string;
  readonly args: readonly string[];
}

/** Formatting, lint and types. */
export const STATIC_CHECKS: readonly Check[] = [
  { name: "fmt", args: ["fmt", "--check", "--quiet"] },
  { name: "lint", args: ["lint", "--quiet"] },
  { name: "check", args: ["check", "--quiet"] },
];

/** Where unit tests stand; tests that need a rig stand there as well and are told by their name. */
export const UNIT_TEST_FOLDERS = [
  "src/",
  "providers/",
  "scripts/",
  "tests/structure/",
  "tests/compat/",
  "tests/controllers/",
  "tests/mutation/",
  "tests/rigs/",
];

/** The arguments that run every unit test. */
export function unitTestArgs(folderExists: (folder: string) => boolean = exists): string[] {
  return ["--quiet", "--parallel", "--ignore=**/*_rig_test.ts", ...UNIT_TEST_FOLDERS.filter(folderExists)];
}

/** Runs a check with its output on the terminal and says how it went. */
export async function runCheck({ name, args }: Check): Promise<boolean> {
  const start = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), { args: [...args], stdin: "null" }).spawn().status;
  console.log(`${success ? "ok  " : "FAIL"} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return success;
}

function exists(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch {
    return false;
  }
}
