import { assertEquals } from "@virtrigaud/deps";
import { pendingChanges } from "../pending.ts";
import { find, parseXml, serializeXml } from "./element.ts";
import { readDomain } from "./read.ts";
import { applySettings, readSettings, settings } from "./settings.ts";
import { writeCurrent, writeSize } from "./size.ts";

/** A domain as other tools leave them: several consoles, tuning, metadata and devices that nobody here knows. */
const foreign = `<domain type='kvm'><name>db</name><uuid>u</uuid><title>The &amp; database</title>
  <metadata><o:app xmlns:o='http://other/'><o:x a='1'>text</o:x></o:app></metadata>
  <memory unit='GiB'>2</memory><currentMemory unit='GiB'>1</currentMemory><vcpu placement='static' current='2' cpuset='1-4'>4</vcpu>
  <vcpus><vcpu id='0' enabled='yes'/></vcpus><iothreads>2</iothreads>
  <cputune><shares>300</shares><vcpupin vcpu='0' cpuset='1'/><global_period>50000</global_period><global_quota>25000</global_quota></cputune>
  <memtune><hard_limit unit='KiB'>3000000</hard_limit><soft_limit unit='KiB'>2000000</soft_limit></memtune>
  <memoryBacking><hugepages/><locked/></memoryBacking>
  <cpu mode='host-passthrough' check='none'><topology sockets='2' dies='1' cores='2' threads='1'/><feature policy='disable' name='vmx'/></cpu>
  <devices><disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' iothread='1'/><target dev='vda'/></disk>
  <graphics type='spice' autoport='yes' listen='10.0.0.1'><listen type='address' address='10.0.0.1'/><image compression='off'/></graphics>
  <graphics type='vnc' port='-1'/><video><model type='qxl' ram='65536'/></video><watchdog model='i6300esb' action='reset'/>
  <tpm model='tpm-tis'><backend type='passthrough'/></tpm></devices></domain>`;

Deno.test("writing what is there already changes nothing", () => {
  const root = parseXml(foreign);
  assertEquals(
    [...readSettings(root)].filter(([, value]) => value !== undefined),
    [
      ["hardware.limits.cpuShares", "300"],
      ["hardware.limits.cpuLimitMhz", "50000"],
      ["hardware.limits.memoryLimitMib", "3000000"],
      ["hardware.limits.memoryReservationMib", "all"],
      ["hardware.extraConfig[libvirt.cpuMode]", "host-passthrough"],
      ["hardware.extraConfig[libvirt.graphics]", "spice"],
      ["hardware.extraConfig[libvirt.graphicsListen]", "10.0.0.1"],
      ["hardware.extraConfig[libvirt.video]", "qxl"],
    ],
  );
  assertEquals(applySettings(root, new Map()), root);
});

const values: Readonly<Record<string, string>> = {
  "hardware.limits.memoryReservationMib": "all",
  "hardware.extraConfig[libvirt.cpuMode]": "maximum",
  "hardware.extraConfig[libvirt.graphics]": "vnc",
  "hardware.extraConfig[libvirt.graphicsListen]": "::1",
  "hardware.extraConfig[libvirt.video]": "vga",
  "credentials.graphics-password": "secret",
};

Deno.test("each setting is read as it was written, and touches no other", () => {
  const ours = `<domain type='kvm'><cpu mode='host-model'/><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><alias name='ua-disk-root'/></disk>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><alias name='ua-seed'/></disk>
    <graphics type='spice'/><video><model type='qxl'/></video></devices></domain>`;
  for (const document of [foreign, ours]) {
    for (const { field, read, write } of settings) {
      // The foreign domain has no disk of ours.
      if (document === foreign && field.includes("disk")) continue;
      const value = values[field] ?? "777";
      const before = readSettings(parseXml(document));
      const written = parseXml(serializeXml(write(parseXml(document), value)));
      assertEquals(read(written), value, field);
      const others = [...readSettings(written)].filter(([other]) => other !== field);
      // Another kind of console begins at libvirt's own address.
      const beside = (other: string): boolean => other === field || (/graphics\]/.test(field) && /Listen/.test(other));
      assertEquals(others.filter(([other]) => !beside(other)), [...before].filter(([other]) => !beside(other)), field);
    }
  }
});

Deno.test("a limit that is taken away takes its empty place with it, and nothing else", () => {
  const wish = new Map(settings.filter(({ field }) => field.includes("limits")).map(({ field }) => [field, undefined]));
  const without = applySettings(parseXml(foreign), wish);
  assertEquals(serializeXml(find(without, "cputune") ?? without), `<cputune><vcpupin vcpu="0" cpuset="1"/></cputune>`);
  assertEquals(serializeXml(find(without, "memoryBacking") ?? without), "<memoryBacking><hugepages/></memoryBacking>");
  const alone = parseXml("<domain><memtune><hard_limit unit='KiB'>5</hard_limit></memtune></domain>");
  assertEquals(serializeXml(applySettings(alone, wish)), "<domain/>");
});

Deno.test("a domain gets another size within its room without losing its layout", () => {
  const size = { cpus: { current: 3, max: 4 }, memoryMib: { current: 1500, max: 2048 } };
  const root = writeCurrent(parseXml(foreign), size);
  const { cpus, memoryKib, layout } = readDomain(serializeXml(root));
  assertEquals([cpus, memoryKib], [{ current: 3, max: 4 }, { current: 1500 * 1024, max: 2 * 1024 * 1024 }]);
  assertEquals(layout, { cores: 2, threads: 1, numaNodes: undefined });
  assertEquals(find(root, "vcpu")?.attributes["cpuset"], "1-4");
  assertEquals(find(root, "title"), find(parseXml(foreign), "title"));
});

Deno.test("sockets, cores, threads and nodes add up to the CPUs and the memory that the machine can grow to", () => {
  const size = {
    cpus: { current: 3, max: 12 },
    memoryMib: { current: 1000, max: 1001 },
    topology: { cores: 3, threads: 2 },
    numaNodes: 5,
  };
  const root = writeSize(parseXml(foreign), size);
  assertEquals(find(root, "cpu", "topology")?.attributes, { sockets: "2", cores: "3", threads: "2" });
  const cells = find(root, "cpu", "numa")?.children.flatMap((cell) =>
    typeof cell === "string" ? [] : [cell.attributes]
  );
  assertEquals(cells?.map(({ cpus }) => cpus), ["0-1", "2-3", "4-6", "7-8", "9-11"]);
  assertEquals(cells?.reduce((sum, { memory }) => sum + Number(memory), 0), 1001);
  assertEquals(find(root, "vcpus"), undefined);
});

Deno.test("what waits for a power cycle is named by its field", () => {
  const stored = readDomain(foreign);
  assertEquals(pendingChanges(stored, stored), []);
  const live = readDomain(
    foreign.replace("<shares>300", "<shares>200").replace("spice", "vnc").replace("cores='2'", "cores='1'"),
  );
  assertEquals(pendingChanges(live, stored), [
    "hardware.extraConfig[libvirt.cpuCores]",
    "hardware.limits.cpuShares",
    "hardware.extraConfig[libvirt.graphics]",
  ]);
  const custom = readDomain(foreign.replace("mode='host-passthrough'", "mode='custom'"));
  const left = readDomain(foreign.replace(/<cpu .*<\/cpu>/, ""));
  assertEquals(pendingChanges(custom, { ...left, layout: custom.layout }), [], "a CPU that is left to libvirt");
});
