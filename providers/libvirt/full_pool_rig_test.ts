import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError, type TaskResponse, type TransferTarget } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import {
  addPool,
  ensureGuestImage,
  type Hypervisor,
  libvirtRig,
  startHypervisor,
} from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { ImageServer, whole } from "../shared/testing/image_server.ts";
import { S3_ACCOUNT, S3Server } from "../shared/testing/s3_server.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  made,
  operation,
  plainMachine,
  providerFor,
  Watcher,
} from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "a storage pool that is full", libvirtRig);
const context = callContext();

const POOL = "small";
const FOLDER = `/root/${POOL}`;
/** Room for three disks of the guest. */
const SIZE_MIB = 128;

/** What is in the pool, whatever libvirt believes. */
async function filesIn(host: Hypervisor): Promise<string[]> {
  const names = (await host.sh(["ls", "-A", FOLDER])).split("\n");
  return names.filter((name) => !["", "lost+found", "ballast"].includes(name)).sort();
}

/** Fills the pool behind libvirt's back until `leftMib` are left; gives what frees it again. */
async function fill(host: Hypervisor, leftMib: number): Promise<() => Promise<void>> {
  const ballast = `${FOLDER}/ballast`;
  // Ends where there is no room for another byte, which is the point of it.
  await host.sh(["dd", "if=/dev/zero", `of=${ballast}`, "bs=4K", "status=none"]).catch(() => {});
  await host.sh(["truncate", `--size=-${leftMib}M`, ballast]);
  return async () => void await host.sh(["rm", ballast]);
}

/** Something that takes room. */
interface Ask {
  readonly name: string;
  /** Whether it gets far with 8 MiB: so it breaks off in the middle as well as at the beginning. */
  readonly breaksOff: boolean;
  readonly ask: () => Promise<TaskResponse>;
  readonly undo?: () => Promise<unknown>;
  /** Sizes of the VM's disks when it is done, GiB; default: as they were. */
  readonly sizes?: readonly number[];
}

Deno.test({ name: "a full pool is told as such, nothing is left over, and room makes it work", ignore }, async (t) => {
  await using host = await startHypervisor();
  await addPool(host, { name: POOL, kind: "fs", sizeMib: SIZE_MIB });
  await using provider = providerFor(host, "socket", { defaultPool: POOL });
  await using server = await ImageServer.start();
  await using store = await S3Server.start();
  const content = await Deno.readFile(await ensureGuestImage());
  store.objects.set("disks/tiny.qcow2", content);
  const url = server.at("/tiny.qcow2", whole(content));
  const plain = plainMachine("vm", { disks: [{ name: "data", sizeGib: 1 }] });
  const uid = await made(provider, plain, { powerOn: false });
  const [vm, other] = [{ operation: operation(uid), vmId: uid }, crypto.randomUUID()];
  const s3 = (name: string): TransferTarget => ({
    backend: "s3",
    url: `s3://disks/${name}`,
    credentials: new Secret(S3_ACCOUNT),
    options: { endpoint: store.endpoint, usePathStyle: "true" },
  });
  const named = (name: string): MachineSpec => ({ ...plain, name, disks: [] });
  const unmake = () => provider.delete({ operation: operation(other), vmId: other }, context);
  const drop = (prefix: string) => async () => {
    for (const name of (await filesIn(host)).filter((each) => each.startsWith(prefix))) {
      await host.virsh("vol-delete", "--pool", POOL, name);
    }
  };
  // One table of a qcow2 file reaches for 4 TiB: here it has to grow, while a smaller step may find room inside the file.
  const grown = (sizeGib: number): MachineSpec => ({ ...plain, disks: [{ name: "data", sizeGib }] });
  const asks: readonly Ask[] = [{
    name: "a VM is made",
    breaksOff: true,
    ask: () => provider.create(createRequest(other, named("made"), false), context),
    undo: unmake,
  }, {
    name: "a VM is cloned",
    breaksOff: true,
    ask: () => {
      const wish = { linked: false, spec: named("cloned"), powerOn: false };
      return provider.clone({ operation: operation(other), sourceVmId: uid, ...wish }, context);
    },
    undo: unmake,
  }, {
    name: "a disk is added",
    breaksOff: false,
    ask: () => {
      const disks = [...plain.disks, { name: "more", sizeGib: 1 }];
      return provider.reconfigure({ ...vm, spec: { ...plain, disks } }, context);
    },
    undo: () => provider.reconfigure({ ...vm, spec: plain }, context),
  }, {
    name: "an image is fetched",
    breaksOff: true,
    ask: () => provider.imagePrepare({ ...vm, source: { type: "Url", url }, name: "tiny", force: false }, context),
    undo: drop("virtrigaud-image-"),
  }, {
    name: "a disk comes in",
    breaksOff: true,
    ask: () => provider.importDisk({ ...vm, name: "in", format: "qcow2", source: s3("tiny.qcow2") }, context),
    undo: drop("virtrigaud-disk-"),
  }, {
    name: "a disk leaves",
    breaksOff: true,
    ask: () => provider.exportDisk({ ...vm, format: "qcow2", compress: false, target: s3("out.qcow2") }, context),
  }, {
    name: "a disk of a VM that is off grows",
    breaksOff: false,
    ask: () => provider.reconfigure({ ...vm, spec: grown(5_000) }, context),
    sizes: [1, 5_000],
  }, {
    name: "a disk of a running VM grows",
    breaksOff: false,
    ask: async () => {
      await provider.power({ ...vm, op: "On" }, context);
      return await provider.reconfigure({ ...vm, spec: grown(10_000) }, context);
    },
    sizes: [1, 10_000],
  }, {
    name: "a snapshot with memory is taken",
    breaksOff: false,
    ask: async () => {
      // Stopped, so that nothing of its own meets the full disk.
      for (const op of ["On", "Suspend"] as const) await provider.power({ ...vm, op }, context);
      return await provider.snapshotCreate({ ...vm, name: "one", includeMemory: true, quiesce: false }, context);
    },
  }];
  const before = await filesIn(host);
  const sizes = async () => (await describeOrFail(provider, uid)).disks.map(({ sizeGib }) => sizeGib);
  for (const { name, breaksOff, ask, undo, sizes: wanted } of asks) {
    await t.step(name, async () => {
      const sizesBefore = await sizes();
      for (const leftMib of breaksOff ? [0, 8] : [0]) {
        const free = await fill(host, leftMib);
        const error = await assertRejects(async () => await finish(provider, (await ask()).task), ProviderError);
        assertEquals(error.class, "QuotaExceeded", error.message);
        assertMatch(error.message, /; make room/);
        assertEquals([await filesIn(host), await sizes()], [before, sizesBefore]);
        assertEquals(await provider.snapshotList(vm, context), []);
        assertEquals(await host.virsh("list", "--all", "--name"), "vm");
        await free();
      }
      await finish(provider, (await ask()).task);
      await undo?.();
      assertEquals(await sizes(), wanted ?? sizesBefore);
    });
  }
  await t.step("a guest that meets the end of the room waits there, and goes on when it is told to", async () => {
    await provider.delete(vm, context);
    // Comes before the guest's agent is started.
    const script = "#!/bin/sh\ndd if=/dev/urandom of=/state/much bs=1M count=8\n";
    const spec = machine("writer", { nics: [], guestInit: { type: "CloudInit", userData: new Secret(script) } });
    const writer = await made(provider, spec, { powerOn: false });
    const free = await fill(host, 0);
    await using watcher = new Watcher(provider);
    const switchOn = () => provider.power({ operation: operation(writer), vmId: writer, op: "On" }, context);
    await switchOn();
    const waiting = await watcher.vm(writer, ({ attention }) => attention !== undefined);
    assertStringIncludes(waiting.attention ?? "", "the storage may be full");
    await free();
    await switchOn();
    await watcher.vm(writer, ({ guest }) => guest.agent === "Running", { from: watcher.events.length });
  });
});
