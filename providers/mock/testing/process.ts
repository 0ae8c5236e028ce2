/** The mock provider as a process of its own, as the runner starts it. @module */
import { connectProvider } from "@virtrigaud/contract/client/mod.ts";
import type { Provider } from "@virtrigaud/contract";

const MAIN = new URL("../main.ts", import.meta.url).pathname;

/** A running process, a client of it, and its control endpoint. */
export class MockProcess implements AsyncDisposable {
  readonly provider: Provider;
  readonly #process: Deno.ChildProcess;
  readonly #control: string;
  readonly #close: () => void;
  readonly #log: Promise<void>;

  private constructor(process: Deno.ChildProcess, address: string, control: string, log: Promise<void>) {
    this.#process = process;
    this.#control = control;
    this.#log = log;
    // A single attempt: what a call does to the process is what the tests look at.
    const connection = connectProvider({ address, tls: { plaintext: true }, retry: { maxAttempts: 1 } });
    this.provider = connection.provider;
    this.#close = () => connection.close();
  }

  /** Starts it with its memory in `stateFile`; resolves when it serves. */
  static async start(stateFile: string, env: Readonly<Record<string, string>> = {}): Promise<MockProcess> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", MAIN, "--port=0", "--health-port=0"],
      env: {
        VIRTRIGAUD_PROVIDER_INSECURE: "true",
        TLS_ENABLED: "false",
        VIRTRIGAUD_LISTEN_HOST: "127.0.0.1",
        VIRTRIGAUD_CREDENTIALS_DIR: `${stateFile}.credentials`,
        LOG_FORMAT: "json",
        MOCK_STATE_FILE: stateFile,
        MOCK_CONTROL_PORT: "0",
        MOCK_TASK_LATENCY: "20",
        MOCK_BOOT_LATENCY: "20",
        ...env,
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let log = "";
    let control: string | undefined;
    let port: number | undefined;
    while (control === undefined || port === undefined) {
      const { done, value } = await lines.read();
      if (done) throw new Error(`the mock process ended before it served: ${log}`);
      log += value;
      for (const line of log.split("\n").slice(0, -1)) {
        const entry: { message?: string; address?: string; port?: number } = JSON.parse(line);
        control ??= entry.message?.startsWith("control endpoint") ? entry.address : undefined;
        port ??= entry.message === "serving" ? entry.port : undefined;
      }
    }
    const drained = (async () => {
      while (!(await lines.read()).done);
    })();
    return new MockProcess(process, `127.0.0.1:${port}`, `http://${control}`, drained);
  }

  /** What the hypervisor itself says. */
  async look(path: string): Promise<{ type: string; subject: string; name: string; id: string }[]> {
    return await (await fetch(`${this.#control}${path}`)).json();
  }

  /** Changes something at the hypervisor itself. */
  async tell(path: string, body: unknown): Promise<void> {
    const response = await fetch(`${this.#control}${path}`, { method: "POST", body: JSON.stringify(body) });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}`);
  }

  /** Waits for the end of the process. */
  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await this.#log;
    return status;
  }

  /** Ends it as kill -9 does. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.ended();
  }
}
