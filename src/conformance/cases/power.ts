/** Power changes as asked; what is so already is done. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceCase, needsGuest } from "../case.ts";

export const powerCases: readonly ConformanceCase[] = [
  {
    name: "power/on-and-off",
    promise: "On starts a VM and Off stops it; id, disks and MAC addresses stay",
    run: async (subject) => {
      const vm = await subject.create();
      const before = await subject.describe(vm.vmId);
      await subject.power(vm, "On", "On");
      await subject.power(vm, "Off", "Off");
      const after = await subject.describe(vm.vmId);
      assertEquals(after.nics.map(({ mac }) => mac), before.nics.map(({ mac }) => mac));
      assertEquals(after.disks, before.disks);
      assertEquals(after.ips, [], "a VM that is off has no addresses");
    },
  },
  {
    name: "power/again-is-done",
    promise: "Off on a VM that is off and On on a VM that is on succeed and change nothing",
    run: async (subject) => {
      const vm = await subject.create();
      await subject.power(vm, "Off", "Off");
      await subject.power(vm, "ShutdownGraceful", "Off");
      await subject.power(vm, "On", "On");
      await subject.power(vm, "On", "On");
    },
  },
  {
    name: "power/same-operation-once",
    promise: "a power operation that comes again after later changes does not happen again",
    run: async (subject) => {
      const vm = await subject.create();
      const on = { operation: subject.operation(vm.ownerUid), vmId: vm.vmId, op: "On" } as const;
      await subject.done(subject.provider.power(on, subject.context));
      await subject.power(vm, "Off", "Off");
      await subject.end((await subject.provider.power(on, subject.context)).task);
      assertEquals((await subject.describe(vm.vmId)).power, "Off");
    },
  },
  {
    name: "power/graceful",
    promise: "ShutdownGraceful ends with the VM off",
    skip: needsGuest("shutdown"),
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.booted(vm.vmId);
      await subject.power(vm, "ShutdownGraceful", "Off");
    },
  },
  {
    name: "power/graceful-falls-back",
    promise: "ShutdownGraceful switches off hard when the guest has not reacted in gracefulTimeoutMs",
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create({}, { powerOn: true });
      // At once: the guest is still booting and does not listen.
      const request = {
        operation: subject.operation(ownerUid),
        vmId,
        op: "ShutdownGraceful",
        gracefulTimeoutMs: 1,
      } as const;
      await subject.done(subject.provider.power(request, subject.context));
      assertEquals((await subject.describe(vmId)).power, "Off");
    },
  },
  {
    name: "power/reboot-and-reset",
    promise: "Reboot and Reset leave the VM on, with the same id",
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.booted(vm.vmId);
      await subject.power(vm, "Reset", "On");
      await subject.booted(vm.vmId);
      await subject.power(vm, "Reboot", "On");
    },
  },
  {
    name: "power/needs-other-state",
    promise: "Reboot and Reset of a VM that is off are a Conflict with reason PowerState",
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create();
      for (const op of ["Reboot", "Reset"] as const) {
        const call = subject.provider.power({ operation: subject.operation(ownerUid), vmId, op }, subject.context);
        await subject.refuses(op, call, "Conflict", { reason: "PowerState" });
      }
      assertEquals((await subject.describe(vmId)).power, "Off");
    },
  },
  {
    name: "power/suspend-and-resume",
    promise: "Suspend is refused with NotSupported, or suspends; then On resumes and Off discards",
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.booted(vm.vmId);
      try {
        await subject.power(vm, "Suspend", "Suspended");
      } catch (error) {
        await subject.refuses("Suspend", Promise.reject(error), "NotSupported");
        assertEquals((await subject.describe(vm.vmId)).power, "On");
        return;
      }
      await subject.power(vm, "On", "On");
      await subject.power(vm, "Suspend", "Suspended");
      await subject.power(vm, "Off", "Off");
    },
  },
  {
    name: "power/absent-vm",
    promise: "power of a VM that does not exist is NotFound",
    run: async (subject) => {
      const vm = await subject.create();
      await subject.delete(vm);
      const operation = subject.operation(vm.ownerUid);
      const call = subject.provider.power({ operation, vmId: vm.vmId, op: "On" }, subject.context);
      await subject.refuses("power", call, "NotFound");
      assert(!await subject.exists({ vmId: vm.vmId }));
    },
  },
];
