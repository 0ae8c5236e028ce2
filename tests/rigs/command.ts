/** Running commands for rigs and setup: argv in, output out, errors that say what was run. @module */
import { searchPath } from "./config.ts";

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** Written to standard input; default: nothing. */
  input?: string;
  /** Variables beside `PATH`, `HOME` and `LC_ALL`; the caller's environment is not passed on. */
  env?: Record<string, string>;
  /** Passes the caller's environment on, under the rigs' own variables; default false. */
  inheritEnv?: boolean;
  /** Folder to run in; default: the current one. */
  cwd?: string;
  /** Whether what it writes to standard output is shown instead of given back; default false. */
  show?: boolean;
  signal?: AbortSignal;
}

/** Ends in an error that carries what the command wrote. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  constructor(readonly argv: readonly string[], readonly code: number, readonly output: string) {
    super(`${argv.join(" ")} ended with code ${code}: ${output.trim().slice(-2000) || "no output"}`);
  }
}

/** Runs `argv` to its end and gives what it wrote to standard output; throws {@linkcode CommandFailed} otherwise. */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const [command, ...args] = argv;
  const child = new Deno.Command(command, {
    args,
    stdin: options.input === undefined ? "null" : "piped",
    stdout: options.show ? "inherit" : "piped",
    stderr: "piped",
    clearEnv: !options.inheritEnv,
    env: options.inheritEnv ? { PATH: searchPath().join(":"), ...options.env } : commandEnv(options.env),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    // A command may end before it has read everything; its exit code tells why.
    await writer.write(new TextEncoder().encode(options.input)).then(() => writer.close()).catch(() => {});
  }
  const ended = await child.output();
  const decoder = new TextDecoder();
  const output = options.show ? "" : decoder.decode(ended.stdout);
  if (ended.code !== 0) throw new CommandFailed(argv, ended.code, decoder.decode(ended.stderr) + output);
  return output;
}

/** The environment of every command of the rigs. */
export function commandEnv(extra: Record<string, string> = {}): Record<string, string> {
  return { PATH: searchPath().join(":"), HOME: "/root", LC_ALL: "C", ...extra };
}

/** Those of `things` that are not there: commands on the search path, or files by their absolute path. */
export function missing(things: readonly string[]): string[] {
  const there = (thing: string): boolean =>
    thing.startsWith("/") ? isFile(thing) : searchPath().some((folder) => isFile(`${folder}/${thing}`));
  return things.filter((thing) => !there(thing));
}

/** Whether `path` is a file, following links. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
