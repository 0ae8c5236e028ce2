/** Entry point of `virtrigaud`: the product on one machine. @module */
import { parseArgs } from "node:util";
import { parseDuration } from "@virtrigaud/api";
import { assertDenoVersion, versionLine } from "@virtrigaud/telemetry";
import { up } from "./up.ts";

const USAGE = `virtrigaud: virtual machines by kubectl, on one machine, without a cluster

  virtrigaud up [options]      API server, manager and provider, and one example VM that becomes Ready; then stays

Options:
  --once                end when the example is Ready (exit 0) or cannot get there (exit 1, with the reason)
  --timeout=<duration>  time that the example may take with --once (default 5m)
  --folder=<folder>     where everything is kept (default .virtrigaud)
  --port=<n>            port of the API server on 127.0.0.1 (default: any free one)
  --metrics-port=<n>    port of /metrics, /healthz and /readyz on 127.0.0.1 (default: any free one)
  --libvirt=<uri>       use this hypervisor instead of the mock: qemu:///system, qemu+ssh://user@host/system
  --image=<image>       qcow2 image on that hypervisor: a path, or a volume of its default pool
  --ssh-key=<file>      private key for qemu+ssh (default: keyfile= of the URI, then the keys in ~/.ssh)
  --version, --help
`;

/** Reads the arguments and runs. Returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      once: { type: "boolean", default: false },
      timeout: { type: "string", default: "5m" },
      folder: { type: "string", default: ".virtrigaud" },
      port: { type: "string" },
      "metrics-port": { type: "string" },
      libvirt: { type: "string" },
      image: { type: "string" },
      "ssh-key": { type: "string" },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.version) {
    console.log(versionLine("virtrigaud"));
    return 0;
  }
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  if (command !== "up" || rest.length > 0) {
    throw new TypeError(`unknown command "${positionals.join(" ")}": there is only "up"`);
  }
  const port = portOf("port", values.port);
  const metricsPort = portOf("metrics-port", values["metrics-port"]);
  return await up({
    folder: values.folder,
    once: values.once,
    timeoutMs: parseDuration(values.timeout),
    ...(port === undefined ? {} : { port }),
    ...(metricsPort === undefined ? {} : { metricsPort }),
    ...(values.libvirt === undefined ? {} : { libvirt: values.libvirt }),
    ...(values.image === undefined ? {} : { image: values.image }),
    ...(values["ssh-key"] === undefined ? {} : { sshKey: values["ssh-key"] }),
    env: (name) => Deno.env.get(name),
    say: (line) => console.log(line),
  });
}

function portOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const port = Number(value);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new RangeError(`--${option} is ${JSON.stringify(value)}; allowed: 0 to 65535`);
}

if (import.meta.main) {
  assertDenoVersion();
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(`virtrigaud: ${error instanceof Error ? error.message : String(error)}`);
    Deno.exit(1);
  }
}
