/** Disks and network cards, found again by their names. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import type { ConformanceCase } from "../case.ts";
import { needs } from "../case.ts";
import type { CreatedVm, Subject } from "../subject.ts";

const sizes = async (subject: Subject, { vmId }: CreatedVm) =>
  Object.fromEntries((await subject.describe(vmId)).disks.map(({ name, sizeGib }) => [name, sizeGib]));

export const deviceCases: readonly ConformanceCase[] = [
  {
    name: "disks/add-and-grow",
    promise: "a disk is added and grown by its name while the VM is off; the others stay as they are",
    run: async (subject) => {
      const root = subject.profile.rootGib;
      const vm = await subject.create({ disks: [{ name: "a", sizeGib: 1 }] });
      const grown = [{ name: "b", sizeGib: 1 }, { name: "a", sizeGib: 2 }];
      assertEquals((await subject.reconfigure(vm, { ...vm.spec, disks: grown })).needsPowerCycle, []);
      assertEquals(await sizes(subject, vm), { root, a: 2, b: 1 });
      await subject.reconfigure(vm, { ...vm.spec, disks: grown, rootDisk: { sizeGib: root + 1 } });
      assertEquals(await sizes(subject, vm), { root: root + 1, a: 2, b: 1 });
    },
  },
  {
    name: "disks/remove",
    promise: "a disk that the wish does not name any more goes, and its volume with it; the others stay as they are",
    run: async (subject) => {
      const volumes = async () => (await subject.profile.controls?.listVolumes?.())?.toSorted();
      const before = (await volumes())?.length ?? 0;
      const vm = await subject.create({ disks: [{ name: "a", sizeGib: 1 }, { name: "b", sizeGib: 1 }] });
      const only = { ...vm.spec, disks: [{ name: "b", sizeGib: 1 }] };
      const whole = (await volumes())?.length;
      assertEquals((await subject.reconfigure(vm, only)).needsPowerCycle, []);
      assertEquals(await sizes(subject, vm), { root: subject.profile.rootGib, b: 1 });
      if (whole !== undefined) assertEquals((await volumes())?.length, whole - 1, "its volume is left over");
      assertEquals((await subject.reconfigure(vm, only)).task, undefined);
      await subject.delete(vm);
      if (whole !== undefined) assertEquals((await volumes())?.length, before);
    },
  },
  {
    name: "disks/remove-running",
    promise:
      "a disk taken out of a running VM is gone with its volume at once, or after the power cycle it says it needs",
    run: async (subject) => {
      const volumes = async () => (await subject.profile.controls?.listVolumes?.())?.length;
      const vm = await subject.create({ disks: [{ name: "a", sizeGib: 1 }] }, { powerOn: true });
      const whole = await volumes();
      const { needsPowerCycle } = await subject.reconfigure(vm, { ...vm.spec, disks: [] });
      assertEquals((await subject.describe(vm.vmId)).pendingPowerCycle, needsPowerCycle);
      if (needsPowerCycle.length > 0) {
        await subject.power(vm, "Off", "Off");
        await subject.power(vm, "On", "On");
      }
      assertEquals(await sizes(subject, vm), { root: subject.profile.rootGib });
      if (whole !== undefined) assertEquals(await volumes(), whole - 1, "its volume is left over");
    },
  },
  {
    name: "disks/order-does-not-matter",
    promise: "the same disks in another order are the same wish",
    run: async (subject) => {
      const disks = [{ name: "a", sizeGib: 1 }, { name: "b", sizeGib: 1 }];
      const vm = await subject.create({ disks });
      const before = await subject.describe(vm.vmId);
      const answer = await subject.reconfigure(vm, { ...vm.spec, disks: disks.toReversed() });
      assertEquals([answer.task, answer.needsPowerCycle], [undefined, []]);
      assertEquals(await subject.describe(vm.vmId), before);
    },
  },
  {
    name: "disks/never-shrink",
    promise: "a smaller size is InvalidSpec and names the disk; the disk keeps its size",
    run: async (subject) => {
      const vm = await subject.create({ disks: [{ name: "data", sizeGib: 2 }] });
      const spec = { ...vm.spec, disks: [{ name: "data", sizeGib: 1 }] };
      const operation = subject.operation(vm.ownerUid);
      const call = subject.provider.reconfigure({ operation, vmId: vm.vmId, spec }, subject.context);
      await subject.refuses("reconfigure", call, "InvalidSpec", { field: "disks[data].sizeGib" });
      assertEquals((await sizes(subject, vm))["data"], 2);
    },
  },
  {
    name: "disks/grow-online",
    promise: "where diskExpansionOnline is advertised, a disk with expandPolicy Online grows while the VM runs",
    skip: needs("diskExpansionOnline"),
    run: async (subject) => {
      const disk = { name: "data", sizeGib: 1, expandPolicy: "Online" } as const;
      const vm = await subject.create({ disks: [disk] }, { powerOn: true });
      const wish = { ...vm.spec, disks: [{ ...disk, sizeGib: 2 }] };
      assertEquals((await subject.reconfigure(vm, wish)).needsPowerCycle, []);
      assertEquals((await sizes(subject, vm))["data"], 2);
      assertEquals((await subject.describe(vm.vmId)).power, "On");
    },
  },
  {
    name: "disks/grow-offline",
    promise: "a disk without expandPolicy Online waits for the VM to be off",
    run: async (subject) => {
      const vm = await subject.create({ disks: [{ name: "data", sizeGib: 1, expandPolicy: "Offline" }] }, {
        powerOn: true,
      });
      const wish = { ...vm.spec, disks: [{ name: "data", sizeGib: 2, expandPolicy: "Offline" as const }] };
      assertEquals((await subject.reconfigure(vm, wish)).needsPowerCycle, ["disks[data].sizeGib"]);
      assertEquals((await sizes(subject, vm))["data"], 1);
      await subject.power(vm, "Off", "Off");
      assertEquals((await subject.reconfigure(vm, wish)).needsPowerCycle, []);
      assertEquals((await sizes(subject, vm))["data"], 2);
    },
  },
  {
    name: "nics/mac-as-asked",
    promise: "a card has the MAC address that was asked for, and keeps it over a power cycle",
    run: async (subject) => {
      const mac = `52:54:00:${crypto.randomUUID().slice(0, 6).replace(/(..)(..)(..)/, "$1:$2:$3")}`;
      const nics = subject.spec().nics.map((nic) => ({ ...nic, mac }));
      const vm = await subject.create({ nics });
      await subject.power(vm, "On", "On");
      await subject.power(vm, "Off", "Off");
      assertEquals((await subject.describe(vm.vmId)).nics.map((nic) => [nic.name, nic.mac]), [["eth0", mac]]);
    },
  },
  {
    name: "nics/add-and-remove",
    promise: "a card is added and removed by its name; the others keep their MAC address",
    run: async (subject) => {
      const vm = await subject.create();
      const [first] = vm.spec.nics;
      assert(first);
      const before = (await subject.describe(vm.vmId)).nics[0]?.mac;
      const both = { ...vm.spec, nics: [{ ...first, name: "eth1" }, first] };
      await subject.reconfigure(vm, both);
      const nics = (await subject.describe(vm.vmId)).nics;
      assertEquals(nics.map(({ name }) => name).toSorted(), ["eth0", "eth1"]);
      assertEquals(nics.find(({ name }) => name === "eth0")?.mac, before);
      await subject.reconfigure(vm, vm.spec);
      assertEquals((await subject.describe(vm.vmId)).nics.map(({ name, mac }) => [name, mac]), [["eth0", before]]);
    },
  },
];
