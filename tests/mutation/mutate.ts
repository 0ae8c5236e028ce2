/**
 * Shows that the tests can fail: breaks one promise at a time in a copy of the tree and runs the test that has to
 * notice. `deno run -A tests/mutation/mutate.ts [words of a name]`. Exit code 1 when a breakage goes unnoticed.
 *
 * @module
 */
import { join } from "node:path";
import { type Breakage, BREAKAGES } from "./breakages.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
/** Folders that no test needs. */
const LEFT_OUT = [".git", ".virtrigaud", "node_modules", "dist", "coverage"];
const LIMIT_MS = 300_000;

/** How a test run ended. */
type Outcome = "passed" | "failed" | "broke off";

/** Copies what lies in `from` to `to`. */
async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    if (LEFT_OUT.includes(entry.name)) continue;
    if (entry.isDirectory) await copy(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile) await Deno.copyFile(join(from, entry.name), join(to, entry.name));
  }
}

/** Runs the one test. It counts as failed only when it ran: a tree that does not load proves nothing. */
async function runTest(folder: string, { file, test }: Breakage["caughtBy"]): Promise<Outcome> {
  const words = test.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--quiet", `--filter=/^${words}$/`, file],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stderr: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const summary = /^(ok|FAILED) \| (\d+) passed.* \| (\d+) failed/m.exec(new TextDecoder().decode(stdout));
  const [passed, failed] = [Number(summary?.[2] ?? 0), Number(summary?.[3] ?? 0)];
  if (passed + failed !== 1) return "broke off";
  return failed === 1 ? "failed" : "passed";
}

/** Applies the edit and gives the text back as it was. @throws when the code has moved on from under it */
async function apply(folder: string, { file, from, to }: Breakage["edit"]): Promise<string> {
  const path = join(folder, file);
  const text = await Deno.readTextFile(path);
  if (text.split(from).length !== 2) {
    throw new Error(`${file} does not contain this once, adapt the breakage:\n${from}`);
  }
  await Deno.writeTextFile(path, text.replace(from, () => to));
  return text;
}

/** Tries every breakage whose name contains `words`. Returns the names of those that nobody noticed. */
export async function mutate(words = ""): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-mutation-" });
  const missed: string[] = [];
  try {
    await copy(ROOT, folder);
    for (const { name, edit, caughtBy } of BREAKAGES.filter((each) => each.name.includes(words))) {
      const before = await runTest(folder, caughtBy);
      const original = await apply(folder, edit);
      const after = await runTest(folder, caughtBy);
      await Deno.writeTextFile(join(folder, edit.file), original);
      const caught = before === "passed" && after === "failed";
      if (!caught) missed.push(name);
      const how = caught ? "" : ` (unbroken: ${before}, broken: ${after})`;
      console.log(`${caught ? "caught" : "MISSED"}  ${name}${how}\n        by ${caughtBy.file}: ${caughtBy.test}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return missed;
}

if (import.meta.main) {
  const missed = await mutate(Deno.args.join(" "));
  console.log(`${missed.length} breakages went unnoticed`);
  Deno.exit(missed.length > 0 ? 1 : 0);
}
