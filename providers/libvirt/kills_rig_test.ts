import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError, type TaskResponse, type TransferTarget } from "@virtrigaud/contract";
import { until } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { createHash } from "node:crypto";
import {
  addPool,
  ensureGuestImage,
  type Hypervisor,
  libvirtRig,
  startHypervisor,
  Wire,
} from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { ImageServer, whole } from "../shared/testing/image_server.ts";
import { S3_ACCOUNT, S3Server } from "../shared/testing/s3_server.ts";
import { LibvirtProvider } from "./provider.ts";
import { ChangingCalls } from "./testing/changing_calls.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  mayPass,
  operation,
  plainMachine,
  providerFor,
  volumesOf,
  Watcher,
} from "./testing/fixture.ts";
import { killLibvirtd, restartAndMend, restartLibvirtd } from "./testing/profile.ts";

const ignore = await skipWithout("libvirt provider", "kills in the middle of changes of storage", libvirtRig);
const context = callContext();

/** libvirt alone may wait 30 s for a lock, more than once. */
const LIMIT_MS = 300_000;

/**
 * Sends the same request again and again, as the manager does, until it is done. With `hurt`, what an error
 * says that the operator has to do to that VM and its host is done.
 */
async function insist<T extends TaskResponse>(
  provider: LibvirtProvider,
  ask: () => Promise<T>,
  hurt?: { readonly host: Hypervisor; readonly vmId: string },
): Promise<T> {
  const isLost = (error: unknown) => ProviderError.is(error, "Conflict") && error.reason === "JobLost";
  return await until("the request to be carried out", async () => {
    try {
      const answer = await ask();
      await finish(provider, answer.task);
      return answer;
    } catch (error) {
      if (hurt !== undefined && isLost(error)) await followAdvice(hurt.host, provider, hurt.vmId);
      throw error;
    }
  }, { everyMs: 100, limitMs: LIMIT_MS, transient: (error) => mayPass(error) || hurt !== undefined && isLost(error) });
}

/** libvirtd died at the one moment from which libvirt does not find back by itself. Does what the error says. */
async function followAdvice(host: Hypervisor, provider: LibvirtProvider, vmId: string): Promise<void> {
  const power = (op: "Off" | "On") =>
    insist(provider, () => provider.power({ operation: operation(vmId), vmId, op }, context));
  await power("Off");
  await restartLibvirtd(host);
  await power("On");
}

/** At which of its calls and pieces of content, counted from 1, a provider dies. */
const POINTS = [1, 2, 4];

const failsTyped = (error: unknown) => assert(error instanceof ProviderError, String(error));

/**
 * Asks a provider on the other end of a wire, until changing call number `point` is on that and `strike` has been, or the
 * change has ended; then that provider is no more.
 */
async function askUntil(
  host: Hypervisor,
  ask: (provider: LibvirtProvider) => Promise<TaskResponse>,
  point: number,
  strike: (wire: Wire) => void | Promise<void>,
): Promise<void> {
  const calls = new ChangingCalls();
  let left = point;
  let striking: Promise<void> | undefined;
  const struck = Promise.withResolvers<void>();
  await using wire: Wire = await Wire.to({ path: host.socketPath }, {
    watch: (chunk, from) => {
      if (from !== "operator") return;
      for (const _ of calls.in(chunk)) {
        if (--left !== 0) continue;
        striking = Promise.resolve(strike(wire));
        struck.resolve();
      }
    },
  });
  await using provider = new LibvirtProvider({ endpoint: `qemu+tcp://127.0.0.1:${wire.port}/system`, version: "test" });
  await Promise.race([struck.promise, ask(provider).then(({ task }) => finish(provider, task)).catch(failsTyped)]);
  await striking;
}

/** Begins `ask` on providers that die at each of {@linkcode POINTS}, then under a libvirtd that does. */
async function disturbed(
  host: Hypervisor,
  ask: (provider: LibvirtProvider) => Promise<TaskResponse>,
): Promise<void> {
  for (const point of POINTS) await askUntil(host, ask, point, (wire) => wire.cut());
  await askUntil(host, ask, 1, () => restartAndMend(host));
}

Deno.test(
  { name: "who dies while a VM is made, started or deleted: there is one or none, and nothing else", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const uid = crypto.randomUUID();
    const change = { operation: operation(uid), vmId: uid };
    const request = createRequest(uid, plainMachine("vm", { disks: [{ name: "data", sizeGib: 1 }] }), true);
    await disturbed(host, (dying) => dying.create(request, context));
    await insist(provider, () => provider.create(request, context));
    const isWhole = async () => {
      const vm = await describeOrFail(provider, uid);
      assertEquals([vm.power, ...vm.disks.map((disk) => [disk.name, disk.sizeGib])], ["On", ["root", 1], ["data", 1]]);
      assertEquals(await host.virsh("list", "--all", "--name"), "vm");
      assertEquals(await volumesOf(host), [`${uid}-data.qcow2`, `${uid}-root.qcow2`]);
    };
    await isWhole();
    await provider.power({ ...change, op: "Off" }, context);
    await disturbed(host, (dying) => dying.power({ ...change, op: "On" }, context));
    await insist(provider, () => provider.power({ ...change, op: "On" }, context));
    await isWhole();
    await disturbed(host, (dying) => dying.delete(change, context));
    await insist(provider, () => provider.delete(change, context));
    assertEquals([await host.virsh("list", "--all", "--name"), await volumesOf(host)], ["", []]);
  },
);

Deno.test(
  { name: "who dies in the middle of a snapshot: there is one, and it can be gone back to", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const uid = crypto.randomUUID();
    await finish(provider, (await provider.create(createRequest(uid, plainMachine("vm"), true), context)).task);
    const request = { operation: operation(uid), vmId: uid, name: "one", includeMemory: true, quiesce: false };
    await disturbed(host, (dying) => dying.snapshotCreate(request, context));
    const { snapshotId } = await insist(provider, () => provider.snapshotCreate(request, context));
    assertEquals((await provider.snapshotList({ vmId: uid }, context)).map(({ id }) => id), [snapshotId]);
    const back = { operation: operation(uid), vmId: uid, snapshotId };
    await disturbed(host, (dying) => dying.snapshotRevert(back, context));
    await insist(provider, () => provider.snapshotRevert(back, context));
    assertEquals((await describeOrFail(provider, uid)).power, "On");
    await disturbed(host, (dying) => dying.snapshotDelete(back, context));
    await insist(provider, () => provider.snapshotDelete(back, context));
    assertEquals(await provider.snapshotList({ vmId: uid }, context), []);
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals(await volumesOf(host), []);
  },
);

Deno.test(
  { name: "who dies in the middle of a clone, off or running: one whole clone, nothing else", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    const source = crypto.randomUUID();
    const spec = plainMachine("source", { disks: [{ name: "data", sizeGib: 1 }] });
    await finish(provider, (await provider.create(createRequest(source, spec, false), context)).task);
    for (const op of ["Off", "On"] as const) {
      await provider.power({ operation: operation(source), vmId: source, op }, context);
      const uid = crypto.randomUUID();
      const wish = { ...spec, name: `copy-${op.toLowerCase()}`, rootDisk: { sizeGib: 2 } };
      const request = { operation: operation(uid), sourceVmId: source, linked: false, spec: wish, powerOn: false };
      await disturbed(host, (dying) => dying.clone(request, context));
      await insist(provider, () => provider.clone(request, context), { host, vmId: source });
      assertEquals((await describeOrFail(provider, uid)).disks.map(({ name, sizeGib }) => [name, sizeGib]), [
        ["root", 2],
        ["data", 1],
      ]);
      await host.sh(["qemu-img", "check", "-q", `/var/lib/libvirt/images/${uid}-root.qcow2`]);
      assertEquals((await volumesOf(host)).filter((name) => !name.startsWith(source)), [
        `${uid}-data.qcow2`,
        `${uid}-root.qcow2`,
      ]);
      await insist(provider, () => provider.delete({ operation: operation(uid), vmId: uid }, context));
    }
    await provider.delete({ operation: operation(source), vmId: source }, context);
    assertEquals(await volumesOf(host), []);
  },
);

Deno.test(
  { name: "who dies while logical volumes are filled: all of them are, and with nothing else", ignore },
  async () => {
    await using host = await startHypervisor();
    await addPool(host, { name: "vg", kind: "logical", sizeMib: 512 });
    await using provider = providerFor(host);
    const uid = crypto.randomUUID();
    const spec = plainMachine("vm", {
      rootDisk: { storageClass: "vg" },
      disks: [{ name: "data", sizeGib: 0.25, storageClass: "vg" }],
    });
    const request = createRequest(uid, spec, false);
    await disturbed(host, (dying) => dying.create(request, context));
    // A libvirtd that starts while a volume is being made may leave the pool off, and says so: "start it".
    if (!(await host.virsh("pool-list", "--name")).includes("vg")) await host.virsh("pool-start", "vg");
    await insist(provider, () => provider.create(request, context));
    assertEquals([await volumesOf(host, "vg"), await volumesOf(host)], [[`${uid}-data`, `${uid}-root`], []]);
    const root = `/var/lib/libvirt/images/${host.imageVolume}`;
    await host.sh(["qemu-img", "compare", "-q", "-f", "qcow2", "-F", "raw", root, `/dev/vg/${uid}-root`]);
    await host.sh(["cmp", "-n", `${2 ** 28}`, "/dev/zero", `/dev/vg/${uid}-data`]);
    await insist(provider, () => provider.delete({ operation: operation(uid), vmId: uid }, context));
    assertEquals(await volumesOf(host, "vg"), []);
  },
);

Deno.test({ name: "who dies while a disk grows or leaves: it ends as wished", ignore }, async () => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const uid = crypto.randomUUID();
  const spec = plainMachine("vm", { disks: ["a", "b"].map((name) => ({ name, sizeGib: 1 })) });
  await finish(provider, (await provider.create(createRequest(uid, spec, true), context)).task);
  for (const [op, sizeGib] of [["On", 2], ["Off", 3]] as const) {
    await provider.power({ operation: operation(uid), vmId: uid, op }, context);
    const wish = { ...spec, rootDisk: { sizeGib }, disks: spec.disks.map((disk) => ({ ...disk, sizeGib })) };
    const request = { operation: operation(uid), vmId: uid, spec: wish };
    const ask = (one: LibvirtProvider) => one.reconfigure(request, context);
    await disturbed(host, ask);
    await insist(provider, () => ask(provider));
    assertEquals((await describeOrFail(provider, uid)).disks.map((disk) => disk.sizeGib), [sizeGib, sizeGib, sizeGib]);
  }
  const request = { operation: operation(uid), vmId: uid, spec: { ...spec, rootDisk: {}, disks: [] } };
  await disturbed(host, (dying) => dying.reconfigure(request, context));
  await insist(provider, () => provider.reconfigure(request, context));
  assertEquals(await volumesOf(host), [`${uid}-root.qcow2`]);
});

Deno.test({ name: "who dies while an image is fetched: one whole image, nothing else", ignore }, async () => {
  await using host = await startHypervisor({ image: false });
  await using provider = providerFor(host);
  await using server = await ImageServer.start();
  const content = await Deno.readFile(await ensureGuestImage());
  const url = server.at("/tiny.qcow2", whole(content));
  const request = {
    operation: operation(crypto.randomUUID()),
    source: { type: "Url", url, format: "qcow2" } as const,
    name: "tiny",
    force: false,
  };
  await disturbed(host, (dying) => dying.imagePrepare(request, context));
  const { imageId } = await insist(provider, () => provider.imagePrepare(request, context));
  assertEquals((await volumesOf(host)).map((name) => `default/${name}`), [imageId]);
  const uid = crypto.randomUUID();
  const image = { type: "Template", template: imageId } as const;
  await insist(provider, () => provider.create(createRequest(uid, plainMachine("vm", { image }), false), context));
});

Deno.test(
  { name: "who dies while a disk comes in or goes out: it is whole, and nothing else is there", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    await using store = await S3Server.start();
    const content = await Deno.readFile(await ensureGuestImage());
    store.objects.set("disks/in.qcow2", content);
    const s3 = (name: string): TransferTarget => ({
      backend: "s3",
      url: `s3://disks/${name}`,
      credentials: new Secret(S3_ACCOUNT),
      options: { endpoint: store.endpoint, usePathStyle: "true" },
    });
    const uid = crypto.randomUUID();
    const arriving = { operation: operation(uid), name: "in", format: "qcow2", source: s3("in.qcow2") };
    await disturbed(host, (dying) => dying.importDisk(arriving, context));
    const { diskId } = await insist(provider, () => provider.importDisk(arriving, context));
    assertEquals((await volumesOf(host)).map((name) => `/var/lib/libvirt/images/${name}`), [diskId]);
    await host.sh(["qemu-img", "compare", "-q", diskId, `/var/lib/libvirt/images/${host.imageVolume}`]);

    const image = { type: "ImportedDisk", diskId, format: "qcow2" } as const;
    await insist(
      provider,
      () => provider.create(createRequest(uid, plainMachine("vm", { image, rootDisk: {} }), true), context),
    );
    for (const op of ["On", "Off"] as const) {
      await provider.power({ operation: operation(uid), vmId: uid, op }, context);
      const target = s3(`${op}.qcow2`);
      const leaving = { operation: operation(uid), vmId: uid, format: "qcow2", compress: false, target };
      await disturbed(host, (dying) => dying.exportDisk(leaving, context));
      const { task } = await insist(provider, () => provider.exportDisk(leaving, context), { host, vmId: uid });
      assert(task);
      const sent = createHash("sha256").update(store.objects.get(`disks/${op}.qcow2`) ?? "").digest("hex");
      assertEquals((await provider.taskStatus(task, context)).checksum, sent);
      assertEquals((await volumesOf(host)).map((name) => `/var/lib/libvirt/images/${name}`), [diskId]);
    }
  },
);

Deno.test(
  { name: "of a copy that a dead libvirtd has lost it is said what helps, and that helps", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    await using store = await S3Server.start();
    const uid = crypto.randomUUID();
    await finish(provider, (await provider.create(createRequest(uid, plainMachine("vm"), true), context)).task);
    // As libvirtd leaves it that dies between the end of a copy and the note of it, or before the beginning.
    await killLibvirtd(host);
    const status = "/run/libvirt/qemu/vm.xml";
    const job = "<job type='none' async='backup' phase='none'/>";
    await host.sh(["sed", "-i", `s|^  <domain |  ${job}\\n&|`, status]);
    assertStringIncludes(await host.sh(["cat", status]), "async='backup'");
    await host.sh(["libvirtd", "--daemon"]);
    const target = {
      backend: "s3",
      url: "s3://disks/out.qcow2",
      credentials: new Secret(S3_ACCOUNT),
      options: { endpoint: store.endpoint, usePathStyle: "true" },
    } as const;
    const request = { operation: operation(uid), vmId: uid, format: "qcow2", compress: false, target };
    const ask = () => provider.exportDisk(request, context);
    const refusal = await assertRejects(() => insist(provider, ask), ProviderError, "restart libvirtd");
    assertEquals([refusal.class, refusal.reason], ["Conflict", "JobLost"]);
    await insist(provider, ask, { host, vmId: uid });
    assert(store.objects.has("disks/out.qcow2"));
  },
);

Deno.test({ name: "a guest whose file systems a dead provider held is let go by the next one", ignore }, async () => {
  await using host = await startHypervisor();
  const uid = crypto.randomUUID();
  {
    await using provider = providerFor(host);
    await using watcher = new Watcher(provider);
    await finish(provider, (await provider.create(createRequest(uid, machine("vm"), true), context)).task);
    await watcher.vm(uid, (vm) => vm.guest.agent === "Running");
  }
  // As a provider leaves it that dies between holding and letting go.
  await host.virsh(
    ...["metadata", uid, "--uri", "https://virtrigaud.io/xmlns/libvirt/rest/v1", "--key", "virtrigaud-rest"],
    ...["--set", "<held/>", "--live"],
  );
  await host.virsh("domfsfreeze", uid);
  await using provider = providerFor(host);
  await using _watcher = new Watcher(provider);
  await until("the note to go", async () => !(await host.virsh("dumpxml", uid)).includes("libvirt/rest"));
  const command = ["/bin/touch", "/state/alive"];
  assertEquals((await provider.guestExec({ operation: operation(uid), vmId: uid, command }, context)).exitCode, 0);
});

Deno.test(
  { name: "disks live in several pools, and a full one fails cleanly wherever it is met", ignore },
  async () => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    await addPool(host, { name: "fast", kind: "fs", sizeMib: 256 });
    await addPool(host, { name: "small", kind: "dir", sizeMib: 8 });
    await host.virsh("pool-define-as", "parts", "disk", "--source-dev", "/dev/none", "--target", "/dev");
    await host.virsh("pool-define-as", "lvm", "logical", "--source-name", "vg0", "--target", "/dev/vg0");
    for (const [storageClass, expected] of [["parts", "NotSupported"], ["lvm", "Retryable"]] as const) {
      const wish = createRequest(crypto.randomUUID(), plainMachine("off", { rootDisk: { storageClass } }));
      const refusal = await assertRejects(() => provider.create(wish, context), ProviderError);
      assertEquals([refusal.class, refusal.field], [expected, "rootDisk.storageClass"]);
    }
    const uid = crypto.randomUUID();
    const spec = plainMachine("vm", {
      rootDisk: { storageClass: "fast" },
      disks: [{ name: "data", sizeGib: 1 }, { name: "fast", sizeGib: 1, storageClass: "fast" }],
    });
    await finish(provider, (await provider.create(createRequest(uid, spec, true), context)).task);
    assertEquals(await volumesOf(host, "fast"), ["lost+found", `${uid}-fast.qcow2`, `${uid}-root.qcow2`].sort());
    assertEquals(await volumesOf(host), [`${uid}-data.qcow2`]);
    for (const op of ["On", "Off"] as const) {
      await provider.power({ operation: operation(uid), vmId: uid, op }, context);
      const copy = crypto.randomUUID();
      const wish = { ...spec, name: "copy", rootDisk: { storageClass: "small" }, disks: [] };
      const request = { operation: operation(copy), sourceVmId: uid, linked: false, spec: wish, powerOn: false };
      const { task } = await provider.clone(request, context);
      const error = await finish(provider, task).then(() => undefined, (reason) => reason);
      assert(ProviderError.is(error), String(error));
      assert(error.class === "QuotaExceeded" || op === "On" && error.class === "Retryable", error.message);
      await provider.delete({ operation: operation(copy), vmId: copy }, context);
      assertEquals(await volumesOf(host, "small"), []);
      assertEquals((await describeOrFail(provider, uid)).power, op);
    }
    await provider.delete({ operation: operation(uid), vmId: uid }, context);
    assertEquals([await volumesOf(host), await volumesOf(host, "fast")], [[], ["lost+found"]]);
  },
);
