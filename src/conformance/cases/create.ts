/** A VM is created as asked, and exactly once. @module */
import { assert, assertEquals, assertNotEquals } from "@virtrigaud/deps";
import type { ImageSource } from "@virtrigaud/contract";
import { type ConformanceCase, needsControl } from "../case.ts";

export const createCases: readonly ConformanceCase[] = [
  {
    name: "create/as-asked",
    promise: "a created VM has the name, size, disks and cards that were asked for, and is off",
    run: async (subject) => {
      const disks = [{ name: "data", sizeGib: 1 }];
      const { vmId, spec, ownerUid } = await subject.create({ disks });
      const vm = await subject.describe(vmId);
      assertEquals(vm.id, vmId);
      assertEquals(vm.name, spec.name);
      assertEquals(vm.ownerUid, ownerUid);
      assertEquals(vm.power, "Off");
      assertEquals([vm.cpus, vm.memoryMib], [spec.hardware.cpus, spec.hardware.memoryMib]);
      assertEquals(vm.disks.map(({ name }) => name).sort(), ["data", "root"]);
      for (const disk of vm.disks) {
        assertEquals(disk.sizeGib, disk.name === "root" ? subject.profile.rootGib : 1, `size of disk ${disk.name}`);
      }
      assertEquals(vm.nics.map(({ name }) => name), ["eth0"]);
      assertEquals(vm.pendingPowerCycle, []);
    },
  },
  {
    name: "create/power-on",
    promise: "powerOn starts the VM as the last step of the same task",
    run: async (subject) => {
      const { vmId } = await subject.create({}, { powerOn: true });
      const power = await subject.until("power On", subject.timeouts.eventMs, async () => {
        const { power } = await subject.describe(vmId);
        return power === "Transitional" ? undefined : power;
      });
      assertEquals(power, "On");
    },
  },
  {
    name: "create/same-operation-once",
    promise: "the same operation again gets the same answer and makes no second VM",
    run: async (subject) => {
      const ownerUid = subject.owner();
      const request = { operation: subject.operation(ownerUid), spec: subject.spec(), powerOn: false };
      const first = await subject.provider.create(request, subject.context);
      const second = await subject.provider.create(request, subject.context);
      assertEquals(second.vmId, first.vmId);
      await subject.finish(first.task);
      const third = await subject.provider.create(request, subject.context);
      assertEquals(third.vmId, first.vmId);
      const named = (await subject.list()).filter(({ name }) => name === request.spec.name);
      assertEquals(named.map(({ id }) => id), [first.vmId]);
    },
  },
  {
    name: "create/same-owner-once",
    promise: "another operation of the same owner finds the VM that is there, even if the first answer was lost",
    run: async (subject) => {
      const { vmId, ownerUid, spec } = await subject.create();
      const again = { operation: subject.operation(ownerUid), spec, powerOn: false };
      const answer = await subject.done(subject.provider.create(again, subject.context));
      assertEquals(answer.vmId, vmId);
      assertEquals((await subject.list()).filter((vm) => vm.ownerUid === ownerUid).length, 1);
    },
  },
  {
    name: "create/concurrent-once",
    promise: "creations of one owner that run at the same time make one VM",
    run: async (subject) => {
      const ownerUid = subject.owner();
      const spec = subject.spec();
      const answers = await Promise.allSettled(
        Array.from(
          { length: 4 },
          () =>
            subject.provider.create({ operation: subject.operation(ownerUid), spec, powerOn: false }, subject.context),
        ),
      );
      const ids = new Set(answers.flatMap((one) => one.status === "fulfilled" ? [one.value.vmId] : []));
      assertEquals(ids.size, 1, `ids that were answered: ${[...ids].join(", ") || "none"}`);
      for (const one of answers) if (one.status === "fulfilled") await subject.finish(one.value.task);
      assertEquals((await subject.list()).filter((vm) => vm.ownerUid === ownerUid).map(({ id }) => id), [...ids]);
    },
  },
  {
    name: "create/two-owners",
    promise: "two owners get two VMs, with different ids, disks and MAC addresses",
    run: async (subject) => {
      const first = await subject.describe((await subject.create()).vmId);
      const second = await subject.describe((await subject.create()).vmId);
      assertNotEquals(second.id, first.id);
      assertNotEquals(second.nics[0]?.mac, first.nics[0]?.mac);
      assertNotEquals(second.disks[0]?.id, first.disks[0]?.id);
    },
  },
  {
    name: "create/name-conflict-own",
    promise: "a name that another owner's VM has is a NameConflict; that VM is neither taken over nor touched",
    run: async (subject) => {
      const { vmId, spec } = await subject.create();
      const before = await subject.describe(vmId);
      const ownerUid = subject.owner();
      const request = {
        operation: subject.operation(ownerUid),
        spec: subject.spec({ name: spec.name }),
        powerOn: true,
      };
      const call = subject.provider.create(request, subject.context);
      await subject.refuses("create", call, "Conflict", { reason: "NameConflict" });
      assertEquals(await subject.describe(vmId), before);
      assert(!await subject.exists({ ownerUid }), "a VM of the refused owner exists");
    },
  },
  {
    name: "create/name-conflict-foreign",
    promise: "a name that a VM without our mark has is a NameConflict; that VM is neither taken over nor touched",
    skip: needsControl("addForeignVm"),
    run: async (subject) => {
      const spec = subject.spec();
      const foreign = await subject.profile.controls?.addForeignVm?.(spec.name);
      assert(foreign !== undefined);
      const before = await subject.describe(foreign);
      assertEquals(before.ownerUid, undefined);
      const ownerUid = subject.owner();
      const request = { operation: subject.operation(ownerUid), spec, powerOn: true };
      const call = subject.provider.create(request, subject.context);
      await subject.refuses("create", call, "Conflict", { reason: "NameConflict" });
      assertEquals(await subject.describe(foreign), before);
    },
  },
  {
    name: "create/missing-image",
    promise: "an image that does not exist is NotFound with reason DependencyMissing, and leaves no VM and no volume",
    run: async (subject) => {
      const volumes = await subject.profile.controls?.listVolumes?.();
      const ownerUid = subject.owner();
      const image = missingImage(subject.profile.image);
      const request = { operation: subject.operation(ownerUid), spec: subject.spec({ image }), powerOn: false };
      const call = subject.provider.create(request, subject.context);
      await subject.refuses("create", call, "NotFound", { reason: "DependencyMissing" });
      assert(!await subject.exists({ ownerUid }), "a VM is left behind");
      assertEquals((await subject.profile.controls?.listVolumes?.())?.toSorted(), volumes?.toSorted());
    },
  },
];

function missingImage(image: ImageSource): ImageSource {
  switch (image.type) {
    case "Volume":
      return { ...image, path: `${image.path}-vcts-missing` };
    case "Template":
    case "Url":
    case "ContentLibrary":
    case "Registry":
    case "ImportedDisk":
    case "Blank":
      return { type: "Template", template: "vcts-missing" };
  }
}
