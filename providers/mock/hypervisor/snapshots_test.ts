import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { Harness, tinySpec } from "../testing/harness.ts";

async function take(harness: Harness, vmId: string, name: string, memory = false): Promise<string> {
  const request = { operation: harness.operation(), vmId, name, includeMemory: memory, quiesce: false };
  const { snapshotId } = await harness.provider.snapshotCreate(request, harness.context);
  await harness.clock.advance(200);
  return snapshotId;
}

const revert = (harness: Harness, vmId: string, snapshotId: string) =>
  harness.settle(
    harness.provider.snapshotRevert({ operation: harness.operation(), vmId, snapshotId }, harness.context),
  );

Deno.test("a card that comes back with a revert does not come back with an address that it gave away", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({}, { powerOn: true });
  const [lease] = (await harness.describe(vmId)).ips;
  const snapshotId = await take(harness, vmId, "before");
  const spec = { ...tinySpec, nics: [] };
  const request = { operation: harness.operation(), vmId, spec };
  await harness.settle(harness.provider.reconfigure(request, harness.context));
  await revert(harness, vmId, snapshotId);
  assertEquals([...harness.hypervisor.world.store.list("leases")], []);
  await harness.settle(harness.provider.power({ operation: harness.operation(), vmId, op: "On" }, harness.context));
  await harness.clock.advance(1000);
  const { ips } = await harness.describe(vmId);
  assertEquals([ips.length, ips[0] === lease], [1, false]);
});

Deno.test("a disk that was added after the snapshot is gone after the revert, with its volume", async () => {
  using harness = new Harness({ seedVms: 0 });
  const vmId = await harness.vm();
  const snapshotId = await take(harness, vmId, "before");
  const spec = { ...tinySpec, disks: [{ name: "late", sizeGib: 1 }] };
  await harness.settle(
    harness.provider.reconfigure({ operation: harness.operation(), vmId, spec }, harness.context),
  );
  assertEquals(harness.hypervisor.volumes.length, 2);
  await revert(harness, vmId, snapshotId);
  assertEquals((await harness.describe(vmId)).disks.map(({ name }) => name), ["root"]);
  assertEquals(harness.hypervisor.volumes.length, 1);
});

Deno.test("a revert to memory leaves a running guest with an address", async () => {
  using harness = new Harness();
  const vmId = await harness.vm({}, { powerOn: true });
  const snapshotId = await take(harness, vmId, "running", true);
  await harness.settle(harness.provider.power({ operation: harness.operation(), vmId, op: "Off" }, harness.context));
  await revert(harness, vmId, snapshotId);
  const vm = await harness.describe(vmId);
  assertEquals([vm.power, vm.ips.length, vm.guest.agent], ["On", 1, "Running"]);
});

Deno.test("what a snapshot needs and does not find is a Conflict that says so", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const request = { vmId, name: "s", includeMemory: true, quiesce: false };
  const refused = (change: Partial<typeof request>) =>
    assertRejects(
      () => harness.provider.snapshotCreate({ operation: harness.operation(), ...request, ...change }, harness.context),
      ProviderError,
    );
  assertEquals((await refused({})).reason, "PowerState");
  await harness.provider.power({ operation: harness.operation(), vmId, op: "On" }, harness.context);
  await harness.clock.advance(200);
  assertEquals((await refused({ includeMemory: false, quiesce: true })).reason, "AgentNotRunning");
  await take(harness, vmId, "s");
  assertEquals((await refused({ includeMemory: false })).reason, "NameConflict");
});
