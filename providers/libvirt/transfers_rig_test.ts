import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { createHash } from "node:crypto";
import { type MachineSpec, ProviderError, type TransferTarget } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { S3_ACCOUNT, S3Server } from "../shared/testing/s3_server.ts";
import type { LibvirtProvider } from "./provider.ts";
import {
  callContext,
  describeOrFail,
  finish,
  machine,
  made,
  operation,
  plainMachine,
  providerFor,
  volumesOf,
  Watcher,
} from "./testing/fixture.ts";
import { restartLibvirtd } from "./testing/profile.ts";

const ignore = await skipWithout("libvirt provider", "disks that leave and enter a real host", libvirtRig);
const context = callContext();

const s3 = (store: S3Server, name: string): TransferTarget => ({
  backend: "s3",
  url: `s3://disks/${name}`,
  credentials: new Secret(S3_ACCOUNT),
  options: { endpoint: store.endpoint, usePathStyle: "true" },
});
const pvc = (name: string): TransferTarget => ({
  backend: "pvc",
  url: `pvc://claim/vms/${name}`,
  credentials: new Secret({}),
  options: {},
});

/** Exports the root disk; gives the checksum that the task told. */
async function exportRoot(provider: LibvirtProvider, vmId: string, format: string, target: TransferTarget) {
  const request = { operation: operation(vmId), vmId, format, compress: false, target };
  const { task } = await provider.exportDisk(request, context);
  await finish(provider, task);
  assert(task);
  return (await provider.taskStatus(task, context)).checksum;
}

async function importAs(provider: LibvirtProvider, name: string, format: string, source: TransferTarget) {
  const request = { operation: operation(crypto.randomUUID()), name, format, source };
  const answer = await provider.importDisk(request, context);
  await finish(provider, answer.task);
  return answer;
}

const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

Deno.test({ name: "a running VM's disk leaves in every format, comes in again and boots", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using store = await S3Server.start();
  await using folders = new AsyncDisposableStack();
  const claims = await Deno.makeTempDir();
  folders.defer(() => Deno.remove(claims, { recursive: true }));
  await Deno.mkdir(`${claims}/claim`);
  await using provider = providerFor(host, "ssh", { claims });
  await using watcher = new Watcher(provider);
  const source = await made(provider, machine("source", { rootDisk: {} }));
  await watcher.vm(source, (vm) => vm.guest.agent === "Running");
  const exec = (vmId: string, ...command: string[]) =>
    provider.guestExec({ operation: operation(vmId), vmId, command }, context);
  assertEquals((await exec(source, "/bin/touch", "/state/mine")).exitCode, 0);
  const before = await volumesOf(host);

  await t.step("each format goes out with its checksum and leaves nothing behind", async () => {
    for (const format of ["qcow2", "raw", "vmdk"]) {
      const checksum = await exportRoot(provider, source, format, s3(store, `disk.${format}`));
      const content = store.objects.get(`disks/disk.${format}`) ?? new Uint8Array(0);
      assertEquals(sha256(content), checksum);
    }
    const checksum = await exportRoot(provider, source, "qcow2", pvc("disk.qcow2"));
    assertEquals(sha256(await Deno.readFile(`${claims}/claim/vms/disk.qcow2`)), checksum);
    assertEquals(store.objects.get("disks/disk.raw")?.byteLength, 64 * 2 ** 20);
    assertEquals(await volumesOf(host), before);
  });
  await t.step("each comes in; the VM made of it has the files and takes the disk along when it goes", async () => {
    for (const [format, from] of [["vmdk", s3(store, "disk.vmdk")], ["qcow2", pvc("disk.qcow2")]] as const) {
      const { diskId } = await importAs(provider, `disk-${format}`, format, from);
      const image = { type: "ImportedDisk", diskId, format } as const;
      const uid = await made(provider, machine(`from-${format}`, { image, rootDisk: { sizeGib: 1 } }));
      await watcher.vm(uid, (vm) => vm.guest.agent === "Running");
      assertEquals((await exec(uid, "/bin/ls", "/state/mine")).exitCode, 0);
      const [disk] = (await describeOrFail(provider, uid)).disks;
      assertEquals([disk?.id, disk?.sizeGib, disk?.format], [diskId, 1, "qcow2"]);
      const info = await provider.getDiskInfo({ vmId: uid }, context);
      assertEquals([info.id, info.virtualSizeBytes, info.bootable], [diskId, 2 ** 30, true]);
      await provider.delete({ operation: operation(uid), vmId: uid }, context);
    }
    assertEquals(await volumesOf(host), before);
  });
  await t.step("a disk that somebody else put there is used, and stays when the VM goes", async () => {
    await host.virsh("vol-clone", "--pool", "default", host.imageVolume, "by-hand.qcow2");
    const path = "/var/lib/libvirt/images/by-hand.qcow2";
    const make = (format: string, rootDisk: MachineSpec["rootDisk"] = {}) =>
      made(
        provider,
        machine("by-hand", { image: { type: "ImportedDisk", diskId: path, format }, rootDisk }),
        { powerOn: false },
      );
    assertEquals((await assertRejects(() => make("raw"), ProviderError)).field, "image.format");
    assertEquals((await assertRejects(() => make("qcow2", { type: "thick" }), ProviderError)).field, "rootDisk.type");
    const uid = await make("qcow2");
    const taken = await assertRejects(() => make("qcow2"), ProviderError);
    assertEquals([taken.class, taken.reason], ["Conflict", "NameConflict"]);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals(await volumesOf(host), ["by-hand.qcow2", ...before].sort());
  });
});

Deno.test({ name: "a transfer that is disturbed ends well, or leaves nothing", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using store = await S3Server.start();
  await using provider = providerFor(host, "ssh");
  const spec = plainMachine("source", { rootDisk: {} });
  const source = await made(provider, spec, { powerOn: false });
  const before = await volumesOf(host);

  await t.step("libvirtd restarts while the disk is read: reading goes on where it was", async () => {
    let restarted: Promise<void> | undefined;
    store.fault = ({ url }) => {
      if (url.searchParams.get("partNumber") === "2") restarted ??= restartLibvirtd(host);
      return undefined;
    };
    const checksum = await exportRoot(provider, source, "raw", s3(store, "restarted.raw"));
    assert(restarted);
    await restarted;
    assertEquals(sha256(store.objects.get("disks/restarted.raw") ?? new Uint8Array(0)), checksum);
    const [file, raw] = [`/var/lib/libvirt/images/${source}-root.qcow2`, "/root/root.raw"];
    await host.sh(["qemu-img", "convert", "-O", "raw", file, raw]);
    assertEquals((await host.sh(["sha256sum", raw])).split(" ")[0], checksum, "it is not what is on the disk");
    assertEquals(await volumesOf(host), before);
  });
  await t.step("a store that takes no more: the task fails, and neither side has anything left", async () => {
    store.fault = ({ url }) => url.searchParams.get("partNumber") === "3" ? 403 : undefined;
    const error = await assertRejects(
      () => exportRoot(provider, source, "raw", s3(store, "refused.raw")),
      ProviderError,
    );
    assertEquals([error.class, error.field], ["Unauthorized", "target.credentials"]);
    assertEquals([store.objects.has("disks/refused.raw"), store.uploads.size], [false, 0]);
    assertEquals(await volumesOf(host), before);
  });
  await t.step("a provider that dies leaves a copy, which the next export takes away", async () => {
    {
      await using dying = providerFor(host);
      const begun = Promise.withResolvers<void>();
      store.fault = ({ url }) => {
        if (url.searchParams.get("partNumber") === "2") begun.resolve();
        return undefined;
      };
      const target = s3(store, "dead.raw");
      await dying.exportDisk(
        { operation: operation(source), vmId: source, format: "raw", compress: false, target },
        context,
      );
      await begun.promise;
    }
    assert((await volumesOf(host)).some((name) => name.includes("export-")), "it left nothing to take away");
    store.fault = () => undefined;
    await exportRoot(provider, source, "qcow2", s3(store, "next.qcow2"));
    assertEquals(await volumesOf(host), before);
  });
  await t.step("an import that breaks off, or is not what it is said to be, leaves no volume", async () => {
    const refusal = async (change: { format?: string; expectedChecksum?: string; url?: string }) => {
      const request = {
        operation: operation(crypto.randomUUID()),
        name: "bad",
        format: "qcow2",
        source: { ...s3(store, "next.qcow2"), ...(change.url === undefined ? {} : { url: change.url }) },
        ...change,
      };
      const error = await assertRejects(
        async () => await finish(provider, (await provider.importDisk(request, context)).task),
        ProviderError,
      );
      assertEquals(await volumesOf(host), before);
      return [error.class, error.field];
    };
    assertEquals(await refusal({ expectedChecksum: "0".repeat(64) }), ["InvalidSpec", "expectedChecksum"]);
    assertEquals(await refusal({ format: "vmdk" }), ["InvalidSpec", "format"]);
    assertEquals(await refusal({ url: "s3://disks/absent" }), ["NotFound", "source.url"]);
    assertEquals(await refusal({ format: "vhdx" }), ["InvalidSpec", "format"]);
  });
  await t.step("the same owner and name replace what was imported, unless a VM has it", async () => {
    const owner = crypto.randomUUID();
    const request = () => ({
      operation: operation(owner),
      name: "one",
      format: "qcow2",
      source: s3(store, "next.qcow2"),
    });
    const first = await provider.importDisk(request(), context);
    assertEquals((await provider.importDisk(request(), context)).task, first.task, "two at once are one");
    await finish(provider, first.task);
    const second = await provider.importDisk(request(), context);
    await finish(provider, second.task);
    assertEquals(second.diskId, first.diskId);
    assertEquals((await volumesOf(host)).length, before.length + 1);
    const image = { type: "ImportedDisk", diskId: first.diskId, format: "qcow2" } as const;
    await made(provider, { ...spec, name: "user", image, rootDisk: {} }, { powerOn: false });
    const error = await assertRejects(() => provider.importDisk(request(), context), ProviderError);
    assertEquals([error.class, error.reason], ["Conflict", "NameConflict"]);
  });
});
