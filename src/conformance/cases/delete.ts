/** Deletion leaves nothing of ours and touches nothing of others. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { type ConformanceCase, needsControl } from "../case.ts";

export const deleteCases: readonly ConformanceCase[] = [
  {
    name: "delete/running",
    promise: "a running VM is deleted, off and gone in one task",
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.delete(vm);
      assert(!await subject.exists({ vmId: vm.vmId, ownerUid: vm.ownerUid }));
    },
  },
  {
    name: "delete/twice",
    promise: "deleting a VM that is gone already is a success",
    run: async (subject) => {
      const vm = await subject.create();
      await subject.delete(vm);
      await subject.delete(vm);
    },
  },
  {
    name: "delete/no-volume-left",
    promise: "all disks of a deleted VM are gone from the storage, and no others",
    skip: needsControl("listVolumes"),
    run: async (subject) => {
      const volumes = async () => (await subject.profile.controls?.listVolumes?.() ?? []).toSorted();
      const before = await volumes();
      const vm = await subject.create({
        disks: [{ name: "data", sizeGib: 1 }],
        guestInit: subject.guestInit("vcts"),
      }, { powerOn: true });
      assert((await volumes()).length > before.length, "creation shows no volume: the control does not work");
      await subject.delete(vm);
      assertEquals(await volumes(), before);
    },
  },
  {
    name: "delete/while-it-is-created",
    promise: "a VM whose creation is under way is deleted, or held with reason Locked and deleted afterwards; " +
      "nothing of it stays",
    run: async (subject) => {
      const volumes = await subject.profile.controls?.listVolumes?.();
      const ownerUid = subject.owner();
      const request = { operation: subject.operation(ownerUid), spec: subject.spec(), powerOn: true };
      const { vmId, task } = await subject.provider.create(request, subject.context);
      await subject.until("deletion", subject.timeouts.taskMs, async () => {
        try {
          await subject.delete({ vmId, ownerUid });
          return true;
        } catch (error) {
          if (ProviderError.is(error, "Conflict") && error.reason === "Locked") return undefined;
          throw error;
        }
      });
      await subject.end(task).catch(() => undefined);
      assert(!await subject.exists({ vmId, ownerUid }));
      assertEquals((await subject.profile.controls?.listVolumes?.())?.toSorted(), volumes?.toSorted());
    },
  },
  {
    name: "delete/of-another-owner",
    promise: "a VM that carries the mark of another owner is not deleted",
    run: async (subject) => {
      const { vmId } = await subject.create();
      const before = await subject.describe(vmId);
      const operation = subject.operation(subject.owner());
      await subject.refuses("delete", subject.provider.delete({ operation, vmId }, subject.context), "Conflict");
      assertEquals(await subject.describe(vmId), before);
    },
  },
  {
    name: "delete/name-again",
    promise: "after deletion the name is free again, and a new owner's VM is a new VM",
    run: async (subject) => {
      const first = await subject.create();
      await subject.delete(first);
      const second = await subject.create({ name: first.spec.name });
      assertEquals((await subject.describe(second.vmId)).ownerUid, second.ownerUid);
    },
  },
];
