/** The endpoint answers, and says truly what it can do. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import type { Capabilities } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import type { ConformanceCase } from "../case.ts";
import type { CreatedVm, Subject } from "../subject.ts";

type Call = (subject: Subject, vm: CreatedVm) => Promise<unknown>;

/** For each capability that stands for calls of its own: one of these calls. */
const calls: Partial<Record<keyof Capabilities, Call>> = {
  snapshots: (subject, { vmId, ownerUid }) =>
    subject.provider.snapshotCreate({
      operation: subject.operation(ownerUid),
      vmId,
      name: "s1",
      includeMemory: false,
      quiesce: false,
    }, subject.context),
  clones: (subject, { vmId }) =>
    subject.provider.clone({
      operation: subject.operation(subject.owner()),
      sourceVmId: vmId,
      linked: false,
      spec: subject.spec(),
      powerOn: false,
    }, subject.context),
  imageImport: (subject, { ownerUid }) =>
    subject.provider.imagePrepare({
      operation: subject.operation(ownerUid),
      source: subject.profile.imageSource ?? subject.profile.image,
      name: "vcts-image",
      force: false,
    }, subject.context),
  diskExport: (subject, { vmId, ownerUid }) =>
    subject.provider.exportDisk({
      operation: subject.operation(ownerUid),
      vmId,
      format: "raw",
      compress: false,
      target: { backend: "pvc", url: "pvc://vcts/none", credentials: new Secret({}), options: {} },
    }, subject.context),
  diskImport: (subject, { ownerUid }) =>
    subject.provider.importDisk({
      operation: subject.operation(ownerUid),
      name: "vcts-import",
      format: "raw",
      source: { backend: "pvc", url: "pvc://vcts/none", credentials: new Secret({}), options: {} },
    }, subject.context),
  guestExec: (subject, { vmId, ownerUid }) =>
    subject.provider.guestExec({ operation: subject.operation(ownerUid), vmId, command: ["true"] }, subject.context),
  guestInitReplace: (subject, { vmId, ownerUid, spec }) =>
    subject.provider.reconfigure(
      {
        operation: subject.operation(ownerUid),
        vmId,
        spec: { ...spec, guestInit: subject.guestInit("vcts") },
        followGuestInit: true,
      },
      subject.context,
    ),
  hardwareUpgrade: (subject, { vmId, ownerUid }) =>
    subject.provider.hardwareUpgrade(
      { operation: subject.operation(ownerUid), vmId, targetVersion: 99 },
      subject.context,
    ),
};

export const capabilityCases: readonly ConformanceCase[] = [
  {
    name: "validate/answers",
    promise: "validate names the hypervisor and the version of the provider",
    run: async (subject) => {
      const answer = await subject.provider.validate(subject.context);
      assert(answer.hypervisor !== "", "hypervisor is empty");
      assert(answer.version !== "", "version is empty");
    },
  },
  {
    name: "capabilities/agree",
    promise: "no capability is advertised without the one that it rests on, and none changes between two calls",
    run: async (subject) => {
      const has = subject.capabilities;
      const rests: [keyof Capabilities, keyof Capabilities][] = [
        ["memorySnapshots", "snapshots"],
        ["quiescedSnapshots", "snapshots"],
        ["linkedClones", "clones"],
        ["exportCompression", "diskExport"],
      ];
      for (const [one, base] of rests) assert(!has[one] || has[base], `${one} is advertised without ${base}`);
      if (has.diskExport) assert(has.exportFormats.length > 0 && has.exportBackends.length > 0, "export to nowhere");
      if (has.diskImport) assert(has.importFormats.length > 0 && has.importBackends.length > 0, "import from nowhere");
      assertEquals(await subject.provider.getCapabilities(subject.context), has);
    },
  },
  {
    name: "capabilities/not-advertised-is-refused",
    promise: "a call whose capability is not advertised is refused with NotSupported and changes nothing",
    skip: (_profile, has) =>
      Object.keys(calls).every((name) => has[name as keyof Capabilities] !== false) ? "all are advertised" : undefined,
    run: async (subject) => {
      const vm = await subject.create();
      const before = await subject.describe(vm.vmId);
      for (const [capability, call] of Object.entries(calls)) {
        if (subject.capabilities[capability as keyof Capabilities] !== false) continue;
        await subject.refuses(capability, call(subject, vm), "NotSupported");
      }
      assertEquals(await subject.describe(vm.vmId), before);
    },
  },
];
