/** A process of the product that dies where it is told to and is started again. @module */

/** How it is run. */
export interface VictimOptions {
  readonly name: string;
  /** File of {@linkcode Tripwire}'s orders and points, without its ending; the log lies beside it. */
  readonly path: string;
  /** Module that lays the tripwire. */
  readonly preload: string;
  /** The real entry point and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Rest after an end that nobody ordered, as a kubelet takes it; a kill is followed by a start at once. */
const RESTART_MS = 300;

/** Runs from the start until it is disposed of, in as many lives as it takes. */
export class Victim implements AsyncDisposable {
  readonly #options: VictimOptions;
  readonly #lives: Promise<void>;
  #child: Deno.ChildProcess | undefined;
  #stopped = false;
  #kills = 0;

  constructor(options: VictimOptions) {
    this.#options = options;
    this.#lives = this.#live();
  }

  get name(): string {
    return this.#options.name;
  }

  /** How often it was killed by a signal 9. */
  get kills(): number {
    return this.#kills;
  }

  /** From now on its points are counted; it dies at number `point`, or at none. */
  arm(point: number | "none"): void {
    Deno.writeTextFileSync(`${this.#options.path}.points`, "");
    this.#order(point === "none" ? "Infinity" : String(point));
  }

  /** It counts no more. */
  disarm(): void {
    this.#order("off");
  }

  /** The points since it was armed, in order. */
  points(): string[] {
    return Deno.readTextFileSync(`${this.#options.path}.points`).split("\n").slice(0, -1);
  }

  /** The end of its log, for a person. */
  logTail(): string {
    const lines = Deno.readTextFileSync(`${this.#options.path}.log`).trimEnd().split("\n");
    return `--- ${this.name}\n${lines.slice(-20).join("\n")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    tryKill(this.#child);
    await this.#lives;
  }

  /** In one step, so that the process never reads half of it. */
  #order(order: string): void {
    const { path } = this.#options;
    Deno.writeTextFileSync(`${path}.order`, order);
    Deno.renameSync(`${path}.order`, `${path}.armed`);
  }

  async #live(): Promise<void> {
    const { path, preload, args, env } = this.#options;
    while (!this.#stopped) {
      // It dies with this process, however this one ends.
      const child = new Deno.Command("setpriv", {
        args: ["--pdeathsig", "KILL", "--", Deno.execPath(), "run", "-A", "--no-check", "--quiet"]
          .concat(`--preload=${preload}`, args),
        clearEnv: true,
        env: { ...env, CRASH_TRIPWIRE: path },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      this.#child = child;
      const logged = keep(`${path}.log`, [child.stdout, child.stderr]);
      const { signal } = await child.status;
      await logged;
      if (signal === "SIGKILL") this.#kills++;
      else if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
    }
  }
}

function tryKill(child: Deno.ChildProcess | undefined): void {
  try {
    child?.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

async function keep(path: string, streams: readonly ReadableStream<Uint8Array>[]): Promise<void> {
  using file = await Deno.open(path, { create: true, append: true, mode: 0o600 });
  await Promise.all(streams.map(async (stream) => {
    for await (const chunk of stream) await file.write(chunk);
  }));
}
