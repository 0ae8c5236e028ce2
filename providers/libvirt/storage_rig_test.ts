import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { type Hypervisor, libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import {
  callContext,
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

const ignore = await skipWithout("libvirt provider", "disks on a real host", libvirtRig);
const context = callContext();

/** Bytes that the volume's file takes on the host. */
async function allocated(host: Hypervisor, name: string): Promise<number> {
  return Number(await host.sh(["stat", "--format=%b", `/var/lib/libvirt/images/${name}`])) * 512;
}

Deno.test({ name: "a running VM is cloned while it goes on; both disks are from one moment", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  await using watcher = new Watcher(provider);
  const spec = machine("source", { disks: [{ name: "data", sizeGib: 1 }, { name: "other", sizeGib: 1 }] });
  const source = await made(provider, spec);
  await watcher.vm(source, (vm) => vm.guest.agent === "Running");
  const exec = (vmId: string, ...command: string[]) =>
    provider.guestExec({ operation: operation(vmId), vmId, command }, context);
  assertEquals((await exec(source, "/bin/touch", "/state/mine")).exitCode, 0);

  const uid = crypto.randomUUID();
  const wish = machine("copy", { disks: [{ name: "data", sizeGib: 2 }], rootDisk: { sizeGib: 2 } });
  const request = { operation: operation(uid), sourceVmId: source, linked: false, spec: wish, powerOn: true };
  await finish(provider, (await provider.clone(request, context)).task);
  assertEquals((await describeOrFail(provider, source)).power, "On");
  await watcher.vm(uid, (vm) => vm.guest.agent === "Running" && vm.guest.hostname === "copy");
  assertEquals((await exec(uid, "/bin/ls", "/state/mine")).exitCode, 0);
  assertEquals((await describeOrFail(provider, uid)).disks.map(({ name, sizeGib }) => [name, sizeGib]), [
    ["root", 2],
    ["data", 2],
  ]);
  assertEquals((await exec(source, "/bin/touch", "/state/after")).exitCode, 0, "the source's file systems are held");
  const linked = { ...request, operation: operation(crypto.randomUUID()), linked: true, spec: plainMachine("linked") };
  const error = await assertRejects(() => provider.clone(linked, context), ProviderError);
  assertEquals([error.class, error.reason], ["Conflict", "PowerState"]);
  for (const id of [uid, source]) await provider.delete({ operation: operation(id), vmId: id }, context);
  assertEquals(await volumesOf(host), []);
});

Deno.test(
  {
    name: "a thick disk takes its space at its birth, also as the clone of a running one; a thin one does not",
    ignore,
  },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const spec = plainMachine("thick", {
      rootDisk: { sizeGib: 1, type: "thick" },
      disks: [{ name: "thick", sizeGib: 0.125, type: "thick" }, { name: "thin", sizeGib: 0.125 }],
    });
    const uid = await made(provider, spec, { powerOn: false });
    assert(await allocated(host, `${uid}-root.qcow2`) >= 2 ** 30);
    assert(await allocated(host, `${uid}-thick.qcow2`) >= 2 ** 27);
    assert(await allocated(host, `${uid}-thin.qcow2`) < 2 ** 21);
    assertEquals((await describeOrFail(provider, uid)).disks.map(({ name, type }) => [name, type]), [
      ["root", "thick"],
      ["thick", "thick"],
      ["thin", "thin"],
    ]);
    assertEquals((await volumesOf(host)).length, 3);
    const copy = crypto.randomUUID();
    const request = { operation: operation(copy), sourceVmId: uid, linked: false, spec: { ...spec, name: "copy" } };
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    await finish(provider, (await provider.clone({ ...request, powerOn: false }, context)).task);
    assert(await allocated(host, `${copy}-root.qcow2`) >= 2 ** 30);
    await provider.delete({ operation: operation(copy), vmId: copy }, context);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
  },
);

Deno.test(
  { name: "a disk that leaves the wish goes with its volume, and not before nothing names it", ignore },
  async (t) => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const disks = ["a", "b", "c"].map((name) => ({ name, sizeGib: 1 }));
    const spec = plainMachine("vm", { disks });
    const uid = await made(provider, spec, { powerOn: false });
    const reconfigure = (names: string) =>
      provider.reconfigure({
        operation: operation(uid),
        vmId: uid,
        spec: { ...spec, disks: disks.filter(({ name }) => names.includes(name)) },
      }, context);
    const names = async () => (await volumesOf(host)).map((name) => name.slice(uid.length + 1));

    await t.step("off: at once", async () => {
      assertEquals(await reconfigure("bc"), { needsPowerCycle: [] });
      assertEquals(await names(), ["b.qcow2", "c.qcow2", "root.qcow2"]);
      assert(!(await host.virsh("dumpxml", uid)).includes("removals"), "the note is left");
    });
    await t.step("a snapshot that needs it keeps it", async () => {
      const request = { operation: operation(uid), vmId: uid, name: "s", includeMemory: false, quiesce: false };
      const { snapshotId, task } = await provider.snapshotCreate(request, context);
      await finish(provider, task);
      const error = await assertRejects(() => reconfigure("c"), ProviderError);
      assertEquals([error.class, error.reason, error.field], ["Conflict", "HasSnapshots", "disks[b]"]);
      assertEquals(await names(), ["b.qcow2", "c.qcow2", "root.qcow2"]);
      const removal = await provider.snapshotDelete({ operation: operation(uid), vmId: uid, snapshotId }, context);
      await finish(provider, removal.task);
    });
    await t.step("running, and the guest does not let go: after the power cycle", async () => {
      await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
      // Before it has got further than its firmware; what stands still unplugs nothing.
      await host.virsh("suspend", uid);
      assertEquals(await reconfigure("c"), { needsPowerCycle: ["disks[b]"] });
      assertEquals(await names(), ["b.qcow2", "c.qcow2", "root.qcow2"]);
      assertEquals(await reconfigure("bc"), { needsPowerCycle: [] });
      assertEquals((await describeOrFail(provider, uid)).pendingPowerCycle, [], "it was wanted back");
      await reconfigure("c");
      assertEquals((await describeOrFail(provider, uid)).pendingPowerCycle, ["disks[b]"]);
      await provider.power({ operation: operation(uid), vmId: uid, op: "Off" }, context);
      await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
      assertEquals(await names(), ["c.qcow2", "root.qcow2"]);
      assertEquals((await describeOrFail(provider, uid)).pendingPowerCycle, []);
    });
    await t.step("a volume that was not made for it is only unplugged", async () => {
      await provider.power({ operation: operation(uid), vmId: uid, op: "Off" }, context);
      await host.virsh("vol-create-as", "default", "foreign.qcow2", "1M", "--format", "qcow2");
      const xml = (await host.virsh("dumpxml", uid, "--inactive")).replaceAll(`${uid}-c.qcow2`, "foreign.qcow2");
      await host.sh(["tee", "/root/edited.xml"], { input: xml });
      await host.virsh("define", "/root/edited.xml");
      assertEquals(await reconfigure(""), { needsPowerCycle: [] });
      assertStringIncludes((await volumesOf(host)).join(), "foreign.qcow2");
      assertEquals((await describeOrFail(provider, uid)).disks.map(({ name }) => name), ["root"]);
    });
  },
);
