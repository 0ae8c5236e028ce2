import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { Harness, tinySpec } from "../testing/harness.ts";

async function apply(harness: Harness, vmId: string, spec: Partial<MachineSpec>): Promise<readonly string[]> {
  const request = { operation: harness.operation(), vmId, spec: { ...tinySpec, ...spec } };
  const answer = harness.provider.reconfigure(request, harness.context);
  await harness.settle(answer);
  return (await answer).needsPowerCycle;
}

const hot = { ...tinySpec.hardware, performance: { cpuHotAdd: true, memoryHotAdd: true } };

Deno.test("hot-add works upwards only", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({ hardware: { ...hot, cpus: 2 } }, { powerOn: true });
  assertEquals(await apply(harness, vmId, { hardware: { ...hot, cpus: 3, memoryMib: 512 } }), []);
  assertEquals(await apply(harness, vmId, { hardware: { ...hot, cpus: 1, memoryMib: 128 } }), [
    "hardware.cpus",
    "hardware.memoryMib",
  ]);
  const { cpus, memoryMib, pendingPowerCycle } = await harness.describe(vmId);
  assertEquals([cpus, memoryMib, pendingPowerCycle], [3, 512, ["hardware.cpus", "hardware.memoryMib"]]);
});

Deno.test("the flag has to be set before the VM is started: a wish for it waits as well", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({}, { powerOn: true });
  assertEquals(await apply(harness, vmId, { hardware: { ...hot, cpus: 2 } }), [
    "hardware.cpus",
    "hardware.performance",
  ]);
});

Deno.test("a root disk that is larger than its wish because of its image stays so", async () => {
  using harness = new Harness();
  const rootDisk = { sizeGib: 1 };
  const image = { type: "Template", template: "ubuntu-24.04" } as const;
  const vmId = await harness.vm({ image, rootDisk });
  assertEquals((await harness.describe(vmId)).disks[0]?.sizeGib, 4);
  assertEquals(await apply(harness, vmId, { image, rootDisk }), []);
  await apply(harness, vmId, { image, rootDisk: { sizeGib: 9 } });
  const error = await assertRejects(() => apply(harness, vmId, { image, rootDisk: { sizeGib: 8 } }), ProviderError);
  assertEquals([error.class, error.field], ["InvalidSpec", "rootDisk.sizeGib"]);
});

Deno.test("a disk that is no longer wanted is removed with its volume", async () => {
  using harness = new Harness({ seedVms: 0 });
  const vmId = await harness.vm({ disks: [{ name: "a", sizeGib: 1 }, { name: "b", sizeGib: 1 }] });
  await apply(harness, vmId, { disks: [{ name: "b", sizeGib: 1 }] });
  assertEquals((await harness.describe(vmId)).disks.map(({ name }) => name), ["root", "b"]);
  assertEquals(harness.hypervisor.volumes.length, 2);
});

Deno.test("a card that is added to a running guest gets an address, and one that is removed gives it back", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({}, { powerOn: true });
  const lab = { name: "eth1", addresses: [], backing: { type: "Network", network: "lab" } } as const;
  await apply(harness, vmId, { nics: [...tinySpec.nics, lab] });
  assertEquals((await harness.describe(vmId)).ips.length, 2);
  assertEquals([...harness.hypervisor.world.store.list("leases")].length, 2);
  await apply(harness, vmId, {});
  assertEquals((await harness.describe(vmId)).ips.length, 1);
  assertEquals([...harness.hypervisor.world.store.list("leases")].length, 1);
});

Deno.test("a VM that was renamed behind our back gets its name back", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  harness.hypervisor.external({ type: "Rename", vmId, name: "renamed" });
  await apply(harness, vmId, {});
  assertEquals((await harness.describe(vmId)).name, "web");
});

Deno.test("a disk with snapshots does not grow", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const snapshot = { operation: harness.operation(), vmId, name: "s", includeMemory: false, quiesce: false };
  await harness.settle(harness.provider.snapshotCreate(snapshot, harness.context));
  const error = await assertRejects(() => apply(harness, vmId, { rootDisk: { sizeGib: 30 } }), ProviderError);
  assertEquals([error.class, error.reason], ["Conflict", "HasSnapshots"]);
});

Deno.test("hardware is upgraded while the VM is off, upwards, and once", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({}, { powerOn: true });
  const upgrade = (targetVersion: number) =>
    harness.provider.hardwareUpgrade({ operation: harness.operation(), vmId, targetVersion }, harness.context);
  assertEquals((await assertRejects(() => upgrade(19), ProviderError)).reason, "PowerState");
  await harness.settle(harness.provider.power({ operation: harness.operation(), vmId, op: "Off" }, harness.context));
  await harness.settle(upgrade(19));
  assertEquals((await harness.describe(vmId)).details["hardwareVersion"], "19");
  assertEquals(await upgrade(19), {});
  assertEquals((await assertRejects(() => upgrade(18), ProviderError)).class, "InvalidSpec");
});
