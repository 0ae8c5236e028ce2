import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import {
  callContext,
  createRequest,
  describeOrFail,
  finish,
  machine,
  made,
  operation,
  providerFor,
  volumesOf,
  Watcher,
} from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "virtual hardware on a real host", libvirtRig);
const context = callContext();

Deno.test({ name: "QEMU runs with the hardware that was asked for", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using provider = providerFor(host);
  const start = async (name: string, change: Partial<MachineSpec>): Promise<[uid: string, argv: string]> => {
    const uid = await made(provider, machine(name, change));
    assertEquals((await describeOrFail(provider, uid)).power, "On");
    const all = await host.sh(["ps", "-e", "-ww", "-o", "args"]);
    return [uid, all.split("\n").find((line) => line.includes(`guest=${name},`)) ?? ""];
  };
  const end = (uid: string) => provider.delete({ operation: operation(uid), vmId: uid }, context);
  const { hardware, nics } = machine("x");

  await t.step("Secure Boot with its keys, a TPM, an IOMMU", async () => {
    const security = { secureBoot: true, tpm: true, vtd: true };
    const secure: MachineSpec = machine("secure", { hardware: { ...hardware, firmware: "UEFI", security } });
    const [uid, argv] = await start("secure", secure);
    assertStringIncludes(argv, "smm=on");
    assertStringIncludes(argv, "tpm-crb");
    assertStringIncludes(argv, "intel-iommu");
    const xml = await host.virsh("dumpxml", uid);
    assertStringIncludes(xml, "secure='yes'");
    assert(/<nvram[^>]*>.*secure.*<\/nvram>/.test(xml), "no variable store of its own");
    assertEquals(await provider.reconfigure({ operation: operation(uid), vmId: uid, spec: secure }, context), {
      needsPowerCycle: [],
    });
    const without = { ...secure, hardware: { ...secure.hardware, security: { ...security, tpm: false } } };
    const change = () => provider.reconfigure({ operation: operation(uid), vmId: uid, spec: without }, context);
    assertEquals((await assertRejects(change, ProviderError)).field, "hardware.security.tpm");
    await end(uid);
    assertEquals(await host.sh(["find", "/var/lib/libvirt/qemu/nvram", "-type", "f"]), "");
    assertEquals(await host.sh(["find", "/var/lib/libvirt/swtpm", "-name", "tpm2-*"]), "");
  });

  await t.step("a TPM 1.2 for guests that know no other", async () => {
    const [uid, argv] = await start("old", {
      hardware: { ...hardware, security: { tpm: true, tpmVersion: "1.2" } },
    });
    assertStringIncludes(argv, "tpm-tis");
    await end(uid);
  });

  await t.step("cache, I/O and discard of disks, their IOPS, queues of cards", async () => {
    const [uid, argv] = await start("tuned", {
      hardware: {
        ...hardware,
        extraConfig: {
          "libvirt.diskCache": "directsync",
          "libvirt.diskIo": "native",
          "libvirt.diskDiscard": "ignore",
        },
      },
      rootDisk: { sizeGib: 1, iops: 500 },
      nics: nics.map((nic) => ({ ...nic, driver: { queues: 2 }, mtu: 1400 })),
    });
    for (const part of ['"aio":"native"', '"direct":true', '"discard":"ignore"', '"mq":true']) {
      assertStringIncludes(argv, part);
    }
    assertStringIncludes(await host.virsh("blkdeviotune", uid, "vda"), "total_iops_sec : 500");
    await end(uid);
  });

  await t.step("Ignition reaches the guest's firmware and nothing else", async () => {
    const config = new Secret('{"ignition":{"version":"3.4.0"}}');
    const [uid, argv] = await start("core", { guestInit: { type: "Ignition", config } });
    assertStringIncludes(argv, "opt/com.coreos/config");
    const file = `/var/lib/libvirt/images/${uid}-ignition.json`;
    assertStringIncludes(argv, file);
    assertEquals(await host.sh(["cat", file]), config.reveal());
    await end(uid);
    assertEquals((await host.virsh("vol-list", host.pool)).includes(uid), false);
  });

  await t.step(
    "first-boot configuration that changes is replaced while the guest runs, and seen at its next boot",
    async () => {
      const init = (hostname: string | undefined, change: Partial<MachineSpec> = {}): MachineSpec => {
        const { guestInit: _, ...bare } = machine("again", change);
        const userData = new Secret(`#cloud-config\nhostname: ${hostname}\n`);
        return hostname === undefined ? bare : { ...bare, guestInit: { type: "CloudInit", userData } };
      };
      const wired = { nics: nics.map((nic) => ({ ...nic, addresses: [{ address: "192.168.122.99", prefix: 24 }] })) };
      const change = (spec: MachineSpec, followGuestInit = true) =>
        provider.reconfigure({ operation: operation(uid), vmId: uid, spec, followGuestInit }, context);
      const media = async () => (await volumesOf(host)).filter((name) => name.endsWith(".iso"));
      const folder = "/var/lib/libvirt/images";
      const content = async () => (await host.sh(["cat", `${folder}/${uid}-seed.iso`])).replaceAll("\0", "");
      const pidOf = async () => {
        const all = await host.sh(["ps", "-e", "-ww", "-o", "pid,args"]);
        return all.split("\n").find((line) => line.includes("guest=again,"))?.trim().split(" ")[0];
      };
      const instance = async () => /instance-id: .*/.exec(await content())?.[0];

      let [uid] = await start("again", init("one"));
      const before = { vm: await describeOrFail(provider, uid), instance: await instance(), pid: await pidOf() };
      assertEquals(await media(), [`${uid}-seed.iso`]);
      assertEquals(await change(init("two"), false), { needsPowerCycle: [] });
      assertEquals(await change(init("one")), { needsPowerCycle: [], guestInit: "Unchanged" });
      assertStringIncludes(await content(), "hostname: one");
      assertEquals(await change(init("two")), { needsPowerCycle: [], guestInit: "Replaced" });
      assertEquals((await content()).match(/hostname: (one|two)/g), ["hostname: two"], "what was there is left");
      assertEquals(await instance(), before.instance, "a new instance would make new host keys");
      const after = await describeOrFail(provider, uid);
      assert(after.guestInitDigest !== before.vm.guestInitDigest);
      assertEquals([after.power, after.pendingPowerCycle, await pidOf()], ["On", [], before.pid]);
      assertEquals(await change(init("two")), { needsPowerCycle: [], guestInit: "Unchanged" });
      // As if the provider had died half-way through.
      await host.sh([
        "dd",
        "if=/dev/zero",
        `of=${folder}/${uid}-seed.iso`,
        "bs=2048",
        "seek=16",
        "count=3",
        "conv=notrunc",
      ]);
      const whole = await content();
      assertEquals((await change(init("two"))).guestInit, "Replaced");
      assert((await content()).length > whole.length, "the medium is none");
      await using watcher = new Watcher(provider);
      await provider.power({ operation: operation(uid), vmId: uid, op: "Reset" }, context);
      await watcher.vm(uid, (vm) => vm.guest.hostname === "two");

      // The guest has the medium mounted by now, and the machine has a snapshot with its memory.
      const snapshot = { operation: operation(uid), vmId: uid, name: "s", includeMemory: true, quiesce: false };
      const { snapshotId, task } = await provider.snapshotCreate(snapshot, context);
      await finish(provider, task);
      assertEquals((await change(init("three", wired))).guestInit, "Replaced");
      assertStringIncludes(await content(), "192.168.122.99/24");
      assertStringIncludes(await content(), "boot-new-instance");
      for (const step of ["snapshotRevert", "snapshotDelete"] as const) {
        const { task } = await provider[step]({ operation: operation(uid), vmId: uid, snapshotId }, context);
        await finish(provider, task);
      }

      assertEquals(await change(init(undefined)), { needsPowerCycle: [], guestInit: "Removed" });
      assertEquals(await content(), "");
      const bare = await describeOrFail(provider, uid);
      assertEquals([bare.power, bare.guestInitDigest, bare.pendingPowerCycle], ["On", undefined, []]);
      assertEquals(await change(init(undefined)), { needsPowerCycle: [], guestInit: "Unchanged" });
      await end(uid);
      assertEquals(await media(), []);

      uid = crypto.randomUUID();
      await finish(provider, (await provider.create(createRequest(uid, init(undefined)), context)).task);
      assertEquals(await media(), []);
      const refused = await assertRejects(() => change(init(undefined, wired)), ProviderError);
      assertEquals([refused.class, refused.field], ["NotSupported", "nics[lan].addresses"]);
      assertEquals(await change(init("four")), { needsPowerCycle: [], guestInit: "Replaced" });
      const large = { type: "CloudInit", userData: new Secret(`#cloud-config\n# ${"x".repeat(1_000_000)}`) } as const;
      const tooLarge = await assertRejects(() => change({ ...init("five"), guestInit: large }), ProviderError);
      assertEquals([tooLarge.class, tooLarge.reason], ["Conflict", "PowerState"]);
      await provider.power({ operation: operation(uid), vmId: uid, op: "Off" }, context);
      assertEquals((await change({ ...init("five"), guestInit: large })).guestInit, "Replaced");
      assertEquals((await change(init("four"))).guestInit, "Replaced");
      await end(uid);
    },
  );
});
