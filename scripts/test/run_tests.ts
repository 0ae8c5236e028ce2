/** Running `deno test` as a process with a time limit. @module */
import { type Counts, countsOf, failureReport, skippedLines, summaryLine } from "./counts.ts";

/** How a run of tests ended. */
export interface Outcome {
  readonly counts: Counts;
  /** What it printed, without colours. */
  readonly output: string;
  /** What went wrong beside failed tests. */
  readonly problem?: string;
}

/** How often a run that takes long says so. */
const PROGRESS_MS = 30_000;
/** How long a run may take to end after it was told to. */
const GRACE_MS = 5_000;

/** Runs `deno` with `args`, ends it after `minutes`, and counts; a run that breaks off counts as one failure. */
export async function runTests(name: string, args: readonly string[], minutes: number): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
  }).spawn();
  const start = performance.now();
  const progress = setInterval(() => {
    console.log(`     ${name} is still running (${Math.round((performance.now() - start) / 1000)} s)`);
  }, PROGRESS_MS);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    child.kill("SIGTERM");
  }, minutes * 60_000);
  const hardLimit = setTimeout(() => child.kill("SIGKILL"), minutes * 60_000 + GRACE_MS);
  const streams = [collect(child.stdout), collect(child.stderr)];
  const { code } = await child.status;
  clearInterval(progress);
  clearTimeout(limit);
  clearTimeout(hardLimit);
  // A process that the tests left behind may hold the pipes open for ever.
  const grace = setTimeout(() => streams.forEach((stream) => stream.cancel()), GRACE_MS);
  const output = (await Promise.all(streams.map((stream) => stream.text))).join("");
  clearTimeout(grace);

  const counts = countsOf(output);
  const problem = late
    ? `${name} was not done after ${minutes} min, its time limit, and was ended`
    : counts === undefined
    ? `${name} ended with code ${code} and without a result`
    : code !== 0 && counts.failed === 0
    ? `${name} ended with code ${code} although no test failed`
    : undefined;
  const sum = counts ?? { passed: 0, failed: 0, skipped: 0 };
  return problem === undefined
    ? { counts: sum, output }
    : { counts: { ...sum, failed: sum.failed + 1 }, output, problem };
}

/** Runs one `deno test` and says how it went, in one line; what broke is shown. */
export async function runAndTell(name: string, args: readonly string[], minutes: number): Promise<Counts> {
  const start = performance.now();
  const { counts, output, problem } = await runTests(name, ["test", "-A", "--no-check", ...args], minutes);
  if (counts.failed > 0) console.log(failureReport(output));
  const said = skippedLines(output);
  for (const line of said) console.log(line);
  if (said.length === 0 && counts.skipped > 0) {
    console.log(`SKIPPED ${name}: ${counts.skipped} tests because they are marked to be ignored`);
  }
  if (problem) console.log(`FAIL ${problem}`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${counts.failed > 0 ? "FAIL" : "ok  "} ${name}: ${summaryLine(counts)} (${seconds} s)`);
  return counts;
}

function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): { text: Promise<string>; cancel(): void } {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const read = async (): Promise<string> => {
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return text;
      text += value;
    }
  };
  return { text: read(), cancel: () => void reader.cancel().catch(() => {}) };
}
