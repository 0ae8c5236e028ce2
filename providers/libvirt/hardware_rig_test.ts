import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { callContext, describeOrFail, machine, made, operation, providerFor, Watcher } from "./testing/fixture.ts";

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

  await t.step("first-boot configuration that changes is taken up at the next start", async () => {
    const init = (hostname: string): MachineSpec =>
      machine("again", {
        guestInit: { type: "CloudInit", userData: new Secret(`#cloud-config\nhostname: ${hostname}\n`) },
      });
    const [uid] = await start("again", init("one"));
    const change = () => provider.reconfigure({ operation: operation(uid), vmId: uid, spec: init("two") }, context);
    await host.virsh("metadata", uid, "http://other/", "--config", "--live", "--key", "other", "--set", "<app/>");
    assertEquals(await change(), { needsPowerCycle: ["guestInit"] });
    await provider.power({ operation: operation(uid), vmId: uid, op: "Off" }, context);
    const before = await describeOrFail(provider, uid);
    assertEquals(await change(), { needsPowerCycle: [] });
    const after = await describeOrFail(provider, uid);
    assert(after.guestInitDigest !== before.guestInitDigest);
    assertEquals({ ...after, guestInitDigest: "" }, { ...before, guestInitDigest: "" });
    assertStringIncludes(await host.virsh("dumpxml", uid), "http://other/");
    await using watcher = new Watcher(provider);
    await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
    await watcher.vm(uid, (vm) => vm.guest.hostname === "two");
    await end(uid);
  });
});
