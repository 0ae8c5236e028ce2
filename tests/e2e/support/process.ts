/** Processes of the product that tests start, kill and start again. @module */

/** How to start one. */
export interface ProcessOptions {
  /** For messages. */
  readonly name: string;
  /** Program text and its arguments, run by this Deno. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** File that its output is appended to. */
  readonly logFile: string;
}

/**
 * A process that is running or was killed. One that ends by itself is started again, as a kubelet would, after a second.
 * Disposing ends it for good.
 */
export class TestProcess implements AsyncDisposable {
  readonly #options: ProcessOptions;
  #child: Deno.ChildProcess | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #logged: Promise<unknown> = Promise.resolve();

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Of the running process. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  /** Starts it, again if it was killed. */
  start(): void {
    const { args, env, name, logFile } = this.#options;
    if (this.#child !== undefined) throw new Error(`${name} is running already`);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", ...args],
      clearEnv: true,
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.#logged = keep(logFile, [child.stdout, child.stderr]);
    void this.#keepRunning(child);
  }

  /** Ends it as kill -9 does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to end. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #keepRunning(child: Deno.ChildProcess): Promise<void> {
    await child.status;
    await this.#logged;
    // Whoever ended it on purpose has forgotten it before.
    if (this.#child !== child) return;
    this.#again = setTimeout(() => {
      this.#child = undefined;
      this.start();
    }, 1_000);
  }

  async #end(signal: Deno.Signal): Promise<void> {
    clearTimeout(this.#again);
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    tryKill(child, signal);
    const hard = setTimeout(() => tryKill(child, "SIGKILL"), 15_000);
    await child.status;
    clearTimeout(hard);
    await this.#logged;
  }
}

function tryKill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
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
