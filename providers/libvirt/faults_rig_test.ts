import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { type CancelTimer, systemClock, until } from "@virtrigaud/resilience";
import { Meter } from "../../tests/libvirt/meter.ts";
import { libvirtRig, startHypervisor, Wire } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { LibvirtProvider } from "./provider.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  made,
  operation,
  plainMachine,
  providerFor,
  volumesOf,
  Watcher,
} from "./testing/fixture.ts";
import { killLibvirtd, libvirtProfile } from "./testing/profile.ts";

const ignore = await skipWithout("libvirt provider", "faults on a real host", libvirtRig);
const withoutUefi = await skipWithout("libvirt provider", "UEFI", libvirtRig, {
  unavailable: () =>
    Deno.stat("/usr/share/OVMF").then(() => undefined, () => "there is no firmware for guests (package ovmf)"),
});
const context = callContext();

Deno.test(
  { name: "libvirtd dies and comes back: calls say so, the VM lives on, the watch lists anew", ignore },
  async () => {
    await using host = await startHypervisor();
    for (const way of ["socket", "ssh"] as const) {
      await using provider = providerFor(host, way);
      await using watcher = new Watcher(provider);
      const uid = crypto.randomUUID();
      await finish(provider, (await provider.create(createRequest(uid, plainMachine(`vm-${way}`)), context)).task);
      await watcher.vm(uid, (vm) => vm.power === "On");
      const from = watcher.events.length;

      await killLibvirtd(host);
      const error = await assertRejects(() => provider.describe({ vmId: uid }, context), ProviderError);
      assertEquals(error.class, "Unavailable", "not a proof of absence");
      await host.sh(["libvirtd", "--daemon"]);
      await watcher.until((event) => event.type === "ListEnd", { from });
      await watcher.vm(uid, (vm) => vm.power === "On", { from });
      assertEquals((await describeOrFail(provider, uid)).power, "On");
      await provider.delete({ operation: operation(uid), vmId: uid }, context);
    }
  },
);

Deno.test(
  {
    name: "a VM that a dead libvirtd has left stopped in the middle of a snapshot goes on; a suspended one stays",
    ignore,
  },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    await using watcher = new Watcher(provider);
    const uids = [crypto.randomUUID(), crypto.randomUUID()] as const;
    for (const [index, uid] of uids.entries()) {
      await finish(provider, (await provider.create(createRequest(uid, plainMachine(`vm${index}`)), context)).task);
      await provider.power({ operation: operation(uid), vmId: uid, op: "Suspend" }, context);
    }
    const [left, suspended] = uids;
    await killLibvirtd(host);
    // As libvirt itself notes it when it stops a machine to save its memory.
    await host.sh(["sed", "-i", "/<domstatus/s/reason='user'/reason='save'/", "/run/libvirt/qemu/vm0.xml"]);
    const from = watcher.events.length;
    await host.sh(["libvirtd", "--daemon"]);
    await watcher.vm(left, (vm) => vm.power === "Transitional", { from });
    await watcher.vm(left, (vm) => vm.power === "On", { from });
    assertEquals((await describeOrFail(provider, suspended)).power, "Suspended");
  },
);

Deno.test(
  {
    name: "a start that a dead libvirtd has left for ever holds up no other VM, says what mends it, and that mends it",
    ignore,
  },
  async () => {
    await using host = await startHypervisor();
    let passedMs = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs };
    await using provider = providerFor(host, "socket", { clock });
    await using watcher = new Watcher(provider);
    const uids = [crypto.randomUUID(), crypto.randomUUID()] as const;
    for (const [index, uid] of uids.entries()) {
      await finish(provider, (await provider.create(createRequest(uid, plainMachine(`vm${index}`)), context)).task);
    }
    const [left, other] = uids;
    await killLibvirtd(host);
    // As libvirt itself notes it before it has a QEMU to note; of that one, nothing is left.
    await host.sh(["pkill", "-KILL", "--pidfile", "/run/libvirt/qemu/vm0.pid"]);
    const starting = [
      "/<job /d",
      "/<domstatus/s/ state='.*'/ state='paused' reason='starting up' pid='0'/",
      "/<monitor /a<job type='none' async='start' flags='0x0' asyncStarted='1'/>",
    ];
    await host.sh(["sed", "-i", ...starting.map((each) => `--expression=${each}`), "/run/libvirt/qemu/vm0.xml"]);
    const from = watcher.events.length;
    await host.sh(["libvirtd", "--daemon"]);
    const seen = await watcher.vm(left, (vm) => vm.power === "Transitional", { from });
    assertEquals([seen.attention, seen.disks[0]?.sizeGib], [undefined, 1], "it may be starting, for all that is known");

    await using patient = providerFor(host);
    const held = patient.power({ operation: operation(left), vmId: left, op: "Off" }, context).catch(() => {});
    const answered = describeOrFail(provider, left)
      .then(() => provider.power({ operation: operation(other), vmId: other, op: "Off" }, context))
      .then(() => watcher.vm(other, (vm) => vm.power === "Off", { from }));
    assert(await Promise.race([held, answered]), "who waits for its lock is overtaken by who only looks");

    passedMs = 180_000;
    const { attention } = await watcher.vm(left, (vm) => vm.attention !== undefined, { from });
    assertStringIncludes(attention ?? "", "delete /run/libvirt/qemu/vm0.xml");
    const change = { operation: operation(left), vmId: left };
    for (
      const ask of [() => provider.delete(change, context), () => provider.power({ ...change, op: "On" }, context)]
    ) {
      const error = await assertRejects(ask, ProviderError);
      assertEquals([error.class, error.reason], ["Retryable", "HalfStarted"]);
      assertStringIncludes(error.message, "delete /run/libvirt/qemu/vm0.xml");
    }

    await killLibvirtd(host);
    await host.sh(["rm", "/run/libvirt/qemu/vm0.xml"]);
    const mended = watcher.events.length;
    await host.sh(["libvirtd", "--daemon"]);
    const off = await watcher.vm(left, (vm) => vm.power === "Off", { from: mended });
    assertEquals(off.attention, undefined);
    await provider.power({ ...change, op: "On" }, context);
    assertEquals((await describeOrFail(provider, left)).power, "On");
  },
);

Deno.test({ name: "the host loses power: what is left is off, and goes on again", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host, "ssh");
  await using watcher = new Watcher(provider);
  const uid = crypto.randomUUID();
  await finish(provider, (await provider.create(createRequest(uid, plainMachine("vm")), context)).task);
  await watcher.vm(uid, (vm) => vm.power === "On");
  const from = watcher.events.length;
  await host.kill();
  await assertRejects(() => provider.listVms({}, context), ProviderError);
  await host.start();
  const vm = await watcher.vm(uid, (each) => each.power === "Off", { from });
  assertEquals(vm.ownerUid, uid);
  await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
  assertEquals((await describeOrFail(provider, uid)).power, "On");
});

Deno.test({ name: "volumes of a create that never came to its domain go with a delete", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const uid = crypto.randomUUID();
  for (const name of [`${uid}-root.qcow2`, `${uid}-seed.iso`, `other-${uid}-root.qcow2`]) {
    await host.virsh("vol-create-as", "default", name, "1M");
  }
  await provider.delete({ operation: operation(crypto.randomUUID()), vmId: uid }, context);
  assertEquals((await volumesOf(host)).length, 3, "another owner reaches none of them");
  await provider.delete({ operation: operation(uid), vmId: uid }, context);
  assertEquals(await volumesOf(host), [`other-${uid}-root.qcow2`]);
});

Deno.test({ name: "a foreign domain of the same name is neither taken over nor touched", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const foreign = await libvirtProfile(host).controls?.addForeignVm?.("web") ?? "";
  const before = await host.virsh("dumpxml", "web");
  const uid = crypto.randomUUID();
  const error = await assertRejects(
    () => provider.create(createRequest(uid, plainMachine("web")), context),
    ProviderError,
  );
  assertEquals([error.class, error.reason], ["Conflict", "NameConflict"]);
  await provider.delete({ operation: operation(uid), vmId: uid }, context);
  assertEquals(await host.virsh("dumpxml", "web"), before);
  assertEquals(await volumesOf(host), []);
  const listed = (await provider.listVms({}, context)).vms;
  assertEquals(listed.map((vm) => [vm.id, vm.ownerUid]), [[foreign, undefined]], "but it can be seen, for adoption");
});

Deno.test(
  { name: "what a wish names and the host lacks is said by name, before anything is made", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const table: [change: Partial<MachineSpec>, field: string, names: string][] = [
      [{ image: { type: "Volume", path: "nope.qcow2" } }, "image.path", "nope.qcow2"],
      [{ image: { type: "Volume", path: "/srv/nope.qcow2" } }, "image.path", "/srv/nope.qcow2"],
      [{ image: { type: "Volume", path: "elsewhere/tiny.qcow2" } }, "image.pool", "elsewhere"],
      [{ rootDisk: { storageClass: "fast" } }, "rootDisk.storageClass", "fast"],
      [{ disks: [{ name: "d", sizeGib: 1, storageClass: "slow" }] }, "disks[d].storageClass", "slow"],
      [
        { nics: [{ name: "lan", addresses: [], backing: { type: "Network", network: "lab" } }] },
        "nics[lan].backing.network",
        "lab",
      ],
    ];
    for (const [change, field, names] of table) {
      const request = createRequest(crypto.randomUUID(), plainMachine("vm", change));
      const error = await assertRejects(() => provider.create(request, context), ProviderError);
      assertEquals([error.class, error.reason, error.field], ["NotFound", "DependencyMissing", field]);
      assertStringIncludes(error.message, `"${names}"`);
    }
    await host.virsh("net-destroy", "default");
    await host.virsh("pool-define-as", "idle", "dir", "--target", "/root/idle");
    const idle: [change: Partial<MachineSpec>, field: string][] = [
      [{ nics: [{ name: "lan", addresses: [] }] }, "nics[lan].backing.network"],
      [{ rootDisk: { storageClass: "idle" } }, "rootDisk.storageClass"],
    ];
    for (const [change, field] of idle) {
      const request = createRequest(crypto.randomUUID(), plainMachine("vm", change));
      const error = await assertRejects(() => provider.create(request, context), ProviderError);
      assertEquals([error.class, error.reason, error.field], ["Retryable", "DependencyInactive", field]);
    }
    const format = createRequest(
      crypto.randomUUID(),
      plainMachine("vm", { image: { type: "Volume", path: "tiny.qcow2", format: "raw" } }),
    );
    assertEquals((await assertRejects(() => provider.create(format, context), ProviderError)).field, "image.format");
    assertEquals(await volumesOf(host), []);
  },
);

Deno.test(
  { name: "an image that was copied into the folder without libvirt is found, by name and by path", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    for (const path of ["copied.qcow2", "/var/lib/libvirt/images/other.qcow2", "default/third.qcow2"]) {
      const file = path.split("/").at(-1) ?? "";
      await host.sh(["cp", "/var/lib/libvirt/images/tiny.qcow2", `/var/lib/libvirt/images/${file}`]);
      const uid = crypto.randomUUID();
      const spec = plainMachine("vm", { image: { type: "Volume", path, format: "qcow2" }, rootDisk: {} });
      await finish(provider, (await provider.create(createRequest(uid, spec, false), context)).task);
      assertEquals((await describeOrFail(provider, uid)).disks[0]?.sizeGib, 0.0625, "the image's own size");
      await provider.delete({ operation: operation(uid), vmId: uid }, context);
      assert((await volumesOf(host)).includes(file), "the image itself stays");
    }
  },
);

Deno.test({
  name: "a domain with snapshots is deleted whole; one that came back without its domain keeps its data",
  ignore,
}, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const uid = crypto.randomUUID();
  const spec = plainMachine("vm", { disks: [{ name: "data", sizeGib: 1 }] });
  await finish(provider, (await provider.create(createRequest(uid, spec, false), context)).task);
  await host.virsh("snapshot-create-as", uid, "before");
  await provider.delete({ operation: operation(uid), vmId: uid }, context);
  assertEquals([await host.virsh("list", "--all", "--name"), await volumesOf(host)], ["", []]);

  await finish(provider, (await provider.create(createRequest(uid, spec, false), context)).task);
  const data = `/var/lib/libvirt/images/${uid}-data.qcow2`;
  const inode = await host.sh(["stat", "--format=%i", data]);
  await host.virsh("undefine", uid);
  assertEquals(await provider.describe({ vmId: uid }, context), { exists: false });
  await finish(provider, (await provider.create(createRequest(uid, spec, false), context)).task);
  assertEquals(await host.sh(["stat", "--format=%i", data]), inode);
});

Deno.test({ name: "a VM whose disk was deleted behind our back is reported, and hides no other", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const uids = [crypto.randomUUID(), crypto.randomUUID()] as const;
  for (const uid of uids) {
    const request = createRequest(uid, plainMachine(`vm-${uid.slice(0, 4)}`), false);
    await finish(provider, (await provider.create(request, context)).task);
  }
  await host.sh(["rm", `/var/lib/libvirt/images/${uids[0]}-root.qcow2`]);
  assertEquals((await describeOrFail(provider, uids[0])).power, "Off");
  assertEquals((await provider.listVms({}, context)).vms.map((vm) => vm.id).sort(), [...uids].sort());
  await using watcher = new Watcher(provider);
  await watcher.until((event) => event.type === "ListEnd");
  const start = () => provider.power({ operation: operation(uids[0]), vmId: uids[0], op: "On" }, context);
  const error = await assertRejects(start, ProviderError);
  assertStringIncludes(error.message, `${uids[0]}-root.qcow2`);
  await provider.delete({ operation: operation(uids[0]), vmId: uids[0] }, context);
  assertEquals((await provider.listVms({}, context)).vms.map((vm) => vm.id), [uids[1]]);
});

Deno.test({ name: "a guest has the static address of its wish", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  await using watcher = new Watcher(provider);
  const uid = crypto.randomUUID();
  const addresses = [{ address: "192.168.122.5", prefix: 24, gateway: "192.168.122.1" }];
  const spec = machine("fixed", { nics: [{ name: "lan", addresses }] });
  await finish(provider, (await provider.create(createRequest(uid, spec), context)).task);
  const vm = await watcher.vm(uid, (each) => each.ips.includes("192.168.122.5"));
  assertEquals(vm.guest.hostname, "fixed");
});

Deno.test(
  {
    name: "what others do is told as it happens without another list, and nothing is told when nothing happens",
    ignore,
  },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host, "ssh");
    await using watcher = new Watcher(provider);
    await using second = new Watcher(provider);
    const uid = crypto.randomUUID();
    await finish(provider, (await provider.create(createRequest(uid, plainMachine("vm"), false), context)).task);
    for (
      const [command, power] of [["start", "On"], ["suspend", "Suspended"], ["resume", "On"], [
        "destroy",
        "Off",
      ]] as const
    ) {
      const from = [watcher.events.length, second.events.length] as const;
      await host.virsh(command, uid);
      await watcher.vm(uid, (vm) => vm.power === power, { from: from[0] });
      await second.vm(uid, (vm) => vm.power === power, { from: from[1] });
      const heard = [watcher.events.slice(from[0]), second.events.slice(from[1])].flat();
      assertEquals(heard.filter(({ type }) => type === "ListBegin"), []);
    }
    const before = watcher.events.length;
    await provider.describe({ vmId: uid }, context);
    await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: plainMachine("vm") }, context);
    await host.virsh("dumpxml", uid);
    // What comes next is told next.
    await host.virsh("start", uid);
    await watcher.vm(uid, (vm) => vm.power === "On", { from: before });
    const first = watcher.events[before];
    assert(first?.type === "Present" && first.vm.power !== "Off", JSON.stringify(first));
  },
);

Deno.test(
  { name: "a VM is looked at when its network, its limits or the place of its disk change", ignore },
  async () => {
    await using host = await startHypervisor();
    const meter = new Meter();
    await using wire = await Wire.to({ path: host.socketPath }, { watch: meter.watch });
    // Looking now and then would go unnoticed among what events tell, so that there is none of it.
    const clock = { ...systemClock, setTimeout: (): CancelTimer => () => {} };
    const endpoint = `qemu+tcp://127.0.0.1:${wire.port}/system`;
    await using provider = new LibvirtProvider({ endpoint, version: "test", clock });
    await using watcher = new Watcher(provider);
    const spec = plainMachine("vm", { nics: machine("vm").nics });
    const uid = await made(provider, spec);
    // Nobody looks for the address of one that stands still.
    await provider.power({ operation: operation(uid), vmId: uid, op: "Suspend" }, context);
    await watcher.vm(uid, (vm) => vm.power === "Suspended");
    const iops = ["blkdeviotune", uid, "vda", "--total-iops-sec", "500", "--live"] as const;
    for (const command of [["net-destroy", "default"], iops] as const) {
      meter.take();
      await host.virsh(...command);
      let calls = 0;
      await until(`calls after ${command[0]}`, () => (calls += meter.take().calls) > 0);
    }
    const path = "/var/lib/libvirt/images/elsewhere.qcow2";
    await host.virsh("blockcopy", uid, "vda", path, "--transient-job", "--wait", "--pivot");
    await watcher.vm(uid, (vm) => vm.disks[0]?.path === path);

    // A copy of ours ends by event as well.
    await host.virsh("pool-refresh", "default");
    const clone = crypto.randomUUID();
    const wish = plainMachine("clone", { rootDisk: {} });
    const request = { operation: operation(clone), sourceVmId: uid, linked: false, spec: wish, powerOn: false };
    await finish(provider, (await provider.clone(request, context)).task);
    assertEquals((await describeOrFail(provider, clone)).power, "Off");
  },
);

Deno.test(
  { name: "a UEFI domain runs without Secure Boot and goes with its variables", ignore: withoutUefi },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const uid = crypto.randomUUID();
    const spec = plainMachine("uefi", { hardware: { cpus: 1, memoryMib: 192, firmware: "UEFI" } });
    await finish(provider, (await provider.create(createRequest(uid, spec), context)).task);
    const vm = await describeOrFail(provider, uid);
    assertEquals([vm.power, vm.details["firmware"]], ["On", "UEFI"]);
    assertEquals((await host.virsh("dumpxml", uid)).includes("OVMF_CODE_4M.ms.fd"), false);
    assertEquals(await host.sh(["ls", "/var/lib/libvirt/qemu/nvram"]), "uefi_VARS.fd\n");
    const bios = { ...spec, hardware: { ...spec.hardware, firmware: "BIOS" as const } };
    const change = { operation: operation(uid), vmId: uid, spec: bios };
    const error = await assertRejects(() => provider.reconfigure(change, context), ProviderError);
    assertEquals([error.class, error.field], ["InvalidSpec", "hardware.firmware"]);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals(await host.sh(["ls", "/var/lib/libvirt/qemu/nvram"]), "");
  },
);
