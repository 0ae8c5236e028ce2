/** A real sshd that listens, for tests in which it dies. @module */
import { createServer } from "node:net";
import type { Hypervisor } from "../../../tests/rigs/libvirt/mod.ts";

const PID_FILE = "/run/sshd-listening.pid";

/** The rig's own takes connections by way of socat; this one does all of it itself, and ends with its host. */
export class ListeningSshd {
  readonly #host: Hypervisor;
  readonly port: number;

  private constructor(host: Hypervisor, port: number) {
    this.#host = host;
    this.port = port;
  }

  static async start(host: Hypervisor): Promise<ListeningSshd> {
    const sshd = new ListeningSshd(host, await freePort());
    await sshd.revive();
    return sshd;
  }

  /** The `known_hosts` line for it. */
  get knownHosts(): string {
    return this.#host.knownHosts.replace(`:${this.#host.sshPort} `, `:${this.port} `);
  }

  /** Kills the process of every connection, and the one that would take the next. */
  async die(): Promise<void> {
    const pid = (await this.#host.sh(["cat", PID_FILE])).trim();
    await this.#host.sh(["pkill", "-KILL", "--parent", pid]);
    await this.#host.sh(["kill", "-KILL", pid]);
  }

  async revive(): Promise<void> {
    // Beside socat, whose network is this machine's: the host's own has no way in.
    const [socat = ""] = (await this.#host.sh(["pgrep", "--oldest", "--exact", "socat"])).split("\n");
    const listen = ["-o", `ListenAddress=127.0.0.1:${this.port}`, "-o", `PidFile=${PID_FILE}`];
    await this.#host.sh(["nsenter", `--net=/proc/${socat}/ns/net`, "/usr/sbin/sshd", ...listen]);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port is free");
  return address.port;
}
