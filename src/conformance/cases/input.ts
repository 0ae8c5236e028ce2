/** Bad input is refused by field, before anything happens. @module */
import { assertEquals } from "@virtrigaud/deps";
import type { MachineSpec, Nic } from "@virtrigaud/contract";
import type { ConformanceCase } from "../case.ts";
import type { Subject } from "../subject.ts";

/** What is wrong with a wish, and the field that the refusal has to name. */
interface BadInput {
  readonly name: string;
  readonly field: string;
  readonly spec: (subject: Subject) => Partial<MachineSpec>;
}

const nic = (subject: Subject, change: Partial<Nic>): Partial<MachineSpec> => ({
  nics: subject.spec().nics.map((one) => ({ ...one, ...change })),
});
const disks = (...disks: MachineSpec["disks"]) => () => ({ disks });

const table: readonly BadInput[] = [
  { name: "empty-name", field: "name", spec: () => ({ name: "" }) },
  { name: "long-name", field: "name", spec: () => ({ name: "a".repeat(64) }) },
  { name: "name-with-slash", field: "name", spec: () => ({ name: "../etc/passwd" }) },
  {
    name: "no-cpus",
    field: "hardware.cpus",
    spec: ({ profile }) => ({ hardware: { ...profile.hardware, cpus: 0 } }),
  },
  {
    name: "too-many-cpus",
    field: "hardware.cpus",
    spec: ({ profile }) => ({ hardware: { ...profile.hardware, cpus: 129 } }),
  },
  {
    name: "no-memory",
    field: "hardware.memoryMib",
    spec: ({ profile }) => ({ hardware: { ...profile.hardware, memoryMib: 0 } }),
  },
  {
    name: "unknown-extra-config",
    field: "hardware.extraConfig",
    spec: ({ profile }) => ({ hardware: { ...profile.hardware, extraConfig: { "vcts.no-such-key": "1" } } }),
  },
  { name: "empty-root-disk", field: "rootDisk.sizeGib", spec: () => ({ rootDisk: { sizeGib: 0 } }) },
  { name: "empty-disk", field: "disks[data].sizeGib", spec: disks({ name: "data", sizeGib: 0 }) },
  { name: "disk-named-root", field: "disks[root]", spec: disks({ name: "root", sizeGib: 1 }) },
  { name: "disk-name-no-label", field: "disks[a b]", spec: disks({ name: "a b", sizeGib: 1 }) },
  {
    name: "two-disks-of-one-name",
    field: "disks[data]",
    spec: disks({ name: "data", sizeGib: 1 }, { name: "data", sizeGib: 2 }),
  },
  {
    name: "too-many-disks",
    field: "disks",
    spec: disks(...Array.from({ length: 1000 }, (_, index) => ({ name: `d${index}`, sizeGib: 1 }))),
  },
  { name: "bad-mac", field: "nics[eth0].mac", spec: (subject) => nic(subject, { mac: "52:54:00" }) },
  { name: "multicast-mac", field: "nics[eth0].mac", spec: (subject) => nic(subject, { mac: "01:00:5e:00:00:01" }) },
  {
    name: "two-cards-of-one-name",
    field: "nics[eth0]",
    spec: (subject) => ({ nics: [...subject.spec().nics, ...subject.spec().nics] }),
  },
  {
    name: "bad-address",
    field: "nics[eth0].addresses[0].address",
    spec: (subject) => nic(subject, { addresses: [{ address: "10.0.0.256", prefix: 24 }] }),
  },
  {
    name: "bad-prefix",
    field: "nics[eth0].addresses[0].prefix",
    spec: (subject) => nic(subject, { addresses: [{ address: "10.0.0.5", prefix: 33 }] }),
  },
];

const badSpecs: ConformanceCase[] = table.map(({ name, field, spec }) => ({
  name: `input/${name}`,
  promise: `${name.replaceAll("-", " ")} is InvalidSpec and names ${field}; nothing is created`,
  run: async (subject) => {
    const ownerUid = subject.owner();
    const request = { operation: subject.operation(ownerUid), spec: subject.spec(spec(subject)), powerOn: false };
    await subject.refuses("create", subject.provider.create(request, subject.context), "InvalidSpec", { field });
    assertEquals(await subject.exists({ ownerUid }), false);
  },
}));

export const inputCases: readonly ConformanceCase[] = [
  ...badSpecs,
  {
    name: "input/operation-id",
    promise: "an operation id that is empty or longer than 128 characters is InvalidSpec",
    run: async (subject) => {
      for (const id of ["", "x".repeat(129)]) {
        const operation = subject.operation(subject.owner(), { id });
        const call = subject.provider.create({ operation, spec: subject.spec(), powerOn: false }, subject.context);
        await subject.refuses("create", call, "InvalidSpec", { field: "operation.id" });
      }
    },
  },
  {
    name: "input/page-size",
    promise: "a page of more than 1000 VMs is InvalidSpec and names pageSize",
    run: async (subject) => {
      const call = subject.provider.listVms({ pageSize: 1001 }, subject.context);
      await subject.refuses("listVms", call, "InvalidSpec", { field: "pageSize" });
    },
  },
];
