import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import type { LibvirtProvider } from "./provider.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  operation,
  providerFor,
  Watcher,
} from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "the life of a VM on a real host", libvirtRig);

/** What virsh sees on the host: domains and volumes that belong to a VM. */
async function leftOn(host: Hypervisor): Promise<{ domains: string; volumes: string[] }> {
  const volumes = (await host.virsh("vol-list", "default")).split("\n").map((line) =>
    line.trim().split(/\s+/)[0] ?? ""
  );
  return {
    domains: await host.virsh("list", "--all", "--name"),
    volumes: volumes.filter((name) => name !== "" && name !== host.imageVolume),
  };
}

Deno.test({ name: "the life of one VM, through SSH", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using provider = providerFor(host, "ssh");
  await life(t, host, provider);
});

async function life(t: Deno.TestContext, host: Hypervisor, provider: LibvirtProvider): Promise<void> {
  const uid = crypto.randomUUID();
  const context = callContext();
  // Like most systems it leaves a CPU alone that comes while it runs, until it is told.
  const userData = new Secret("#cloud-config\nhostname: web-1\nruncmd:\n  - sed -i /add.cpu/d /sbin/hotplug\n");
  const spec = machine("web-1", {
    guestInit: { type: "CloudInit", userData },
    hardware: { cpus: 1, memoryMib: 128, firmware: "BIOS", performance: { cpuHotAdd: true, memoryHotAdd: true } },
  });
  const step = async (name: string, run: () => Promise<void>) => {
    if (!(await t.step(name, run))) throw new Error(`the life ended at: ${name}`);
  };
  await using watcher = new Watcher(provider);
  await watcher.until((event) => event.type === "ListEnd");

  await step("validate names hypervisor and version", async () => {
    const { hypervisor } = await provider.validate(context);
    assertStringIncludes(hypervisor, "QEMU 7.2");
    assertStringIncludes(hypervisor, "libvirt 9.0");
  });

  await step("create boots a guest that got its address and host name", async () => {
    const created = await provider.create(createRequest(uid, spec), context);
    assertEquals(created.vmId, uid);
    const again = await provider.create(createRequest(uid, spec), context);
    assertEquals(again, created, "a second create joins the first");
    await finish(provider, created.task);
    const vm = await watcher.vm(uid, (each) => each.ips.length > 0 && each.guest.hostname === "web-1");
    assertEquals(vm.name, "web-1");
    assertEquals(vm.ownerUid, uid);
    assertEquals([vm.power, vm.cpus, vm.memoryMib], ["On", 1, 128]);
    assertEquals(vm.disks.map((disk) => [disk.name, disk.sizeGib, disk.format]), [["root", 1, "qcow2"]]);
    assertEquals(vm.nics.map((nic) => [nic.name, nic.network, nic.connected]), [["lan", "default", true]]);
    assertEquals(vm.guest.agent, "Running");
    assertEquals(vm.placement?.host, host.name);
    assert(vm.ips[0]?.startsWith("192.168.122."));
    assertEquals(vm.pendingPowerCycle, []);
    assertEquals(await describeOrFail(provider, uid), vm);
    assertEquals((await provider.listVms({}, context)).vms, [vm]);
    assertEquals((await provider.describe({ ownerUid: uid }, context)).exists, true);
    assertEquals(
      await provider.create(createRequest(uid, spec), context),
      { vmId: uid },
      "a late create changes nothing",
    );
  });

  await step("a second reconfigure to the same wish changes nothing", async () => {
    // The guest is still giving memory back to the balloon, which nobody asked for anew.
    const described = async () => (await host.virsh("dumpxml", uid)).replace(/<currentMemory.*\n/, "");
    const before = await described();
    assertEquals(await provider.reconfigure({ operation: operation(uid), vmId: uid, spec }, context), {
      needsPowerCycle: [],
    });
    assertEquals(await described(), before);
  });

  const grown = {
    ...spec,
    hardware: { ...spec.hardware, cpus: 2, memoryMib: 192 },
    rootDisk: { sizeGib: 2 },
    disks: [{ name: "data", sizeGib: 1 }],
    nics: [...spec.nics, { name: "second", addresses: [] }],
  };
  await step("more of everything while it runs", async () => {
    const answer = await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: grown }, context);
    assertEquals(answer, { needsPowerCycle: [] });
    const vm = await watcher.vm(uid, (each) => each.memoryMib === 192 && each.nics[1]?.ips.length === 1);
    assertEquals(vm.cpus, 2);
    const count = { operation: operation(uid), vmId: uid, command: ["/bin/nproc"] };
    assertEquals((await provider.guestExec(count, context)).stdout, "2\n");
    assertEquals(vm.disks.map((disk) => [disk.name, disk.sizeGib]), [["root", 2], ["data", 1]]);
    assertEquals(vm.nics.map((nic) => nic.name), ["lan", "second"]);
    assertEquals(vm.pendingPowerCycle, []);
    const more = { ...grown, disks: [{ name: "data", sizeGib: 3 }] };
    await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: more }, context);
    assertEquals((await describeOrFail(provider, uid)).disks[1]?.sizeGib, 3);
    const shrink = await assertRejects(
      () => provider.reconfigure({ operation: operation(uid), vmId: uid, spec: grown }, context),
      ProviderError,
    );
    assertEquals([shrink.class, shrink.field], ["InvalidSpec", "disks[data].sizeGib"]);
  });

  const less = { ...spec, hardware: { ...spec.hardware, cpus: 1, memoryMib: 160 } };
  await step("what cannot be taken away from a running guest waits for a power cycle", async () => {
    const answer = await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: less }, context);
    assertEquals(answer, { needsPowerCycle: ["hardware.cpus"] });
    const vm = await watcher.vm(uid, (each) => each.nics.length === 1 && each.memoryMib === 160);
    assertEquals(vm.pendingPowerCycle, ["hardware.cpus"]);
    assertEquals(vm.disks.map((disk) => disk.name), ["root"]);
    assert(
      !(await leftOn(host)).volumes.includes(`${uid}-data.qcow2`),
      "a disk that was taken out goes with its volume",
    );
  });

  await step("graceful shutdown, and the change has come with the next start", async () => {
    const { task } = await provider.power({ operation: operation(uid), vmId: uid, op: "ShutdownGraceful" }, context);
    await finish(provider, task);
    const off = await describeOrFail(provider, uid);
    assertEquals([off.power, off.guest.agent, off.cpus], ["Off", "NotRunning", 1]);
    assertEquals(await provider.power({ operation: operation(uid), vmId: uid, op: "Off" }, context), {});
    const error = await assertRejects(
      () => provider.power({ operation: operation(uid), vmId: uid, op: "Reboot" }, context),
      ProviderError,
    );
    assertEquals([error.class, error.reason], ["Conflict", "PowerState"]);
    const from = watcher.events.length;
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    await watcher.vm(uid, (each) => each.guest.agent === "Running" && each.ips.length > 0, { from });
  });

  await step("reboot, reset, suspend and resume", async () => {
    const { task } = await provider.power({ operation: operation(uid), vmId: uid, op: "Reboot" }, context);
    await finish(provider, task);
    await provider.power({ operation: operation(uid), vmId: uid, op: "Reset" }, context);
    await provider.power({ operation: operation(uid), vmId: uid, op: "Suspend" }, context);
    assertEquals((await describeOrFail(provider, uid)).power, "Suspended");
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    assertEquals((await describeOrFail(provider, uid)).power, "On");
  });

  await step("a guest that is still booting is asked until it hears", async () => {
    await provider.power({ operation: operation(uid), vmId: uid, op: "Reset" }, context);
    const { task } = await provider.power(
      { operation: operation(uid), vmId: uid, op: "ShutdownGraceful", gracefulTimeoutMs: 120_000 },
      context,
    );
    await finish(provider, task);
    assertEquals(await host.virsh("domstate", uid, "--reason"), "shut off (shutdown)");
    const from = watcher.events.length;
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    await watcher.vm(uid, (each) => each.guest.agent === "Running", { from });
  });

  await step("a guest that does not listen is switched off after the timeout", async () => {
    await provider.power({ operation: operation(uid), vmId: uid, op: "Reset" }, context);
    const { task } = await provider.power(
      { operation: operation(uid), vmId: uid, op: "ShutdownGraceful", gracefulTimeoutMs: 300 },
      context,
    );
    await finish(provider, task);
    assertEquals((await describeOrFail(provider, uid)).power, "Off");
  });

  await step("changes of a VM that is off", async () => {
    const answer = await provider.reconfigure({
      operation: operation(uid),
      vmId: uid,
      spec: { ...grown, disks: [{ name: "data", sizeGib: 4 }] },
    }, context);
    assertEquals(answer, { needsPowerCycle: [] });
    const vm = await describeOrFail(provider, uid);
    assertEquals([vm.cpus, vm.memoryMib, vm.nics.length], [2, 192, 2]);
    assertEquals(vm.disks.map((disk) => [disk.name, disk.sizeGib]), [["root", 2], ["data", 4]]);
  });

  await step("what others do is told as it happens, and not found by listing again", async () => {
    const from = watcher.events.length;
    await host.virsh("start", uid);
    await watcher.vm(uid, (each) => each.power === "On", { from });
    assertEquals(watcher.events.slice(from).filter(({ type }) => type === "ListBegin"), []);
  });

  await step("delete leaves nothing behind", async () => {
    const from = watcher.events.length;
    assertEquals(await provider.delete({ operation: operation(uid), vmId: uid }, context), {});
    const gone = await watcher.until((event) => event.type === "Gone", { from });
    assertEquals(gone, { type: "Gone", vmId: uid, ownerUid: uid });
    assertEquals(await leftOn(host), { domains: "", volumes: [] });
    assertEquals(await provider.describe({ vmId: uid }, context), { exists: false });
    assertEquals(await provider.delete({ operation: operation(uid), vmId: uid }, context), {}, "gone is a success");
  });
}
