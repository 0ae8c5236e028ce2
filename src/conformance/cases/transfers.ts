/** Images, and disks that leave and enter. @module */
import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import type { TransferTarget } from "@virtrigaud/contract";
import { type ConformanceCase, firstOf, needs } from "../case.ts";
import type { ConformanceProfile } from "../profile.ts";
import type { CreatedVm, Subject } from "../subject.ts";

const needsSource = ({ imageSource }: ConformanceProfile) =>
  imageSource === undefined ? "the profile has no imageSource" : undefined;
const needsDamaged = ({ damagedImageSource }: ConformanceProfile) =>
  damagedImageSource === undefined ? "the profile has no damagedImageSource" : undefined;
const needsTarget = ({ transferTarget }: ConformanceProfile) =>
  transferTarget === undefined ? "the profile has no transferTarget" : undefined;

export const transferCases: readonly ConformanceCase[] = [
  {
    name: "images/prepare-once",
    promise: "the same name and source give the same image, and VMs can be created from it as a template",
    skip: firstOf(needs("imageImport"), needsSource),
    run: async (subject) => {
      const { imageSource: source } = subject.profile;
      assert(source);
      const name = `vcts-${crypto.randomUUID().slice(0, 8)}`;
      const prepare = () => {
        const operation = subject.operation(crypto.randomUUID());
        return subject.done(subject.provider.imagePrepare({ operation, source, name, force: false }, subject.context));
      };
      const first = await prepare();
      const second = await prepare();
      assertEquals([second.imageId, second.task], [first.imageId, undefined]);
      await subject.create({ image: { type: "Template", template: first.imageId }, rootDisk: {} });
    },
  },
  {
    name: "images/checksum-mismatch",
    promise: "an image whose checksum does not match is InvalidSpec and cannot be used",
    skip: firstOf(needs("imageImport"), needsDamaged),
    run: async (subject) => {
      const { damagedImageSource: source } = subject.profile;
      assert(source);
      const name = `vcts-${crypto.randomUUID().slice(0, 8)}`;
      const operation = subject.operation(crypto.randomUUID());
      const call = subject.provider.imagePrepare({ operation, source, name, force: false }, subject.context);
      await subject.refuses("imagePrepare", call, "InvalidSpec", { field: "source.checksum" });
    },
  },
  {
    name: "transfers/disk-info",
    promise: "the root disk is reported with its size and as bootable; a disk that does not exist is NotFound",
    skip: needs("diskExport"),
    run: async (subject) => {
      const { vmId } = await subject.create();
      const info = await subject.provider.getDiskInfo({ vmId }, subject.context);
      assertEquals([info.virtualSizeBytes, info.bootable], [subject.profile.rootGib * 2 ** 30, true]);
      const call = subject.provider.getDiskInfo({ vmId, disk: "no-such-disk" }, subject.context);
      await subject.refuses("getDiskInfo", call, "NotFound");
    },
  },
  {
    name: "transfers/round-trip",
    promise: "an exported disk can be imported, its checksum is verified, it becomes a root disk without a copy and " +
      "goes with its VM; one disk is no two VMs' root disk",
    skip: firstOf(needs("diskExport", "diskImport"), needsTarget),
    run: async (subject) => {
      const { provider, capabilities: { exportFormats, importFormats } } = subject;
      const target = subject.profile.transferTarget?.(crypto.randomUUID());
      const format = exportFormats.find((one) => importFormats.includes(one));
      assert(target && format !== undefined, "no format can be both exported and imported");
      const volumes = await subject.profile.controls?.listVolumes?.();
      const { vmId, ownerUid, spec } = await subject.create();
      const checksum = await exported(subject, { vmId, ownerUid, spec }, format, target);
      const name = `vcts-${crypto.randomUUID().slice(0, 8)}`;
      const source = { operation: subject.operation(crypto.randomUUID()), name, format, source: target };
      const wrong = provider.importDisk({ ...source, expectedChecksum: "0".repeat(64) }, subject.context);
      await subject.refuses("importDisk", wrong, "InvalidSpec", { field: "expectedChecksum" });
      const operation = subject.operation(crypto.randomUUID());
      const imported = await provider.importDisk({ ...source, operation, expectedChecksum: checksum }, subject.context);
      const end = await subject.end(imported.task);
      assertEquals(end?.state ?? "Succeeded", "Succeeded", end?.error?.message);
      assertEquals(imported.checksum ?? end?.checksum, checksum);
      const image = { type: "ImportedDisk", diskId: imported.diskId, format } as const;
      const vm = await subject.create({ image, rootDisk: {} });
      assertEquals((await subject.describe(vm.vmId)).disks[0]?.id, imported.diskId);
      const second = {
        operation: subject.operation(subject.owner()),
        spec: subject.spec({ image, rootDisk: {} }),
        powerOn: false,
      };
      await subject.refuses("create", provider.create(second, subject.context), "Conflict", { reason: "DiskInUse" });
      await subject.delete(vm);
      await subject.delete({ vmId, ownerUid });
      assertEquals((await subject.profile.controls?.listVolumes?.())?.toSorted(), volumes?.toSorted());
    },
  },
  {
    name: "transfers/export-running",
    promise: "the disk of a running VM is exported as it is at one moment, and the VM runs on",
    skip: firstOf(needs("diskExport"), needsTarget),
    run: async (subject) => {
      const target = subject.profile.transferTarget?.(crypto.randomUUID());
      const [format] = subject.capabilities.exportFormats;
      assert(target && format !== undefined);
      const volumes = async () => (await subject.profile.controls?.listVolumes?.())?.toSorted();
      const vm = await subject.create({}, { powerOn: true });
      const before = await volumes();
      await exported(subject, vm, format, target);
      assertEquals((await subject.describe(vm.vmId)).power, "On");
      assertEquals(await volumes(), before, "the export has left something");
    },
  },
  {
    name: "transfers/export-refusals",
    promise: "an export in a format that is not advertised is InvalidSpec and names it; of an absent disk, NotFound",
    skip: firstOf(needs("diskExport"), needsTarget),
    run: async (subject) => {
      const { provider, capabilities: { exportFormats: [format] } } = subject;
      const target = subject.profile.transferTarget?.(crypto.randomUUID());
      assert(target && format !== undefined);
      const { vmId, ownerUid } = await subject.create();
      const ask = (change: { format?: string; disk?: string }) =>
        provider.exportDisk(
          { operation: subject.operation(ownerUid), vmId, format, compress: false, target, ...change },
          subject.context,
        );
      await subject.refuses("exportDisk", ask({ format: "no-such-format" }), "InvalidSpec", { field: "format" });
      await subject.refuses("exportDisk", ask({ disk: "no-such-disk" }), "NotFound", { field: "disk" });
    },
  },
];

/** Exports the root disk and gives the checksum of what was written. */
async function exported(subject: Subject, vm: CreatedVm, format: string, target: TransferTarget): Promise<string> {
  const { vmId, ownerUid } = vm;
  const request = { operation: subject.operation(ownerUid), vmId, format, compress: false, target };
  const answer = await subject.provider.exportDisk(request, subject.context);
  const end = await subject.end(answer.task);
  assertEquals(end?.state ?? "Succeeded", "Succeeded", end?.error?.message);
  const checksum = answer.checksum ?? end?.checksum;
  assertMatch(checksum ?? "none", /^[0-9a-f]{64}$/, "neither the answer nor the task has the checksum");
  return checksum ?? "";
}
