/** Clones. @module */
import { assert, assertEquals, assertNotEquals } from "@virtrigaud/deps";
import { type ConformanceCase, needs } from "../case.ts";
import type { CreatedVm, Subject } from "../subject.ts";

async function clone(subject: Subject, source: CreatedVm, linked: boolean): Promise<CreatedVm> {
  const ownerUid = subject.owner();
  const spec = subject.spec();
  const request = { operation: subject.operation(ownerUid), sourceVmId: source.vmId, linked, spec, powerOn: false };
  const { vmId } = await subject.done(subject.provider.clone(request, subject.context));
  return { vmId, ownerUid, spec };
}

export const cloneCases: readonly ConformanceCase[] = [
  {
    name: "clones/full",
    promise: "a full clone is a VM of its own: own id, mark, MAC and disks; it outlives its source",
    skip: needs("clones"),
    run: async (subject) => {
      const source = await subject.create();
      const before = await subject.describe(source.vmId);
      const copy = await clone(subject, source, false);
      const vm = await subject.describe(copy.vmId);
      assertEquals([vm.ownerUid, vm.name], [copy.ownerUid, copy.spec.name]);
      assertNotEquals(vm.nics[0]?.mac, before.nics[0]?.mac);
      assertNotEquals(vm.disks[0]?.id, before.disks[0]?.id);
      assertEquals(await subject.describe(source.vmId), before);
      await subject.delete(source);
      await subject.power(copy, "On", "On");
    },
  },
  {
    name: "clones/same-owner-once",
    promise: "another clone operation of the same owner finds the clone that is there",
    skip: needs("clones"),
    run: async (subject) => {
      const source = await subject.create();
      const { vmId, ownerUid, spec } = await clone(subject, source, false);
      const operation = subject.operation(ownerUid);
      const request = { operation, sourceVmId: source.vmId, linked: false, spec, powerOn: false };
      assertEquals((await subject.done(subject.provider.clone(request, subject.context))).vmId, vmId);
    },
  },
  {
    name: "clones/linked-protects-its-base",
    promise: "the base of a linked clone is not deleted under it: Conflict, and both VMs stay",
    skip: needs("clones", "linkedClones"),
    run: async (subject) => {
      const source = await subject.create();
      const copy = await clone(subject, source, true);
      const operation = subject.operation(source.ownerUid);
      const call = subject.provider.delete({ operation, vmId: source.vmId }, subject.context);
      await subject.refuses("delete of the base", call, "Conflict");
      assert(await subject.exists({ vmId: source.vmId }) && await subject.exists({ vmId: copy.vmId }));
      await subject.delete(copy);
      await subject.delete(source);
    },
  },
  {
    name: "clones/absent-source",
    promise: "a clone of a VM that does not exist is NotFound and makes nothing",
    skip: needs("clones"),
    run: async (subject) => {
      const source = await subject.create();
      await subject.delete(source);
      const ownerUid = subject.owner();
      const operation = subject.operation(ownerUid);
      const request = { operation, sourceVmId: source.vmId, linked: false, spec: subject.spec(), powerOn: false };
      await subject.refuses("clone", subject.provider.clone(request, subject.context), "NotFound");
      assert(!await subject.exists({ ownerUid }));
    },
  },
];
