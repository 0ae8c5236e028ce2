/** A process of the product under measurement: started, killed, its CPU time and memory read from /proc. @module */

/** How a {@linkcode Process} is started. */
export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Gets what it prints. */
  readonly logFile: string;
}

/** Ticks of `/proc/PID/stat` per second: USER_HZ, 100 on every Linux that this runs on (proc(5)). */
const TICKS_PER_SECOND = 100;

/** A running process; it dies with this one, however this one ends. */
export class Process {
  readonly #child: Deno.ChildProcess;
  readonly #logged: Promise<unknown>;

  constructor({ command, args, env, logFile }: ProcessOptions) {
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", "--", command, ...args],
      env: { ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#logged = Promise.all(
      [this.#child.stdout, this.#child.stderr].map(async (stream) => {
        using file = await Deno.open(logFile, { create: true, append: true, mode: 0o600 });
        for await (const chunk of stream) await file.write(chunk);
      }),
    );
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** User and system time so far, milliseconds (fields 14 and 15 of `/proc/PID/stat`, all threads). */
  async cpuMs(): Promise<number> {
    const stat = await Deno.readTextFile(`/proc/${this.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
  }

  /** Resident memory now, MiB (`VmRSS` of `/proc/PID/status`). */
  async rssMib(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  /** Ends it and waits until it is gone. SIGTERM becomes SIGKILL after 30 s. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const hard = setTimeout(() => send(this.#child, "SIGKILL"), 30_000);
    send(this.#child, signal);
    await this.#child.status;
    clearTimeout(hard);
    await this.#logged;
  }
}

function send(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}
