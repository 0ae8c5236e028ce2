import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { retry } from "@virtrigaud/resilience";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import type { LibvirtProvider } from "./provider.ts";
import { callContext, finish, machine, made, operation, providerFor, Watcher } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "snapshots and clones on a real host", libvirtRig);
const context = callContext();

/** An agent that has just come back to an earlier moment needs another one until libvirt hears it. */
async function exec(provider: LibvirtProvider, uid: string, ...command: string[]) {
  const act = () => provider.guestExec({ operation: operation(uid), vmId: uid, command }, context);
  const isDeaf = (error: unknown) => ProviderError.is(error, "Retryable") && /not connected/.test(error.message);
  return await retry(act, { advise: (error) => isDeaf(error) && {}, maxAttempts: 20 });
}

Deno.test({ name: "the guest's files and memory come back as the snapshot had them", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  await using watcher = new Watcher(provider);
  const uid = crypto.randomUUID();
  const spec = machine("snap", {
    hardware: { cpus: 1, memoryMib: 128, firmware: "BIOS", performance: { cpuHotAdd: true } },
  });
  const answers = (from = 0) => watcher.vm(uid, (vm) => vm.power === "On" && vm.guest.agent === "Running", { from });
  const take = async (name: string, how: { includeMemory: boolean; quiesce: boolean }): Promise<string> => {
    const request = { operation: operation(uid), vmId: uid, name, ...how };
    const { snapshotId, task } = await provider.snapshotCreate(request, context);
    await finish(provider, task);
    assertEquals(await provider.snapshotCreate(request, context), { snapshotId }, "the same operation takes no second");
    return snapshotId;
  };
  const revert = async (snapshotId: string) => {
    const { task } = await provider.snapshotRevert({ operation: operation(uid), vmId: uid, snapshotId }, context);
    await finish(provider, task);
  };
  await made(provider, spec, { uid });
  await answers();

  let memory = "";
  let disks = "";
  await t.step("a snapshot with memory goes on where it was", async () => {
    assertEquals((await exec(provider, uid, "/bin/touch", "/run/before", "/state/before")).exitCode, 0);
    memory = await take("memory", { includeMemory: true, quiesce: false });
    assertEquals((await exec(provider, uid, "/bin/rm", "/run/before")).exitCode, 0);
    await revert(memory);
    assertEquals((await exec(provider, uid, "/bin/ls", "/run/before")).exitCode, 0);
  });
  await t.step("a quiesced one leaves the guest able to write, and comes back switched off", async () => {
    disks = await take("disks", { includeMemory: false, quiesce: true });
    assertEquals((await exec(provider, uid, "/bin/touch", "/state/after")).exitCode, 0);
    await revert(disks);
    const off = await provider.describe({ vmId: uid }, context);
    assert(off.exists && off.vm.power === "Off");
    const from = watcher.events.length;
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    await answers(from);
    assertEquals((await exec(provider, uid, "/bin/ls", "/state/before")).exitCode, 0);
    assert((await exec(provider, uid, "/bin/ls", "/state/after")).exitCode !== 0, "a file from after the snapshot");
  });
  await t.step("the list says which has memory, and what virsh sees is the same", async () => {
    const list = await provider.snapshotList({ vmId: uid }, context);
    assertEquals(list.map(({ id, name, hasMemory, parentId }) => ({ id, name, hasMemory, parentId })), [
      { id: memory, name: "memory", hasMemory: true, parentId: undefined },
      { id: disks, name: "disks", hasMemory: false, parentId: memory },
    ]);
    const seen = await host.virsh("snapshot-list", uid, "--name");
    for (const id of [memory, disks]) assertStringIncludes(seen, id);
  });
  await t.step("after CPUs were added, this libvirt could not come back: refused before it is tried", async () => {
    const more = { ...spec, hardware: { ...spec.hardware, cpus: 2 } };
    assertEquals(await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: more }, context), {
      needsPowerCycle: [],
    });
    const request = { operation: operation(uid), vmId: uid, name: "late", includeMemory: true, quiesce: false };
    const error = await assertRejects(() => provider.snapshotCreate(request, context), ProviderError);
    assertEquals([error.class, error.reason], ["Conflict", "PowerState"]);
  });
  await t.step("a command that does not exist or does not end is told as such", async () => {
    const missing = await assertRejects(() => exec(provider, uid, "/no/such"), ProviderError);
    assert(missing.class !== "Unavailable");
    const request = { operation: operation(uid), vmId: uid, command: ["/bin/sleep", "60"], timeoutMs: 300 };
    assertEquals((await assertRejects(() => provider.guestExec(request, context), ProviderError)).class, "Timeout");
    assertEquals((await exec(provider, uid, "/bin/ls", "/no/such")).stderr.includes("No such file"), true);
  });
  await t.step("the snapshots go with the VM", async () => {
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals(await host.virsh("list", "--all", "--name"), "");
  });
});

Deno.test({ name: "linked clones stand on a disk that nobody starts, reverts or deletes", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  await using watcher = new Watcher(provider);
  const [source, linked, full] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
  const spec = machine("gold", { disks: [{ name: "data", sizeGib: 1 }] });
  await made(provider, spec, { uid: source, powerOn: false });
  const cloneOf = (uid: string, name: string, isLinked: boolean, powerOn = true) =>
    provider.clone({
      operation: operation(uid),
      sourceVmId: source,
      linked: isLinked,
      spec: machine(name, { disks: spec.disks }),
      powerOn,
    }, context);

  const request = { operation: operation(source), vmId: source };
  const snapshot = await provider.snapshotCreate(
    { ...request, name: "s", includeMemory: false, quiesce: false },
    context,
  );
  await finish(provider, snapshot.task);
  const { snapshotId } = snapshot;

  await t.step("a clone boots from its overlay; what it writes is its own", async () => {
    await finish(provider, (await cloneOf(linked, "linked", true)).task);
    await watcher.vm(linked, (vm) => vm.guest.hostname === "linked");
    const info = await host.virsh("vol-dumpxml", "--pool", host.pool, `${linked}-root.on-${source}.qcow2`);
    assertStringIncludes(info, `${source}-root.qcow2`);
    const { capacity } = /(?<capacity>\d+)<\/capacity>/.exec(info)?.groups ?? {};
    assertEquals(Number(capacity), 2 ** 30);
  });
  await t.step("the base is neither started nor reverted nor deleted", async () => {
    for (
      const change of [
        () => provider.power({ ...request, op: "On" }, context),
        () => provider.delete(request, context),
        async () => await finish(provider, (await provider.snapshotRevert({ ...request, snapshotId }, context)).task),
      ]
    ) {
      const error = await assertRejects(change, ProviderError);
      assertEquals([error.class, error.reason], ["Conflict", "LinkedClones"]);
    }
  });
  await t.step("a full clone copies the data disk as well and needs its source no more", async () => {
    await finish(provider, (await cloneOf(full, "full", false, false)).task);
    const xml = await host.virsh("vol-dumpxml", "--pool", host.pool, `${full}-root.qcow2`);
    assert(!xml.includes("backingStore"));
    assertStringIncludes(await host.virsh("vol-list", host.pool), `${full}-data.qcow2`);
  });
  await t.step("a running VM cannot be cloned", async () => {
    const request = {
      operation: operation(crypto.randomUUID()),
      sourceVmId: linked,
      linked: true,
      spec: { ...spec, name: "no" },
      powerOn: false,
    };
    const error = await assertRejects(() => provider.clone(request, context), ProviderError);
    assertEquals([error.class, error.reason], ["Conflict", "PowerState"]);
  });
  await t.step("when the linked clone is gone the base is free", async () => {
    for (const uid of [linked, source, full]) {
      await provider.delete({ operation: operation(uid), vmId: uid }, context);
    }
    assertEquals(await host.virsh("list", "--all", "--name"), "");
    const volumes = (await host.virsh("vol-list", host.pool)).split("\n").map((line) => line.trim().split(/\s+/)[0]);
    assertEquals(volumes.filter((name) => name !== host.imageVolume && name !== ""), []);
  });
});
