/** Images, and disks that leave and enter. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceCase, firstOf, needs } from "../case.ts";
import type { ConformanceProfile } from "../profile.ts";

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
    promise: "an exported disk can be imported, its checksum is verified, and it becomes a root disk without a copy",
    skip: firstOf(needs("diskExport", "diskImport"), needsTarget),
    run: async (subject) => {
      const { provider, capabilities: { exportFormats, importFormats } } = subject;
      const target = subject.profile.transferTarget?.(crypto.randomUUID());
      const format = exportFormats.find((one) => importFormats.includes(one));
      assert(target && format !== undefined, "no format can be both exported and imported");
      const { vmId, ownerUid } = await subject.create();
      const exported = await subject.done(provider.exportDisk({
        operation: subject.operation(ownerUid),
        vmId,
        format,
        compress: false,
        target,
      }, subject.context));
      const name = `vcts-${crypto.randomUUID().slice(0, 8)}`;
      const source = { operation: subject.operation(crypto.randomUUID()), name, format, source: target };
      const wrong = provider.importDisk({ ...source, expectedChecksum: "0".repeat(64) }, subject.context);
      await subject.refuses("importDisk", wrong, "InvalidSpec", { field: "expectedChecksum" });
      const imported = await subject.done(provider.importDisk({
        ...source,
        operation: subject.operation(crypto.randomUUID()),
        ...exported.checksum === undefined ? {} : { expectedChecksum: exported.checksum },
      }, subject.context));
      const image = { type: "ImportedDisk", diskId: imported.diskId, format } as const;
      const vm = await subject.create({ image, rootDisk: {} });
      assertEquals((await subject.describe(vm.vmId)).disks[0]?.id, imported.diskId);
    },
  },
];
