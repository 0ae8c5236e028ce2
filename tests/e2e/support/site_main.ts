/** The embedded control plane and the runner, without a manager, as a process that tests can kill. @module */
import { createLogger, signalled } from "@virtrigaud/telemetry";
import { startSite } from "../../../src/cmd/standalone/site.ts";
import { baseEnv } from "./config.ts";

const [folder, port] = Deno.args;
if (folder === undefined || port === undefined) throw new TypeError("usage: site_main.ts <folder> <port>");
await using site = await startSite({
  folder,
  port: Number(port),
  withManager: false,
  baseEnv: baseEnv(),
  log: createLogger({ level: "debug" }),
});
await Promise.race([signalled(), site.failed]);
