/** One provider process: started, probed, started again with backoff, ended. @module */
import { join } from "node:path";
import { backoffDelay, type Clock } from "@virtrigaud/resilience";
import type { Logger } from "@virtrigaud/telemetry";
import { dropPid, notePid } from "./leftovers.ts";

/** How a process is started. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** URL of the readiness probe. */
  readonly readyUrl: string;
  /** A word of the command line that tells the process from others. */
  readonly mark: string;
}

/** Options of {@linkcode ProviderProcess}. */
export interface ProcessOptions {
  /** `namespace/name` of the Deployment. */
  readonly key: string;
  /** Made anew for every start, so that every start sees present values and takes ports that are free then. */
  readonly launch: () => Promise<Launch>;
  readonly logFile: string;
  readonly pidFolder: string;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when readiness changes. */
  readonly onReady: (ready: boolean) => void;
}

const RESTART_BACKOFF = { baseMs: 500, maxMs: 30_000 } as const;
/** A process that ran this long starts anew without delay. */
const STABLE_MS = 60_000;
const PROBE_MS = { starting: 100, running: 2_000, timeout: 1_000 } as const;
const MAX_LOG_BYTES = 10 << 20;

/** Keeps one process running until it is stopped. */
export class ProviderProcess {
  readonly #options: ProcessOptions;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #child: Deno.ChildProcess | undefined;
  #ready = false;
  #restarts = -1;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** How often it was started again. */
  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks the process to end, and makes it after the grace period. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { clock, log, key } = this.#options;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted;) {
      const started = clock.monotonic();
      try {
        const status = await this.#once();
        if (signal.aborted) break;
        log.warn("a provider process ended and is started again", {
          provider: key,
          code: status.code,
          signal: status.signal,
        });
      } catch (error) {
        log.error("a provider process cannot be started", { provider: key, error });
      }
      failures = clock.monotonic() - started > STABLE_MS ? 1 : failures + 1;
      await clock.sleep(backoffDelay(RESTART_BACKOFF, failures), { signal }).catch(() => {});
    }
  }

  async #once(): Promise<Deno.CommandStatus> {
    const { launch, key, pidFolder, logFile } = this.#options;
    const { command, args, env, cwd, mark, readyUrl } = await launch();
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      ...(cwd === undefined ? {} : { cwd }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.#restarts++;
    const file = key.replaceAll("/", "_");
    await notePid(pidFolder, file, child.pid, mark);
    const probing = new AbortController();
    const ending = this.#endOnStop(child, probing.signal);
    const probe = this.#probe(readyUrl, probing.signal);
    const logged = keepLog(logFile, [child.stdout, child.stderr]);
    try {
      return await child.status;
    } finally {
      probing.abort();
      this.#setReady(false);
      await Promise.all([probe, ending, logged, dropPid(pidFolder, file)]);
    }
  }

  /** SIGTERM when the stop comes, SIGKILL after the grace period. */
  async #endOnStop(child: Deno.ChildProcess, ended: AbortSignal): Promise<void> {
    const { clock, graceMs } = this.#options;
    const stop = this.#stop.signal;
    await new Promise<void>((resolve) => {
      if (stop.aborted || ended.aborted) return resolve();
      const on = () => {
        stop.removeEventListener("abort", on);
        ended.removeEventListener("abort", on);
        resolve();
      };
      stop.addEventListener("abort", on);
      ended.addEventListener("abort", on);
    });
    if (ended.aborted) return;
    kill(child, "SIGTERM");
    await clock.sleep(graceMs, { signal: ended }).then(() => kill(child, "SIGKILL"), () => {});
  }

  async #probe(readyUrl: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#setReady(await isReady(readyUrl, signal));
      await clock.sleep(this.#ready ? PROBE_MS.running : PROBE_MS.starting, { signal }).catch(() => {});
    }
  }

  #setReady(ready: boolean): void {
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#options.onReady(ready);
  }
}

async function isReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS.timeout)]) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

/** Appends what the process says to its log file; an old one that grew large is kept once, as `.1`. */
async function keepLog(path: string, streams: readonly ReadableStream<Uint8Array>[]): Promise<void> {
  await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  const size = await Deno.stat(path).then((info) => info.size, () => 0);
  if (size > MAX_LOG_BYTES) await Deno.rename(path, `${path}.1`);
  using file = await Deno.open(path, { create: true, append: true, mode: 0o600 });
  await Promise.all(streams.map(async (stream) => {
    for await (const chunk of stream) await file.write(chunk);
  }));
}
