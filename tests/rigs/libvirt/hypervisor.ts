/** One hypervisor host of the libvirt rig. @module */
import { commandEnv, run, type RunOptions } from "../command.ts";
import { endInstance, makeInstance, noteProcess, sweepInstances } from "../instance.ts";
import { ensureGuestImage } from "./images.ts";
import { ensureRelease, type Release } from "./release.ts";

const HOST = new URL("./host/", import.meta.url).pathname;
/** Kind of instance folder; its letter is all a unix socket path can spare. */
const KIND = "hv";
/** A host is up in 0.5 s; the first one on a machine probes QEMU for up to 8 s, on a busy one for longer. */
const BOOT_TIMEOUT_MS = 60_000;

/** How to start a hypervisor. */
export interface HypervisorOptions {
  /** Host name; default `kvm1`. */
  name?: string;
  /** Whether the pool holds the guest image as {@linkcode Hypervisor.imageVolume}; default true. */
  image?: boolean;
  /** Debian release whose libvirt and QEMU it runs; default: this machine's. Ask {@linkcode releaseRig} first. */
  release?: Release;
  signal?: AbortSignal;
}

/**
 * A libvirt host in namespaces of its own: libvirtd, sshd, NAT network `default` (192.168.122.0/24, DHCP, no way out) and
 * directory pool `default`. It ends when its owner ends, however that happens.
 */
export interface Hypervisor extends AsyncDisposable {
  readonly name: string;
  /** The connection URI of an operator on this machine: `qemu+ssh://root@127.0.0.1:PORT/system`. */
  readonly uri: string;
  readonly sshPort: number;
  /** File with the client's private key (ed25519, OpenSSH format). */
  readonly sshKeyPath: string;
  /** The same key as text. */
  readonly privateKey: string;
  /** The `known_hosts` line for this host. */
  readonly knownHosts: string;
  /** libvirt's socket, reachable from outside the host's namespaces. */
  readonly socketPath: string;
  readonly pool: "default";
  readonly network: "default";
  /** Volume of {@linkcode pool} with the guest image: qcow2, 64 MiB virtual. */
  readonly imageVolume: "tiny.qcow2";
  /** Runs virsh on the host; gives what it printed, without the blank lines at its end. */
  virsh(...args: string[]): Promise<string>;
  /** Runs a command on the host, as root. */
  sh(argv: readonly [string, ...string[]], options?: RunOptions): Promise<string>;
  /** Cuts the power: every daemon and guest is gone at once, what is on disk stays. */
  kill(): Promise<void>;
  /** Boots the host again after {@linkcode kill}, with the same disks, keys, identity and SSH port. */
  start(): Promise<void>;
  /** Ends the host and removes everything of it. */
  stop(): Promise<void>;
}

/** Starts a hypervisor; ask {@linkcode libvirtRig.unavailable} first. Takes about a second. */
export async function startHypervisor(options: HypervisorOptions = {}): Promise<Hypervisor> {
  const name = options.name ?? "kvm1";
  await sweepInstances();
  const dir = await makeInstance(KIND);
  try {
    const root = options.release === undefined ? "" : await ensureRelease(options.release);
    await layOut(dir, name, root);
    if (options.image ?? true) await Deno.copyFile(await ensureGuestImage(options), `${dir}/lib/images/tiny.qcow2`);
    let host: Booted | undefined = await boot(dir, name, root, options.signal);
    const { port } = host;
    await Deno.writeTextFile(`${dir}/port`, `${port}`);
    const sh: Hypervisor["sh"] = (argv, runOptions) => {
      if (!host) throw new Error(`hypervisor ${name} is off: start() it before running ${argv.join(" ")}`);
      return run(
        ["nsenter", `--target=${host.pid}`, "--root", "--mount", "--uts", "--ipc", "--net", "--pid", ...argv],
        runOptions,
      );
    };
    const kill = async () => {
      await host?.end();
      host = undefined;
    };
    const stop = async () => {
      await kill();
      await endInstance(dir);
    };
    const hostKey = (await Deno.readTextFile(`${dir}/etc/ssh/ssh_host_ed25519_key.pub`)).split(" ").slice(0, 2).join(
      " ",
    );
    return {
      name,
      uri: `qemu+ssh://root@127.0.0.1:${port}/system`,
      sshPort: port,
      sshKeyPath: `${dir}/id`,
      privateKey: await Deno.readTextFile(`${dir}/id`),
      knownHosts: `[127.0.0.1]:${port} ${hostKey}`,
      socketPath: `${dir}/run/libvirt/libvirt-sock`,
      pool: "default",
      network: "default",
      imageVolume: "tiny.qcow2",
      virsh: async (...args) => (await sh(["virsh", "--quiet", ...args])).trimEnd(),
      sh,
      kill,
      start: async () => {
        if (host) throw new Error(`hypervisor ${name} is running already`);
        host = await boot(dir, name, root);
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await endInstance(dir);
    throw error;
  }
}

/** Writes the host's private part of the file system. */
async function layOut(dir: string, name: string, root: string): Promise<void> {
  await run(["cp", "-a", `${HOST}etc`, `${dir}/etc`]);
  for (const folder of ["lib/images", "log/qemu", "cache", "root/.ssh", "etc/accounts"]) {
    await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
  }
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", `${dir}/id`]);
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", `${dir}/etc/ssh/ssh_host_ed25519_key`]);
  await Deno.chmod(`${dir}/root`, 0o700);
  await Deno.chmod(`${dir}/root/.ssh`, 0o700);
  await Deno.copyFile(`${dir}/id.pub`, `${dir}/root/.ssh/authorized_keys`);
  const hostUuid = `\nhost_uuid = "${crypto.randomUUID()}"\n`;
  await Deno.writeTextFile(`${dir}/etc/libvirt/libvirtd.conf`, hostUuid, { append: true });
  await Deno.writeTextFile(`${dir}/port`, "0");
  // libvirt insists on its user even where it runs guests as root, and sshd refuses a root locked with "!".
  for (const [table, entry] of [["passwd", "x:64055:64055::/:/usr/sbin/nologin"], ["group", "x:64055:"]] as const) {
    const text = await Deno.readTextFile(`${root}/etc/${table}`);
    const has = text.split("\n").some((line) => line.startsWith("libvirt-qemu:"));
    await Deno.writeTextFile(`${dir}/etc/accounts/${table}`, has ? text : `${text}libvirt-qemu:${entry}\n`);
  }
  await Deno.writeTextFile(`${dir}/etc/accounts/shadow`, "root:*:19000:0:99999:7:::\n", { mode: 0o600 });
}

/** A host that is up. */
interface Booted {
  /** Its PID 1 as seen from outside. */
  readonly pid: number;
  readonly port: number;
  /** Kills it and waits until its last process is gone. */
  end(): Promise<void>;
}

async function boot(dir: string, name: string, root: string, signal?: AbortSignal): Promise<Booted> {
  await Deno.remove(`${dir}/run`, { recursive: true }).catch(() => {});
  for (const folder of ["run/sshd", "run/lock"]) await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
  const child = new Deno.Command("unshare", {
    args: ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "bash", `${HOST}start.sh`, dir, name, root],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    clearEnv: true,
    env: commandEnv(),
  }).spawn();
  const known = new Map<string, number>();
  const end = async () => {
    const pid = known.get("pid");
    try {
      if (pid === undefined) child.kill("SIGKILL");
      else Deno.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await child.stdin.close().catch(() => {});
  };
  const timeout = AbortSignal.timeout(BOOT_TIMEOUT_MS);
  const giveUp = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const abort = () => void reader.cancel().catch(() => {});
  giveUp.addEventListener("abort", abort);
  try {
    let text = "";
    while (!/^ready$/m.test(text)) {
      const { value, done } = await reader.read();
      if (done) {
        signal?.throwIfAborted();
        throw await notReady(dir, name, giveUp.aborted);
      }
      text += value;
      for (const [, key = "", number] of text.matchAll(/^(pid|port) (\d+)$/gm)) known.set(key, Number(number));
    }
    const [pid, port] = [known.get("pid"), known.get("port")];
    if (pid === undefined || port === undefined) throw await notReady(dir, name, false);
    await noteProcess(dir, "host", pid);
    return { pid, port, end };
  } catch (error) {
    await end();
    throw error;
  } finally {
    giveUp.removeEventListener("abort", abort);
    await reader.cancel().catch(() => {});
  }
}

async function notReady(dir: string, name: string, timedOut: boolean): Promise<Error> {
  const log = await Deno.readTextFile(`${dir}/host.log`).catch(() => "no log");
  const what = timedOut ? `was not up after ${BOOT_TIMEOUT_MS / 1000} s` : "ended while it booted";
  return new Error(
    `hypervisor ${name} ${what}; the end of its log:\n${log.trimEnd().split("\n").slice(-15).join("\n")}`,
  );
}
