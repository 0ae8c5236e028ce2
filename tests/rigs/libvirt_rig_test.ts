import { assert, assertEquals, assertMatch, assertRejects } from "@virtrigaud/deps";
import { run } from "./command.ts";
import { type Hypervisor, libvirtRig, startHypervisor } from "./libvirt/mod.ts";
import { skipWithout } from "./skip.ts";

const ignore = await skipWithout("libvirt rig", "real hypervisors", libvirtRig);

Deno.test({
  name: "a guest of the rig boots, is configured by its seed and obeys",
  ignore,
  fn: guest,
});
Deno.test({ name: "a hypervisor survives a power cut and leaves nothing behind", ignore, fn: host });

async function guest(): Promise<void> {
  await using hv = await startHypervisor({ name: "kvm1" });
  await defineGuest(hv);
  await hv.virsh("start", "guest");
  await agent(hv, { execute: "guest-ping" });

  const exec = await guestRun(hv, "hostname; cat /state/made; cat /state/state/boots");
  assertEquals(exec.split("\n"), ["from-seed", "one, two", "second", "1", ""]);
  assertMatch(JSON.stringify(await agent(hv, { execute: "guest-get-osinfo" })), /virtrigaud-rig/);
  const lease = await until(
    "a lease with an address",
    () => hv.virsh("domifaddr", "guest", "--source", "lease"),
    /192\.168\.122\.\d+/,
  );
  const own = await until(
    "an address from the agent",
    () => hv.virsh("domifaddr", "guest", "--source", "agent"),
    /192\.168\.122\.\d+/,
  );
  assertEquals(own.match(/192\.168\.122\.\d+/)?.[0], lease.match(/192\.168\.122\.\d+/)?.[0]);
  assertMatch(await hv.virsh("net-dhcp-leases", "default"), /from-seed/);

  await hv.virsh("attach-interface", "guest", "network", "default", "--model", "virtio", "--live");
  await until("the hot-plugged NIC's address", () => guestRun(hv, "ip -4 -o addr show dev eth1"), /192\.168\.122\./);
  await hv.virsh("vol-create-as", "default", "data.qcow2", "8M", "--format", "qcow2");
  await hv.virsh("attach-disk", "guest", "/var/lib/libvirt/images/data.qcow2", "vdb", "--subdriver", "qcow2", "--live");
  await until("the hot-plugged disk", () => guestRun(hv, "cat /sys/block/vdb/size"), /^16384$/m);
  await hv.virsh("setvcpus", "guest", "2", "--live");
  await until("the hot-plugged CPU", () => guestRun(hv, "nproc"), /^2$/m);

  await hv.virsh("shutdown", "guest", "--mode", "agent");
  await until("the guest to be off", () => hv.virsh("domstate", "guest"), /shut off/);
  await hv.virsh("start", "guest");
  await agent(hv, { execute: "guest-ping" });
  assertEquals(await guestRun(hv, "hostname; wc -l < /state/made; cat /state/state/boots"), "from-seed\n2\n2\n");
  await hv.virsh("shutdown", "guest", "--mode", "acpi");
  await until("the guest to be off", () => hv.virsh("domstate", "guest"), /shut off/);
}

async function host(): Promise<void> {
  const hv = await startHypervisor({ name: "kvm2" });
  const dir = hv.sshKeyPath.replace(/\/id$/, "");
  try {
    const ssh = [
      "ssh",
      "-i",
      hv.sshKeyPath,
      "-o",
      `UserKnownHostsFile=${dir}/known_hosts`,
      "-o",
      "BatchMode=yes",
    ] as const;
    await Deno.writeTextFile(`${dir}/known_hosts`, `${hv.knownHosts}\n`);
    const overSsh = () =>
      run([
        ...ssh,
        "-p",
        `${hv.sshPort}`,
        "root@127.0.0.1",
        "hostname; virsh --quiet pool-list; test -e /dev/kvm || echo no kvm",
      ]);
    assertMatch(await overSsh(), /^kvm2\n default +active[^]*no kvm$/m);
    assertMatch(await run(["virsh", "-c", `qemu+unix:///system?socket=${hv.socketPath}`, "hostname"]), /kvm2/);
    const uuid = await hv.virsh("capabilities");
    await defineGuest(hv);
    await hv.virsh("start", "guest");

    await hv.kill();
    assertEquals(await processes(dir), []);
    await assertRejects(() => hv.virsh("list"), Error, "kvm2 is off");
    await hv.start();
    assertEquals(await hv.virsh("domstate", "guest"), "shut off");
    assertEquals(uuid.match(/<uuid>.*</)?.[0], (await hv.virsh("capabilities")).match(/<uuid>.*</)?.[0]);
  } finally {
    await hv.stop();
  }
  assertEquals(await processes(dir), []);
  assert(!(await Deno.readTextFile("/proc/self/mountinfo")).includes(dir));
  await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
  await assertRejects(() => Deno.connect({ port: hv.sshPort }), Deno.errors.ConnectionRefused);
}

async function defineGuest(hv: Hypervisor): Promise<void> {
  await hv.virsh(
    "vol-create-as",
    "default",
    "root.qcow2",
    "1G",
    "--format",
    "qcow2",
    "--backing-vol",
    hv.imageVolume,
    "--backing-vol-format",
    "qcow2",
  );
  const userData = `#cloud-config
hostname: from-seed
runcmd:
  - [sh, -c, "echo one, 'two' >> /state/made"]
  - 'echo second >> /state/made'
`;
  await hv.sh(["tee", "/root/user-data"], { input: userData });
  await hv.sh(["tee", "/root/meta-data"], { input: "instance-id: i-1\nlocal-hostname: from-meta\n" });
  await hv.sh([
    "genisoimage",
    "-quiet",
    "-output",
    "/root/seed.iso",
    "-volid",
    "cidata",
    "-rock",
    "/root/user-data",
    "/root/meta-data",
  ]);
  await hv.sh(["tee", "/root/guest.xml"], {
    input: await Deno.readTextFile(new URL("libvirt/guest_domain.xml", import.meta.url)),
  });
  await hv.virsh("define", "/root/guest.xml");
}

/** Asks the guest agent, waiting for it to come up. */
async function agent(hv: Hypervisor, command: Record<string, unknown>): Promise<unknown> {
  const ask = () => hv.virsh("qemu-agent-command", "guest", JSON.stringify(command), "--timeout", "5");
  return JSON.parse(await until(`an answer to ${command.execute}`, ask, /return/)).return;
}

async function guestRun(hv: Hypervisor, script: string): Promise<string> {
  const args = { path: "/bin/sh", arg: ["-c", script], "capture-output": true };
  const { pid } = await agent(hv, { execute: "guest-exec", arguments: args }) as { pid: number };
  const ask = () =>
    hv.virsh("qemu-agent-command", "guest", JSON.stringify({ execute: "guest-exec-status", arguments: { pid } }));
  const done = JSON.parse(await until("the end of guest-exec", ask, /"exited":true/)).return;
  return atob(done["out-data"] ?? "");
}

/** Runs `attempt` until its output matches; a real peer has no fake clock. */
async function until(what: string, attempt: () => Promise<string>, pattern: RegExp): Promise<string> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const answer = await attempt().catch((error) => String(error));
    if (pattern.test(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`waited 60 s for ${what}; last answer: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Processes whose command line or root mentions an instance. */
async function processes(dir: string): Promise<string[]> {
  return (await run(["ps", "-eo", "pid,args"])).split("\n").filter((line) => line.includes(dir));
}
