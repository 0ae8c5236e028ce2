import { assert, assertEquals, assertMatch, assertStringIncludes } from "@virtrigaud/deps";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startHypervisor } from "../rigs/libvirt/mod.ts";
import { libvirtRig } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";

const MAIN = fileURLToPath(new URL("../../src/cmd/standalone/main.ts", import.meta.url));

/** Runs `up --once` in a folder of its own, as a user would. */
async function up(folder: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MAIN, "up", "--once", `--folder=${folder}`, ...args],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Processes whose command line names `folder`: what a run must not leave behind. */
function leftBehind(folder: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
      if (environment.includes(folder)) {
        found.push(Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " "));
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

Deno.test("up --once ends well when the example is Ready with an address, also the second time, and leaves nothing", async () => {
  await inFolder(async (folder) => {
    for (const time of ["first", "second"]) {
      const { code, output } = await up(join(folder, "site"));
      assertEquals(code, 0, `${time}: ${output}`);
      assertMatch(output, /VirtualMachine hello: Ready {2}On {2}\d+\.\d+\.\d+\.\d+/);
      assertEquals(leftBehind(folder), []);
    }
    const kubeconfig = await Deno.stat(join(folder, "site", "kubeconfig"));
    assertEquals((kubeconfig.mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("up --once that cannot get there ends with the reason", async () => {
  await inFolder(async (folder) => {
    const key = join(folder, "key");
    await Deno.writeTextFile(key, "not a key");
    const args = ["--libvirt=qemu+ssh://root@127.0.0.1:1/system", `--ssh-key=${key}`, "--image=x", "--timeout=15s"];
    const { code, output } = await up(join(folder, "site"), ...args);
    assertEquals(code, 1, output);
    assertStringIncludes(output, "not Ready after 15 s");
    assertMatch(output, /Provider libvirt: \w+: .*key/, "the last word on the provider says what is wrong");
    const unknown = await up(join(folder, "site"), "--port=seventy");
    assertEquals(unknown.code, 1);
    assertStringIncludes(unknown.output, "--port");
  });
});

Deno.test({
  name: "up --libvirt makes the example on a real hypervisor over SSH",
  ignore: await skipWithout("up", "the example on libvirt", libvirtRig),
  async fn() {
    await using host = await startHypervisor({ name: "up" });
    await inFolder(async (folder) => {
      const hosts = join(folder, "known_hosts");
      await Deno.writeTextFile(hosts, host.knownHosts);
      const { code, output } = await up(
        join(folder, "site"),
        `--libvirt=${host.uri}?known_hosts=${hosts}`,
        `--ssh-key=${host.sshKeyPath}`,
        `--image=${host.imageVolume}`,
      );
      assertEquals(code, 0, output);
      assert((await host.virsh("list", "--name")).includes("hello"), "the domain runs");
    });
  },
});
