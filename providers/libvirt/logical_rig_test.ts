import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError, type TransferTarget } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import {
  addPool,
  type Hypervisor,
  type HypervisorOptions,
  libvirtRig,
  releaseRig,
  startHypervisor,
} from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { S3_ACCOUNT, S3Server } from "../shared/testing/s3_server.ts";
import type { LibvirtProvider } from "./provider.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  operation,
  plainMachine,
  providerFor,
  volumesOf,
  Watcher,
} from "./testing/fixture.ts";

// libvirt's own backend, with stand-ins of the commands of LVM below it: tests/rigs/libvirt/host/lvm.sh says why.
const ignore = await skipWithout("libvirt provider", "disks on logical volumes", libvirtRig);
const withoutTrixie = await skipWithout("libvirt provider", "libvirt 11", libvirtRig, releaseRig("trixie"));
const context = callContext();
const GROUP = "vg-1";

async function create(provider: LibvirtProvider, spec: MachineSpec, powerOn: boolean, uid = crypto.randomUUID()) {
  await finish(provider, (await provider.create(createRequest(uid, spec, powerOn), context)).task);
  return uid;
}

const refusal = (ask: () => Promise<unknown>): Promise<ProviderError> => assertRejects(ask, ProviderError);

/** Bytes of a logical volume that are not zero. */
const written = async (host: Hypervisor, name: string): Promise<number> =>
  Number(
    await host.sh([
      "sh",
      "-c",
      `cmp -l -n $(blockdev --getsize64 "$0") /dev/zero "$0" | wc -l`,
      `/dev/${GROUP}/${name}`,
    ]),
  );

/** As lvextend does it, for a stand-in. */
async function extend(host: Hypervisor, name: string, mib: number): Promise<void> {
  await host.sh(["truncate", `--size=${mib}M`, `/root/lvm/${GROUP}/${name}.img`]);
  await host.sh(["losetup", "--set-capacity", (await host.sh(["readlink", `/dev/${GROUP}/${name}`])).trim()]);
}

Deno.test(
  { name: "a VM lives on logical volumes: born, grown by a disk, copied, exported, deleted", ignore },
  async (t) => {
    await using host = await startHypervisor();
    await addPool(host, { name: GROUP, kind: "logical", sizeMib: 2048 });
    await using provider = providerFor(host, "socket", { defaultPool: GROUP });
    await using watcher = new Watcher(provider);
    await using store = await S3Server.start();
    const spec = machine("vm", { rootDisk: { sizeGib: 0.125 }, disks: [{ name: "data", sizeGib: 0.0625 }] });
    const uid = await create(provider, spec, true);
    const vm = { operation: operation(uid), vmId: uid };
    const reconfigure = (disks: MachineSpec["disks"]) =>
      provider.reconfigure({ ...vm, spec: { ...spec, disks } }, context);
    const sizes = async (id = uid) =>
      (await describeOrFail(provider, id)).disks.map(({ name, sizeGib }) => [name, sizeGib]);
    const exec = (vmId: string, ...command: string[]) =>
      provider.guestExec({ operation: operation(vmId), vmId, command }, context);
    const copy = crypto.randomUUID();

    await t.step(
      "it boots from one; a data disk begins with zeros, whatever was there; its seed is a file",
      async () => {
        await watcher.vm(uid, ({ guest }) => guest.agent === "Running" && guest.hostname === "vm");
        assertEquals((await exec(uid, "/bin/sh", "-c", "touch /state/mine; echo mine > /dev/vdb; sync")).exitCode, 0);
        assertEquals(await volumesOf(host, GROUP), [`${uid}-data`, `${uid}-root`]);
        assertEquals(await volumesOf(host), [`${uid}-seed.iso`]);
        assertEquals(await written(host, `${uid}-data`), "mine\n".length);
        const { disks } = await describeOrFail(provider, uid);
        assertEquals(disks.map(({ name, sizeGib, type, format, path }) => [name, sizeGib, type, format, path]), [
          ["root", 0.125, "thick", "raw", `/dev/${GROUP}/${uid}-root`],
          ["data", 0.0625, "thick", "raw", `/dev/${GROUP}/${uid}-data`],
        ]);
      },
    );
    await t.step("what takes qcow2 is refused for it: snapshots, linked clones, images kept there", async () => {
      const snapshot = { ...vm, name: "one", includeMemory: false, quiesce: false };
      const snapshots = await refusal(() => provider.snapshotCreate(snapshot, context));
      assertEquals(snapshots.class, "NotSupported");
      assertStringIncludes(snapshots.message, "disk root is raw, not qcow2");
      const source = { type: "Url", url: "http://127.0.0.1:9/none" } as const;
      const prepare = { ...vm, source, name: "i", storage: GROUP, force: false };
      const image = await refusal(() => provider.imagePrepare(prepare, context));
      assertEquals([image.class, image.field], ["NotSupported", "storage"]);
      assertMatch(image.message, /"vg-1" is of kind logical, and this takes a pool of kind dir, fs, netfs/);
    });
    await t.step("a disk is added and taken out while it runs", async () => {
      assertEquals(await reconfigure([...spec.disks, { name: "more", sizeGib: 0.25 }]), { needsPowerCycle: [] });
      assertEquals(await sizes(), [["root", 0.125], ["data", 0.0625], ["more", 0.25]]);
      assertEquals((await exec(uid, "/bin/grep", "-q", "vdc", "/proc/partitions")).exitCode, 0);
      assertEquals(await reconfigure(spec.disks), { needsPowerCycle: [] });
      assertEquals(await volumesOf(host, GROUP), [`${uid}-data`, `${uid}-root`]);
    });
    await t.step("growing is left to the host, whose work is taken up while the VM runs", async () => {
      const grow = () => reconfigure([{ name: "data", sizeGib: 0.125 }]);
      const error = await refusal(grow);
      assertEquals([error.class, error.field], ["NotSupported", "disks[data].sizeGib"]);
      assertStringIncludes(error.message, "lvextend");
      await extend(host, `${uid}-data`, 128);
      await grow();
      assertEquals(await sizes(), [["root", 0.125], ["data", 0.125]]);
      assertEquals((await exec(uid, "/bin/grep", "-q", "131072 vdb", "/proc/partitions")).exitCode, 0);
    });
    await t.step("it is cloned while it runs, within the group; the copy has a larger root", async () => {
      const wish = machine("copy", { rootDisk: { sizeGib: 0.25 }, disks: [{ name: "data", sizeGib: 0.125 }] });
      const request = { operation: operation(copy), sourceVmId: uid, linked: false, spec: wish, powerOn: true };
      await finish(provider, (await provider.clone(request, context)).task);
      assertEquals(await volumesOf(host), [`${copy}-seed.iso`, `${uid}-seed.iso`].sort());
      await watcher.vm(copy, ({ guest }) => guest.agent === "Running" && guest.hostname === "copy");
      assertEquals((await exec(copy, "/bin/ls", "/state/mine")).exitCode, 0);
      assertEquals(await sizes(copy), [["root", 0.25], ["data", 0.125]]);
      await provider.power({ operation: operation(copy), vmId: copy, op: "Off" }, context);
      const linked = { ...request, operation: operation(crypto.randomUUID()), sourceVmId: copy, linked: true };
      const error = await refusal(async () => {
        const { task } = await provider.clone({ ...linked, spec: plainMachine("linked") }, context);
        await finish(provider, task);
      });
      assertEquals([error.class, error.field], ["NotSupported", "rootDisk.storageClass"]);
    });
    await t.step("one that is off takes up what the host has grown as well", async () => {
      const disks = [{ name: "data", sizeGib: 0.25 }];
      const wish = machine("copy", { rootDisk: { sizeGib: 0.25 }, disks });
      const grow = () => provider.reconfigure({ operation: operation(copy), vmId: copy, spec: wish }, context);
      assertEquals((await refusal(grow)).field, "disks[data].sizeGib");
      await extend(host, `${copy}-data`, 256);
      assertEquals(await grow(), { needsPowerCycle: [] });
      assertEquals(await sizes(copy), [["root", 0.25], ["data", 0.25]]);
    });
    await t.step("one that is off is copied into files, and its root disk can carry a linked clone there", async () => {
      for (const linked of [false, true]) {
        const files = crypto.randomUUID();
        const wish = plainMachine("files", { rootDisk: { sizeGib: 0.25 }, placement: { datastore: "default" } });
        const request = { operation: operation(files), sourceVmId: copy, linked, spec: wish, powerOn: false };
        await finish(provider, (await provider.clone(request, context)).task);
        assertEquals((await describeOrFail(provider, files)).disks.map(({ format, sizeGib }) => [format, sizeGib]), [
          ["qcow2", 0.25],
        ]);
        await provider.delete({ operation: operation(files), vmId: files }, context);
      }
    });
    await t.step("its disk leaves and comes in again as a logical volume that a VM takes over", async () => {
      const target: TransferTarget = {
        backend: "s3",
        url: "s3://disks/data.qcow2",
        credentials: new Secret(S3_ACCOUNT),
        options: { endpoint: store.endpoint, usePathStyle: "true" },
      };
      const sent = await provider.exportDisk(
        { operation: operation(copy), vmId: copy, disk: "data", format: "qcow2", compress: false, target },
        context,
      );
      await finish(provider, sent.task);
      const request = { operation: operation(crypto.randomUUID()), name: "in", format: "qcow2", source: target };
      const { diskId, task } = await provider.importDisk(request, context);
      await finish(provider, task);
      const image = { type: "ImportedDisk", diskId, format: "raw" } as const;
      const large = plainMachine("imported", { image, rootDisk: { sizeGib: 2 } });
      const error = await refusal(() => provider.create(createRequest(crypto.randomUUID(), large), context));
      assertEquals([error.class, error.field], ["NotSupported", "rootDisk.sizeGib"]);
      const taker = await create(provider, { ...large, rootDisk: {} }, false);
      assertEquals((await describeOrFail(provider, taker)).disks.map(({ path }) => path), [diskId]);
      await host.sh(["cmp", diskId, `/dev/${GROUP}/${copy}-data`]);
      await provider.delete({ operation: operation(taker), vmId: taker }, context);
    });
    await t.step(
      "disks of one VM lie in pools of several kinds: a server's export has files as any folder",
      async () => {
        await addPool(host, { name: "export", kind: "netfs", sizeMib: 512 });
        const disks = [{ name: "data", sizeGib: 0.0625, storageClass: "export" }];
        const mixed = await create(provider, plainMachine("mixed", { rootDisk: { sizeGib: 0.125 }, disks }), false);
        assertEquals(await volumesOf(host, "export"), [`${mixed}-data.qcow2`]);
        const grown = plainMachine("mixed", {
          rootDisk: { sizeGib: 0.125 },
          disks: [{ ...disks[0], name: "data", sizeGib: 1 }],
        });
        await provider.reconfigure({ operation: operation(mixed), vmId: mixed, spec: grown }, context);
        assertEquals(await sizes(mixed), [["root", 0.125], ["data", 1]]);
        const source = { type: "Volume", pool: "export", path: `${mixed}-data.qcow2` } as const;
        const child = await create(
          provider,
          plainMachine("child", { image: source, rootDisk: {}, placement: { datastore: "export" } }),
          false,
        );
        assertEquals(await sizes(child), [["root", 1]]);
        for (const id of [child, mixed]) await provider.delete({ operation: operation(id), vmId: id }, context);
        assertEquals(await volumesOf(host, "export"), []);
      },
    );
    await t.step("what was made for it goes with it", async () => {
      for (const id of [copy, uid]) await provider.delete({ operation: operation(id), vmId: id }, context);
      assertEquals([await volumesOf(host, GROUP), await volumesOf(host)], [[], []]);
    });
  },
);

async function troubles(t: Deno.TestContext, options: HypervisorOptions): Promise<void> {
  await using host = await startHypervisor(options);
  // Extents of twice the step in which disks are made.
  await addPool(host, { name: GROUP, kind: "logical", sizeMib: 384, extentMib: 128 });
  await using provider = providerFor(host, "socket", { defaultPool: GROUP });
  const spec = plainMachine("vm", { rootDisk: {}, disks: [{ name: "data", sizeGib: 0.125 }] });

  await t.step("a group without room is told as such, and nothing is left", async () => {
    const disks = ["a", "b", "c"].map((name) => ({ name, sizeGib: 0.125 }));
    const uid = crypto.randomUUID();
    const error = await refusal(() => create(provider, { ...spec, disks }, false, uid));
    assertEquals(error.class, "QuotaExceeded", error.message);
    assertMatch(error.message, /insufficient free space.*; make room/s);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals([await volumesOf(host, GROUP), await volumesOf(host)], [[], []]);
  });
  await t.step("a disk that was not filled to its end is made anew; a complete one of the owner is kept", async () => {
    const uid = crypto.randomUUID();
    await host.virsh("vol-create-as", GROUP, `${uid}-data`, "128M");
    await host.virsh("vol-create-as", "default", `${uid}-data.fill`, "128M", "--format", "qcow2");
    assert(await written(host, `${uid}-data`) > 0);
    await create(provider, spec, false, uid);
    assertEquals([await written(host, `${uid}-data`), await volumesOf(host)], [0, []]);
    // The image has 64 MiB, and the extent that it is in twice as much.
    const rest = `tail -c ${2 ** 26} "$0" | cmp -n ${2 ** 26} - /dev/zero`;
    await host.sh(["sh", "-c", rest, `/dev/${GROUP}/${uid}-root`]);
    await host.virsh("undefine", uid);
    await host.sh(["sh", "-c", `echo kept > "$0"`, `/dev/${GROUP}/${uid}-data`]);
    await create(provider, spec, false, uid);
    assertEquals(await written(host, `${uid}-data`), "kept\n".length);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
  });
  await t.step("without a pool for files it is refused before anything is made", async () => {
    await host.virsh("pool-destroy", "default");
    const blank = { ...spec, image: { type: "Blank" } as const, rootDisk: { sizeGib: 0.125 } };
    const error = await refusal(() => create(provider, blank, false));
    assertEquals([error.class, error.reason], ["NotFound", "DependencyMissing"]);
    assertMatch(error.message, /"vg-1" keeps no files, and no other active pool .* does/);
    assertEquals(await volumesOf(host, GROUP), []);
  });
}

const TROUBLES = "logical volumes: no room, no file pool, and what a crash has left";
Deno.test({ name: TROUBLES, ignore }, (t) => troubles(t, {}));
Deno.test({ name: `${TROUBLES}, on libvirt 11`, ignore: withoutTrixie }, (t) => troubles(t, { release: "trixie" }));
