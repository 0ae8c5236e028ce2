/** A changed wish is applied, or said to wait for a power cycle. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import type { Hardware } from "@virtrigaud/contract";
import { type ConformanceCase, needs } from "../case.ts";

const bigger = (hardware: Hardware): Hardware => ({
  ...hardware,
  cpus: hardware.cpus + 1,
  memoryMib: hardware.memoryMib + 128,
});

export const reconfigureCases: readonly ConformanceCase[] = [
  {
    name: "reconfigure/nothing-to-do",
    promise: "a wish that is fulfilled already starts no task and changes nothing",
    run: async (subject) => {
      const vm = await subject.create({ disks: [{ name: "data", sizeGib: 1 }] });
      const before = await subject.describe(vm.vmId);
      const answer = await subject.reconfigure(vm, vm.spec);
      assertEquals([answer.task, answer.needsPowerCycle], [undefined, []]);
      assertEquals(await subject.describe(vm.vmId), before);
    },
  },
  {
    name: "reconfigure/off",
    promise: "CPU and memory of a VM that is off change at once, up and down",
    run: async (subject) => {
      const vm = await subject.create();
      const hardware = bigger(vm.spec.hardware);
      for (const wish of [hardware, vm.spec.hardware]) {
        const { needsPowerCycle } = await subject.reconfigure(vm, { ...vm.spec, hardware: wish });
        assertEquals(needsPowerCycle, []);
        const { cpus, memoryMib } = await subject.describe(vm.vmId);
        assertEquals([cpus, memoryMib], [wish.cpus, wish.memoryMib]);
      }
    },
  },
  {
    name: "reconfigure/running",
    promise: "what cannot change while the VM runs is named in the answer and in pendingPowerCycle, is not changed, " +
      "and is changed when the VM is off",
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      const wish = { ...vm.spec, hardware: bigger(vm.spec.hardware) };
      const { needsPowerCycle } = await subject.reconfigure(vm, wish);
      const running = await subject.describe(vm.vmId);
      assertEquals(running.power, "On", "reconfigure must not switch a VM off");
      assertEquals(running.pendingPowerCycle.toSorted(), needsPowerCycle.toSorted());
      const waits = (field: string) => needsPowerCycle.includes(field);
      const { cpus, memoryMib } = vm.spec.hardware;
      assertEquals(running.cpus, waits("hardware.cpus") ? cpus : wish.hardware.cpus);
      assertEquals(running.memoryMib, waits("hardware.memoryMib") ? memoryMib : wish.hardware.memoryMib);
      await subject.power(vm, "Off", "Off");
      assertEquals((await subject.reconfigure(vm, wish)).needsPowerCycle, []);
      await subject.power(vm, "On", "On");
      const cycled = await subject.describe(vm.vmId);
      assertEquals([cycled.cpus, cycled.memoryMib], [wish.hardware.cpus, wish.hardware.memoryMib]);
      assertEquals(cycled.pendingPowerCycle, []);
    },
  },
  {
    name: "reconfigure/online",
    promise: "where reconfigureOnline is advertised, a VM with hot-add takes more CPU and memory while it runs",
    skip: needs("reconfigureOnline"),
    run: async (subject) => {
      const hardware = { ...subject.profile.hardware, performance: { cpuHotAdd: true, memoryHotAdd: true } };
      const vm = await subject.create({ hardware }, { powerOn: true });
      await subject.booted(vm.vmId);
      const wish = { ...vm.spec, hardware: bigger(hardware) };
      const { needsPowerCycle } = await subject.reconfigure(vm, wish);
      assertEquals(needsPowerCycle, []);
      const { power, cpus, memoryMib } = await subject.describe(vm.vmId);
      assertEquals([power, cpus, memoryMib], ["On", wish.hardware.cpus, wish.hardware.memoryMib]);
    },
  },
  {
    name: "reconfigure/withdrawn",
    promise: "a wish that is taken back before the power cycle leaves nothing pending",
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.reconfigure(vm, { ...vm.spec, hardware: bigger(vm.spec.hardware) });
      const { needsPowerCycle } = await subject.reconfigure(vm, {
        ...vm.spec,
        hardware: { ...vm.spec.hardware, ...await sizeNow(subject.describe(vm.vmId)) },
      });
      assertEquals(needsPowerCycle, []);
      assertEquals((await subject.describe(vm.vmId)).pendingPowerCycle, []);
    },
  },
  {
    name: "reconfigure/of-another-owner",
    promise: "a VM that carries the mark of another owner is not changed",
    run: async (subject) => {
      const { vmId, spec } = await subject.create();
      const before = await subject.describe(vmId);
      const wish = { ...spec, hardware: bigger(spec.hardware) };
      const operation = subject.operation(subject.owner());
      const call = subject.provider.reconfigure({ operation, vmId, spec: wish }, subject.context);
      await subject.refuses("reconfigure", call, "Conflict");
      assertEquals(await subject.describe(vmId), before);
    },
  },
  {
    name: "reconfigure/hardware-upgrade",
    promise: "an upgrade to a version that does not exist is InvalidSpec and names targetVersion",
    skip: needs("hardwareUpgrade"),
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create();
      const operation = subject.operation(ownerUid);
      const call = subject.provider.hardwareUpgrade({ operation, vmId, targetVersion: 9999 }, subject.context);
      await subject.refuses("hardwareUpgrade", call, "InvalidSpec", { field: "targetVersion" });
      assert(await subject.exists({ vmId }));
    },
  },
];

async function sizeNow(vm: Promise<{ cpus: number; memoryMib: number }>) {
  const { cpus, memoryMib } = await vm;
  return { cpus, memoryMib };
}
