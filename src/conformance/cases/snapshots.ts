/** Snapshots. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceCase, needs } from "../case.ts";
import type { CreatedVm, Subject } from "../subject.ts";

async function take(subject: Subject, vm: CreatedVm, name: string, includeMemory = false): Promise<string> {
  const operation = subject.operation(vm.ownerUid);
  const request = { operation, vmId: vm.vmId, name, includeMemory, quiesce: false };
  return (await subject.done(subject.provider.snapshotCreate(request, subject.context))).snapshotId;
}

const list = (subject: Subject, { vmId }: CreatedVm) => subject.provider.snapshotList({ vmId }, subject.context);
const of = (subject: Subject, { vmId, ownerUid }: CreatedVm, snapshotId: string) => ({
  operation: subject.operation(ownerUid),
  vmId,
  snapshotId,
});

export const snapshotCases: readonly ConformanceCase[] = [
  {
    name: "snapshots/tree",
    promise: "snapshots form a tree: each knows its parent, one is current, and a deleted one hands its children on",
    skip: needs("snapshots"),
    run: async (subject) => {
      const vm = await subject.create();
      assertEquals(await list(subject, vm), []);
      const first = await take(subject, vm, "first");
      const second = await take(subject, vm, "second");
      const third = await take(subject, vm, "third");
      const tree = async () =>
        Object.fromEntries((await list(subject, vm)).map(({ name, parentId }) => [name, parentId]));
      assertEquals(await tree(), { first: undefined, second: first, third: second });
      assertEquals((await list(subject, vm)).filter(({ current }) => current).map(({ id }) => id), [third]);
      await subject.done(subject.provider.snapshotDelete(of(subject, vm, second), subject.context));
      assertEquals(await tree(), { first: undefined, third: first });
    },
  },
  {
    name: "snapshots/same-operation-once",
    promise: "the same operation again makes no second snapshot",
    skip: needs("snapshots"),
    run: async (subject) => {
      const { vmId, ownerUid, spec } = await subject.create();
      const operation = subject.operation(ownerUid);
      const request = { operation, vmId, name: "once", includeMemory: false, quiesce: false };
      const first = await subject.done(subject.provider.snapshotCreate(request, subject.context));
      const second = await subject.done(subject.provider.snapshotCreate(request, subject.context));
      assertEquals(second.snapshotId, first.snapshotId);
      assertEquals((await list(subject, { vmId, ownerUid, spec })).length, 1);
    },
  },
  {
    name: "snapshots/revert",
    promise: "a revert brings the hardware back as it was",
    skip: needs("snapshots"),
    run: async (subject) => {
      const vm = await subject.create();
      const before = await subject.describe(vm.vmId);
      const snapshot = await take(subject, vm, "before");
      const { hardware } = vm.spec;
      await subject.reconfigure(vm, { ...vm.spec, hardware: { ...hardware, memoryMib: hardware.memoryMib + 128 } });
      await subject.done(subject.provider.snapshotRevert(of(subject, vm, snapshot), subject.context));
      const after = await subject.describe(vm.vmId);
      assertEquals([after.memoryMib, after.power, after.disks], [before.memoryMib, "Off", before.disks]);
    },
  },
  {
    name: "snapshots/memory",
    promise: "a revert to a snapshot with memory leaves the VM running; one without, off",
    skip: needs("snapshots", "memorySnapshots"),
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.booted(vm.vmId);
      const withMemory = await take(subject, vm, "memory", true);
      assert((await list(subject, vm))[0]?.hasMemory, "the snapshot has no memory");
      await subject.power(vm, "Off", "Off");
      await subject.done(subject.provider.snapshotRevert(of(subject, vm, withMemory), subject.context));
      assertEquals((await subject.describe(vm.vmId)).power, "On");
    },
  },
  {
    name: "snapshots/absent",
    promise: "deleting a snapshot that is gone is a success; reverting to it is NotFound",
    skip: needs("snapshots"),
    run: async (subject) => {
      const vm = await subject.create();
      const snapshot = await take(subject, vm, "short");
      for (let time = 0; time < 2; time++) {
        await subject.done(subject.provider.snapshotDelete(of(subject, vm, snapshot), subject.context));
      }
      const call = subject.provider.snapshotRevert(of(subject, vm, snapshot), subject.context);
      await subject.refuses("snapshotRevert", call, "NotFound");
    },
  },
  {
    name: "snapshots/go-with-the-vm",
    promise: "a VM with snapshots is deleted with them",
    skip: needs("snapshots"),
    run: async (subject) => {
      const volumes = await subject.profile.controls?.listVolumes?.();
      const vm = await subject.create();
      await take(subject, vm, "one");
      await take(subject, vm, "two");
      await subject.delete(vm);
      assert(!await subject.exists({ vmId: vm.vmId }));
      assertEquals((await subject.profile.controls?.listVolumes?.())?.toSorted(), volumes?.toSorted());
    },
  },
];
