import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { systemClock, until } from "@virtrigaud/resilience";
import { type Hypervisor, libvirtRig, startHypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../../tests/rigs/skip.ts";
import { backupXml, readBackupFiles } from "../domain_xml/backup.ts";
import * as agents from "./agent.ts";
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { LibvirtSession } from "./session.ts";
import { parseUri } from "./uri.ts";
import * as domains from "./domain.ts";
import * as tuning from "./domain_tuning.ts";
import * as hosts from "./host.ts";
import * as jobs from "./job.ts";
import * as networks from "./network.ts";
import * as nodeDevices from "./node_device.ts";
import type { DomainRef } from "./objects.ts";
import { procedure, qemuProcedure } from "./procedures.ts";
import * as snapshots from "./snapshot.ts";
import * as storage from "./storage.ts";

const ignore = await skipWithout("libvirt provider", "the client against a real libvirtd", libvirtRig);

/** Made by the session itself when it connects, or pushed by libvirtd; polkit is not there without a D-Bus. */
const NOT_CALLED_HERE =
  /^(connectOpen|connectSupportsFeature|auth(List|Polkit|Sasl(Init|Start|Step))|(domain|network)EventRegister|event.*)$/;

Deno.test({ name: "real libvirtd: every call that the provider uses", ignore }, async (t) => {
  await using host = await startHypervisor();
  const session = new LibvirtSession({
    endpoint: parseUri(`qemu:///system?socket=${host.socketPath}`),
    credentials: () => ({}),
    clock: systemClock,
  });
  const told = new Set<string>();
  session.listen((said) => said.type === "Domain" && told.add(said.event.kind));
  const called = new Set<number>();
  const rpc: Rpc = {
    call: (call, options) => {
      called.add(call.procedure);
      return session.call(call, options);
    },
    openStream: (call, options) => {
      called.add(call.procedure);
      return session.openStream(call, options);
    },
  };
  try {
    await callByCall(t, rpc, host);
    await t.step("libvirt has told of what was done, each kind of event", () => {
      assertEquals([...told].toSorted(), ["agent", "blockJob", "device", "lifecycle", "metadata", "reboot", "tunable"]);
    });
    await t.step("no call is left out", () => {
      const all = Object.entries({ ...procedure, ...qemuProcedure });
      const left = all.filter(([name, number]) => !called.has(number) && !NOT_CALLED_HERE.test(name));
      assertEquals(left, [], "call these in this file, so that they are known to be right");
    });
  } finally {
    await session.close();
  }
});

async function callByCall(t: Deno.TestContext, rpc: Rpc, host: Hypervisor): Promise<void> {
  const uuid = "11111111-2222-4333-8444-555555555555";
  const domainXml =
    `<domain type='qemu'><name>probe</name><uuid>${uuid}</uuid><memory unit='MiB'>192</memory><currentMemory unit='MiB'>96</currentMemory>
    <vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/probe.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><source network='default'/><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`;

  await t.step("host", async () => {
    assertEquals(await hosts.hostname(rpc), host.name);
    assertStringIncludes(await host.virsh("version"), await hosts.libvirtVersion(rpc));
    assertStringIncludes(await host.virsh("version"), await hosts.hypervisorVersion(rpc));
    assertStringIncludes(await hosts.capabilities(rpc), "<capabilities>");
    const mhz = /CPU frequency:\s+(\d+)/.exec(await host.virsh("nodeinfo"))?.[1];
    // A host that scales its clock does not stand still between two questions.
    assert(Math.abs(await hosts.cpuMhz(rpc) - Number(mhz)) < 1_000, mhz);
    const machine = { emulator: "/usr/bin/qemu-system-x86_64", arch: "x86_64", machine: "q35", domainType: "qemu" };
    assertStringIncludes(await hosts.domainCapabilities(rpc, machine), "<domain>qemu</domain>");
    const never = await assertRejects(
      () => hosts.domainCapabilities(rpc, { ...machine, machine: "abacus" }),
      LibvirtError,
    );
    assertStringIncludes(never.message, "abacus");
  });
  await t.step("devices of the host", async () => {
    const listed = (await host.virsh("nodedev-list", "--cap", "pci")).split("\n").map((line) => line.trim());
    const names = await nodeDevices.listPci(rpc);
    assertEquals(names.toSorted(), listed.filter((name) => name !== "").toSorted());
    assertStringIncludes(await nodeDevices.xml(rpc, "computer"), "<name>computer</name>");
    await assertRejects(() => nodeDevices.xml(rpc, "pci_9999"), LibvirtError, "pci_9999");
  });
  await t.step("networks and pools", async () => {
    assertEquals((await networks.byName(rpc, "default"))?.name, "default");
    assertEquals(await networks.byName(rpc, "nope"), undefined);
    assertEquals(await storage.pool(rpc, "nope"), undefined);
    const network = await networks.byName(rpc, "default");
    assert(network);
    assertEquals(await networks.isActive(rpc, network), true);
    assertStringIncludes(await networks.xml(rpc, network), "virbr0");
    assertEquals(await networks.hasFilter(rpc, "nope"), false);
    await host.sh(["tee", "/root/filter.xml"], { input: "<filter name='probe-filter'/>" });
    await host.virsh("nwfilter-define", "/root/filter.xml");
    assertEquals(await networks.hasFilter(rpc, "probe-filter"), true);
    const pool = await storage.pool(rpc, "default");
    assert(pool);
    assertEquals(await storage.isActive(rpc, pool), true);
    assertStringIncludes(await storage.poolXml(rpc, pool), "/var/lib/libvirt/images");
    assertEquals((await storage.volumes(rpc, pool)).map((volume) => volume.name), [host.imageVolume]);
    assertEquals((await storage.activePools(rpc)).map((pool) => pool.name), ["default"]);
  });
  await t.step("volumes", async () => {
    const pool = await storage.pool(rpc, "default");
    assert(pool);
    const image = await storage.volume(rpc, pool, host.imageVolume);
    assert(image);
    const copy = await storage.create(rpc, pool, {
      name: "probe.qcow2",
      description:
        "<volume><name>probe.qcow2</name><capacity>67108864</capacity><target><format type='qcow2'/></target></volume>",
      source: image,
    });
    await storage.resize(rpc, copy, 128 * 1024 * 1024);
    assertEquals((await storage.info(rpc, copy)).capacity, 128 * 1024 * 1024);
    assertEquals(await storage.path(rpc, copy), "/var/lib/libvirt/images/probe.qcow2");
    assertEquals((await storage.volumeByPath(rpc, "/var/lib/libvirt/images/probe.qcow2"))?.name, "probe.qcow2");
    assertStringIncludes(await storage.xml(rpc, copy), "qcow2");
    const raw = await storage.create(rpc, pool, {
      name: "up.raw",
      description:
        "<volume><name>up.raw</name><capacity>300000</capacity><target><format type='raw'/></target></volume>",
    });
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(300_000);
    for (let offset = 0; offset < large.length; offset += content.length) large.set(content, offset);
    await storage.upload(rpc, raw, large);
    const sum = (await host.sh(["sha256sum", "/var/lib/libvirt/images/up.raw"])).split(" ")[0];
    assertEquals(sum, new Uint8Array(await crypto.subtle.digest("SHA-256", large)).toHex());
    const piece = await storage.read(rpc, raw, { offset: 100_000, length: 70_000 });
    assertEquals(await new Blob(piece.map((each) => each.slice())).bytes(), large.subarray(100_000, 170_000));
    const rest = await storage.read(rpc, raw, { offset: 250_000, length: storage.READ_MAX });
    assertEquals(await new Blob(rest.map((each) => each.slice())).bytes(), large.subarray(250_000));
    await storage.remove(rpc, raw);
    const late = await assertRejects(() => storage.upload(rpc, raw, large), LibvirtError);
    assertEquals([late.class, late.code], ["NotFound", errorCode.noStorageVol]);
    await storage.remove(rpc, raw);
    await storage.refresh(rpc, pool);
    assertEquals(await storage.volume(rpc, pool, "up.raw"), undefined);
  });
  await t.step("domain while it is off", async () => {
    const defined = await domains.define(rpc, domainXml, 'define domain "probe"');
    assertEquals(defined, { name: "probe", uuid, id: -1 });
    assertEquals(await domains.byUuid(rpc, uuid), defined);
    assertEquals(await domains.byName(rpc, "probe"), defined);
    assertEquals(await domains.byName(rpc, "nope"), undefined);
    assertEquals(await domains.list(rpc), [defined]);
    assertEquals(await domains.state(rpc, defined), domains.domainState.off);
    await domains.setVcpus(rpc, defined, { count: 3, where: domains.affect.config, maximum: true });
    await domains.setVcpus(rpc, defined, { count: 1, where: domains.affect.config });
    await domains.setMemory(rpc, defined, { kib: 256 * 1024, where: domains.affect.config, maximum: true });
    await domains.setMemory(rpc, defined, { kib: 128 * 1024, where: domains.affect.config });
    const text = await domains.xml(rpc, defined, "inactive");
    assertStringIncludes(text, "<vcpu placement='static' current='1'>3</vcpu>");
    assertStringIncludes(text, "<currentMemory unit='KiB'>131072</currentMemory>");
    const [row] = await domains.allStats(
      rpc,
      [defined],
      domains.stats.state | domains.stats.block | domains.stats.vcpu,
    );
    assertEquals(row?.params.get("state.state"), domains.domainState.off);
    const plain = await domains.xml(rpc, defined, "definition");
    await limits(rpc, defined);
    // Without control groups it would not start with them.
    await domains.define(rpc, plain, 'define domain "probe"');
  });
  await t.step("domain while it runs", async () => {
    const domain = await domains.byUuid(rpc, uuid);
    assert(domain);
    await domains.start(rpc, domain);
    assertEquals(await domains.state(rpc, domain), domains.domainState.running);
    await domains.suspend(rpc, domain);
    assertEquals(await domains.state(rpc, domain), domains.domainState.paused);
    await domains.resume(rpc, domain);
    await domains.setVcpus(rpc, domain, { count: 2, where: domains.affect.live | domains.affect.config });
    await domains.setMemory(rpc, domain, { kib: 160 * 1024, where: domains.affect.live | domains.affect.config });
    await domains.resizeBlock(rpc, domain, { target: "vda", bytes: 256 * 1024 * 1024 });
    await domains.changeDevice(rpc, domain, {
      how: "Attach",
      device:
        "<interface type='network'><source network='default'/><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>",
      where: 3,
    });
    assertStringIncludes(await domains.xml(rpc, domain, "current"), "52:54:00:00:00:02");
    const rows = await domains.allStats(rpc, [], domains.stats.state | domains.stats.block | domains.stats.vcpu);
    assertEquals(rows[0]?.params.get("block.0.capacity"), 256 * 1024 * 1024);
    assertEquals(await domains.addresses(rpc, domain, "lease"), []);
    const silent = await assertRejects(() => domains.agentInfo(rpc, domain), LibvirtError);
    assertEquals(silent.class, "Retryable");
    await domains.setAgentTimeout(rpc, domain, 2);
    await copyOfDisk(rpc, domain);
    await domains.shutdown(rpc, domain, "acpi");
    await domains.reboot(rpc, domain, "acpi");
    await domains.reset(rpc, domain);
    await withAgent(rpc, domain);
    await domains.destroy(rpc, domain);
    const off = await assertRejects(() => domains.destroy(rpc, domain), LibvirtError);
    assertEquals([off.class, off.reason, off.code], ["Conflict", "PowerState", errorCode.operationInvalid]);
    await snapshotCalls(rpc, domain);
    await domains.undefine(rpc, domain);
    const gone = await assertRejects(() => domains.state(rpc, domain), LibvirtError);
    assertEquals([gone.class, gone.code], ["NotFound", errorCode.noDomain]);
    assertEquals(await host.virsh("list", "--all", "--name"), "");
  });
  await t.step("a request that libvirt refuses names what was being done", async () => {
    const error = await assertRejects(
      () => domains.define(rpc, "<domain><broken></domain>", 'define domain "broken"'),
      LibvirtError,
    );
    assertEquals(error.class, "InvalidSpec");
    assertStringIncludes(error.message, 'define domain "broken"');
  });
}

/** Limits and metadata; this host has no control groups, which limits of a running domain's CPUs and memory need. */
async function limits(rpc: Rpc, domain: DomainRef): Promise<void> {
  const { config, live } = domains.affect;
  await tuning.setScheduler(rpc, domain, [
    { field: "cpu_shares", type: "ullong", value: 512 },
    { field: "global_quota", type: "llong", value: 50_000 },
  ], config);
  await tuning.setMemoryLimits(rpc, domain, [{ field: "hard_limit", type: "ullong", value: 1 << 20 }], config);
  const params = [{ field: "total_iops_sec", type: "ullong", value: 300 }] as const;
  await tuning.setBlockLimits(rpc, domain, { target: "vda", params, where: config });
  const mark = { namespace: "urn:probe", prefix: "probe" };
  await domains.setMetadata(rpc, domain, { ...mark, content: "<owner>me &amp; you</owner>" });
  const text = await domains.xml(rpc, domain, "inactive");
  for (
    const part of ["<shares>512<", "<global_quota>50000<", "<hard_limit unit='KiB'>1048576<", "<total_iops_sec>300<"]
  ) {
    assertStringIncludes(text, part);
  }
  assertStringIncludes(text, "me &amp; you</probe:owner>");
  await domains.setMetadata(rpc, domain, { ...mark, content: undefined });
  assertEquals((await domains.xml(rpc, domain, "inactive")).includes("urn:probe"), false);
  const off = await assertRejects(
    () => tuning.setScheduler(rpc, domain, [{ field: "cpu_shares", type: "ullong", value: 2 }], live),
    LibvirtError,
  );
  assertEquals([off.class, off.code], ["Conflict", errorCode.operationInvalid]);
  const unknown = await assertRejects(
    () => tuning.setMemoryLimits(rpc, domain, [{ field: "wishes", type: "ullong", value: 3 }], config),
    LibvirtError,
  );
  assertEquals(unknown.code, errorCode.argumentUnsupported);
}

/** A copy of a running domain's disk by QEMU; one that is broken off; and none at all. */
async function copyOfDisk(rpc: Rpc, domain: DomainRef): Promise<void> {
  assertEquals(await jobs.backupXml(rpc, domain), undefined);
  assertEquals((await jobs.stats(rpc, domain, "current")).type, jobs.jobType.none);
  await jobs.abort(rpc, domain);
  const { live } = domains.affect;
  const limit = (value: number) =>
    tuning.setBlockLimits(rpc, domain, {
      target: "vda",
      params: [{ field: "total_bytes_sec", type: "ullong", value }],
      where: live,
    });
  const pool = await storage.pool(rpc, "default");
  assert(pool);
  const description = "<volume><name>copy.qcow2</name><capacity>268435456</capacity>" +
    "<target><format type='qcow2'/></target></volume>";
  const copy = await storage.create(rpc, pool, { name: "copy.qcow2", description });
  const path = await storage.path(rpc, copy);
  const ended = async (): Promise<number> => {
    const over = async () => (await jobs.stats(rpc, domain, "current")).type === jobs.jobType.none;
    await until("the copy to end", over, { transient: () => false });
    return (await jobs.stats(rpc, domain, "completed")).type;
  };
  // So slow that it cannot be over before it is looked at.
  await limit(1_000_000);
  await jobs.beginBackup(rpc, domain, backupXml([{ target: "vda", path }]));
  assertEquals(readBackupFiles(await jobs.backupXml(rpc, domain) ?? ""), [path]);
  const going = await jobs.stats(rpc, domain, "current");
  assertEquals(going.params.get("disk_total"), 268_435_456);
  await jobs.abort(rpc, domain);
  await limit(0);
  assertEquals(await ended(), jobs.jobType.cancelled);
  await jobs.beginBackup(rpc, domain, backupXml([{ target: "vda", path }]));
  assertEquals(await ended(), jobs.jobType.completed);
  assert((await storage.info(rpc, copy)).capacity === 268_435_456);
  await storage.remove(rpc, copy);
}

/** Calls that the guest has to answer; it has just been reset. */
async function withAgent(rpc: Rpc, domain: DomainRef): Promise<void> {
  const network = "<interface type='network'><mac address='52:54:00:00:00:02'/><source network='default'/></interface>";
  const { config } = domains.affect;
  const unplugged = network.replace("</interface>", "<link state='down'/></interface>");
  await domains.changeDevice(rpc, domain, { how: "Update", device: unplugged, where: config });
  assertStringIncludes(await domains.xml(rpc, domain, "inactive"), "<link state='down'/>");
  await domains.changeDevice(rpc, domain, { how: "Detach", device: network, where: config });
  const ping = JSON.stringify({ execute: "guest-ping" });
  const transient = (error: unknown) => error instanceof LibvirtError && error.class === "Retryable";
  const answer = await until("the agent", () => agents.command(rpc, domain, ping), { transient });
  assertEquals(JSON.parse(answer), { return: {} });
  assert((await domains.agentInfo(rpc, domain)).get("hostname"));
  assert(await agents.freeze(rpc, domain) > 0);
  assert(await agents.thaw(rpc, domain) > 0);
}

async function snapshotCalls(rpc: Rpc, domain: DomainRef): Promise<void> {
  assertEquals(await snapshots.current(rpc, domain), undefined);
  const made = await snapshots.create(rpc, domain, "<domainsnapshot><name>one</name></domainsnapshot>");
  assertEquals((await snapshots.byName(rpc, domain, "one"))?.name, made.name);
  assertEquals(await snapshots.byName(rpc, domain, "two"), undefined);
  assertEquals((await snapshots.list(rpc, domain)).map((each) => each.name), ["one"]);
  assertEquals((await snapshots.current(rpc, domain))?.name, "one");
  assertStringIncludes(await snapshots.xml(rpc, made), "<name>one</name>");
  await snapshots.revert(rpc, made, 0);
  await snapshots.remove(rpc, made);
  await snapshots.remove(rpc, made);
}
