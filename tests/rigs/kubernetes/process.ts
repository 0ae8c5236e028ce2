/** A server process of the Kubernetes rig. @module */
import { commandEnv } from "../command.ts";
import { noteProcess } from "../instance.ts";

/** A running server. */
export interface ServerProcess {
  /** Why it is not running any more, with the end of its log; `undefined` while it runs. */
  failure(): Promise<string | undefined>;
  /** Ends it as kill -9 does. */
  kill(): Promise<void>;
  /** Ends it, hard if it does not go within 5 s. */
  stop(): Promise<void>;
}

/** Starts `argv` with its output in `DIR/NAME.log`; it ends with the thread that started it, however that ends. */
export async function startServer(dir: string, name: string, argv: readonly string[]): Promise<ServerProcess> {
  const log = `${dir}/${name}.log`;
  const script = 'log=$1; shift; exec "$@" >> "$log" 2>&1';
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "--", "sh", "-c", script, "sh", log, ...argv],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    clearEnv: true,
    env: commandEnv({ HOME: dir }),
  }).spawn();
  let ended: Deno.CommandStatus | undefined;
  const status = child.status.then((result) => ended = result);
  await noteProcess(dir, name, child.pid);
  return {
    failure: async () => {
      if (!ended) return undefined;
      const text = await Deno.readTextFile(log).catch(() => "no log");
      return `${name} ended with code ${ended.code}; the end of its log:\n${
        text.trimEnd().split("\n").slice(-15).join("\n")
      }`;
    },
    kill: async () => {
      if (ended) return;
      child.kill("SIGKILL");
      await status;
    },
    stop: async () => {
      if (ended) return;
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 5000);
      await status;
      clearTimeout(hard);
    },
  };
}
