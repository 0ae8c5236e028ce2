import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { run } from "./command.ts";
import { addPool, type Hypervisor, libvirtRig, releaseRig, startHypervisor } from "./libvirt/mod.ts";
import { skipWithout } from "./skip.ts";

const ignore = await skipWithout("libvirt rig", "real hypervisors", libvirtRig);

Deno.test({
  name: "a guest is configured by its seed, takes hardware while it runs, and shuts down",
  ignore,
  fn: guest,
});
Deno.test({ name: "a hypervisor survives a power cut and leaves nothing behind", ignore, fn: host });

Deno.test({
  name: "hosts of two Debian releases run at once, each with pools of its own size",
  ignore: await skipWithout("libvirt rig", "a second version of libvirt", libvirtRig, releaseRig("trixie")),
  fn: releases,
});

async function guest(): Promise<void> {
  await using hv = await startHypervisor({ name: "kvm1" });
  const virsh = (words: string) => hv.virsh(...words.split(" "));
  await defineGuest(hv);
  await virsh("start guest");
  await agent(hv, { execute: "guest-ping" });

  assertEquals(
    await guestRun(hv, "hostname; cat /state/made; cat /state/state/boots"),
    "from-seed\none, two\nsecond\n1\n",
  );
  assertMatch(JSON.stringify(await agent(hv, { execute: "guest-get-osinfo" })), /virtrigaud-rig/);
  const lease = address(await untilItSays("a lease", () => virsh("domifaddr guest --source lease"), ADDRESS));
  await untilItSays(
    "the address in the guest",
    () => virsh("domifaddr guest --source agent"),
    new RegExp(`eth0.*${lease}/`),
  );
  assertMatch(await virsh("net-dhcp-leases default"), /from-seed/);
  assertMatch(await virsh("domifaddr guest --source agent"), /eth1 +52:54:00:00:00:05 +ipv4 +192\.168\.122\.5\/24/);

  await virsh("attach-interface guest network default --model virtio --live");
  await untilItSays(
    "the hot-plugged NIC's address",
    () => virsh("domifaddr guest --source agent"),
    /eth2.*192\.168\.122\./,
  );
  await virsh("vol-create-as default data.qcow2 8M --format qcow2");
  await virsh("attach-disk guest /var/lib/libvirt/images/data.qcow2 vdb --subdriver qcow2 --live");
  await untilItSays("the hot-plugged disk", () => guestRun(hv, "cat /sys/block/vdb/size"), /^16384$/m);
  await virsh("setvcpus guest 2 --live");
  await untilItSays("the hot-plugged CPU", () => guestRun(hv, "nproc"), /^2$/m);

  await virsh("shutdown guest --mode agent");
  await untilItSays("the guest to be off", () => virsh("domstate guest"), /shut off/);
  await virsh("start guest");
  await agent(hv, { execute: "guest-ping" });
  assertEquals(await guestRun(hv, "hostname; wc -l < /state/made; cat /state/state/boots"), "from-seed\n2\n2\n");
  await virsh("shutdown guest --mode acpi");
  await untilItSays("the guest to be off", () => virsh("domstate guest"), /shut off/);
}

async function host(): Promise<void> {
  const [hv, other] = await Promise.all([
    startHypervisor({ name: "kvm2" }),
    startHypervisor({ name: "kvm3", image: false }),
  ]);
  const dir = hv.sshKeyPath.replace(/\/id$/, "");
  try {
    await Deno.writeTextFile(`${dir}/known_hosts`, `${hv.knownHosts}\n`);
    const options = ["-i", hv.sshKeyPath, "-o", `UserKnownHostsFile=${dir}/known_hosts`, "-o", "BatchMode=yes"];
    const script = "hostname; virsh --quiet pool-list; test -e /dev/kvm || echo no kvm";
    const overSsh = await run(["ssh", ...options, "-p", `${hv.sshPort}`, "root@127.0.0.1", script]);
    assertMatch(overSsh, /^kvm2\n default +active +yes *\nno kvm\n$/);
    assertMatch(await run(["virsh", "-c", `qemu+unix:///system?socket=${hv.socketPath}`, "hostname"]), /kvm2/);
    const identity = uuid(await hv.virsh("capabilities"));
    assertNotEquals(identity, uuid(await other.virsh("capabilities")));
    await defineGuest(hv);
    await hv.virsh("start", "guest");

    await hv.kill();
    assertEquals(await processes(dir), []);
    await assertRejects(() => hv.virsh("list"), Error, "kvm2 is off");
    await assertRejects(() => Deno.connect({ port: hv.sshPort }), Deno.errors.ConnectionRefused);
    assertEquals(await other.virsh("net-list", "--name"), "default");
    await hv.start();
    assertEquals(await hv.virsh("domstate", "guest"), "shut off");
    assertEquals(uuid(await hv.virsh("capabilities")), identity);
    (await Deno.connect({ port: hv.sshPort })).close();
  } finally {
    await Promise.all([hv.stop(), other.stop()]);
  }
  assertEquals(await processes(dir), []);
  assert(!(await Deno.readTextFile("/proc/self/mountinfo")).includes(dir));
  await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
}

async function releases(): Promise<void> {
  const names = ["old", "new1", "new2"];
  const started = await Promise.all(
    names.map((name) => startHypervisor({ name, image: false, ...name === "old" ? {} : { release: "trixie" } })),
  );
  try {
    const versions = await Promise.all(started.map((hv) => hv.virsh("version")));
    const numbers = versions.map((text) => /Using library: libvirt (\d+)\./.exec(text)?.[1]);
    assertEquals(numbers.slice(1), ["11", "11"]);
    assertNotEquals(numbers[0], "11");
    assertEquals(await Promise.all(started.map((hv) => hv.virsh("hostname"))), names);
    for (const hv of started) {
      for (const kind of ["dir", "fs"] as const) {
        await addPool(hv, { name: `small-${kind}`, kind, sizeMib: 32 });
        const info = await hv.virsh("pool-info", "--bytes", `small-${kind}`);
        const capacity = Number(/Capacity: +(\d+)/.exec(info)?.[1]);
        assert(capacity > 16 * 1024 ** 2 && capacity <= 32 * 1024 ** 2, info);
      }
    }
  } finally {
    await Promise.all(started.map((hv) => hv.stop()));
  }
}

const ADDRESS = /192\.168\.122\.\d+/;

function address(text: string): string {
  return ADDRESS.exec(text)?.[0] ?? "";
}

function uuid(capabilities: string): string {
  return /<uuid>(.*)<\/uuid>/.exec(capabilities)?.[1] ?? "";
}

async function defineGuest(hv: Hypervisor): Promise<void> {
  const volume =
    `vol-create-as default root.qcow2 1G --format qcow2 --backing-vol ${hv.imageVolume} --backing-vol-format qcow2`;
  await hv.virsh(...volume.split(" "));
  const seed = {
    "meta-data": "instance-id: i-1\nlocal-hostname: from-meta\n",
    "user-data": `#cloud-config
hostname: from-seed
runcmd:
  - [sh, -c, "echo one, 'two' >> /state/made"]
  - 'echo second >> /state/made'
`,
    "network-config": `version: 2
ethernets:
  fixed:
    addresses: [192.168.122.5/24]
    match: {macaddress: "52:54:00:00:00:05"}
`,
  };
  for (const [name, input] of Object.entries(seed)) await hv.sh(["tee", `/root/${name}`], { input });
  const files = Object.keys(seed).map((name) => `/root/${name}`);
  await hv.sh(["genisoimage", "-quiet", "-output", "/root/seed.iso", "-volid", "cidata", "-rock", ...files]);
  const xml = await Deno.readTextFile(new URL("libvirt/guest_domain.xml", import.meta.url));
  await hv.sh(["tee", "/root/guest.xml"], { input: xml });
  await hv.virsh("define", "/root/guest.xml");
}

/** Asks the guest agent, waiting for it to come up. */
async function agent(hv: Hypervisor, command: Record<string, unknown>): Promise<unknown> {
  const ask = () => hv.virsh("qemu-agent-command", "guest", JSON.stringify(command), "--timeout", "5");
  return JSON.parse(await untilItSays(`an answer to ${command.execute}`, ask, /return/)).return;
}

/** Runs a script in the guest through its agent. */
async function guestRun(hv: Hypervisor, script: string): Promise<string> {
  const args = { path: "/bin/sh", arg: ["-c", script], "capture-output": true };
  const { pid } = await agent(hv, { execute: "guest-exec", arguments: args }) as { pid: number };
  const status = JSON.stringify({ execute: "guest-exec-status", arguments: { pid } });
  const done = await untilItSays("guest-exec", () => hv.virsh("qemu-agent-command", "guest", status), /"exited":true/);
  return atob(JSON.parse(done).return["out-data"] ?? "");
}

/** Runs `attempt` until its output matches. */
async function untilItSays(what: string, attempt: () => Promise<string>, pattern: RegExp): Promise<string> {
  let answer = "";
  return await until(what, async () => pattern.test(answer = await attempt()) && answer, { seen: () => answer });
}

/** Processes whose command line mentions an instance. */
async function processes(dir: string): Promise<string[]> {
  return (await run(["ps", "-eo", "pid,args"])).split("\n").filter((line) => line.includes(dir));
}
