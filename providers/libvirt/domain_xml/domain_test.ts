import { assert, assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { type DomainPlan, domainXml } from "./build.ts";
import { readHostGuests } from "./capabilities.ts";
import { isOnBlock } from "./devices.ts";
import { elements, find, parseXml } from "./element.ts";
import { readDomain } from "./read.ts";

const platform = {
  arch: "x86_64",
  domainType: "qemu",
  machine: "q35",
  emulator: "/usr/bin/qemu-system-x86_64",
} as const;
const plan: DomainPlan = {
  uuid: "11111111-2222-4333-8444-555555555555",
  name: "web",
  mark: {
    ownerUid: "11111111-2222-4333-8444-555555555555",
    owner: "shop/web",
    guestInitDigest: "abc",
    tags: ["a b", "<c>"],
  },
  platform,
  size: { cpus: { current: 2, max: 8 }, memoryMib: { current: 512, max: 1024 } },
  settings: new Map(),
  firmware: "BIOS",
  disks: [
    { name: "root", path: "/pool/root.qcow2", format: "qcow2", place: { bus: "virtio", target: "vda" } },
    {
      name: "data",
      path: "/pool/a&b.qcow2",
      format: "qcow2",
      place: { bus: "virtio", target: "vdb" },
      iops: 100,
    },
    {
      name: "logs",
      path: "/dev/vg/logs",
      block: true,
      format: "raw",
      place: { bus: "virtio", target: "vdc" },
    },
  ],
  controllers: [],
  hostDevices: [],
  seedPath: "/pool/seed.iso",
  nics: [
    { name: "lan", mac: "52:54:00:00:00:01", addresses: [], mtu: 1400 },
    {
      name: "dmz",
      mac: "52:54:00:00:00:02",
      addresses: [],
      model: "e1000",
      backing: { type: "Bridge", bridge: "br0" },
    },
  ],
  defaultNetwork: "default",
};

Deno.test("a domain is read back as it was planned", () => {
  const view = readDomain(domainXml(plan));
  assertEquals([view.name, view.uuid, view.domainType, view.arch, view.machine], [
    "web",
    plan.uuid,
    "qemu",
    "x86_64",
    "q35",
  ]);
  assertEquals(view.mark, plan.mark);
  assertEquals(view.cpus, plan.size.cpus);
  assertEquals(view.memoryKib, { current: 512 * 1024, max: 1024 * 1024 });
  assertEquals(view.firmware, "BIOS");
  assertEquals(view.disks.map((disk) => [disk.name, disk.target, disk.source, disk.format, disk.iops]), [
    ["root", "vda", "/pool/root.qcow2", "qcow2", undefined],
    ["data", "vdb", "/pool/a&b.qcow2", "qcow2", 100],
    ["logs", "vdc", "/dev/vg/logs", "raw", undefined],
  ]);
  assertEquals(view.disks.map(({ element }) => isOnBlock(element)), [false, false, true]);
  assertEquals(view.nics.map((nic) => [nic.name, nic.mac, nic.backing]), [
    ["lan", "52:54:00:00:00:01", { type: "network", name: "default" }],
    ["dmz", "52:54:00:00:00:02", { type: "bridge", name: "br0" }],
  ]);
  assertEquals(view.agent, "Disconnected");
});

Deno.test("the seed is on virtio-scsi, where the kernels of cloud images see it", () => {
  const devices = find(parseXml(domainXml(plan)), "devices");
  const seed = elements(devices, "disk").find((disk) => disk.attributes["device"] === "cdrom");
  assertEquals(find(seed, "target")?.attributes["bus"], "scsi");
  assert(elements(devices, "controller").some((controller) => controller.attributes["model"] === "virtio-scsi"));
});

Deno.test("a q35 machine has ports left for devices to come; pc needs none", () => {
  const ports = (machine: string) =>
    elements(find(parseXml(domainXml({ ...plan, platform: { ...platform, machine } })), "devices"), "controller")
      .filter((controller) => controller.attributes["model"] === "pcie-root-port").length;
  assertEquals(ports("q35"), 5 + plan.disks.length + plan.nics.length + 8);
  assertEquals(ports("pc-i440fx-7.2"), 0);
});

Deno.test("UEFI is without Secure Boot, which would refuse unsigned loaders", () => {
  const root = parseXml(domainXml({ ...plan, firmware: "UEFI" }));
  assertEquals(find(root, "os", "firmware", "feature")?.attributes, { enabled: "no", name: "secure-boot" });
  assertEquals(readDomain(domainXml({ ...plan, firmware: "UEFI" })).firmware, "UEFI");
});

Deno.test("a domain of somebody else has no mark, and its devices go by their own names", () => {
  const view = readDomain(`<domain type='kvm' id='4'><name>x</name><uuid>u</uuid><memory unit='GiB'>1</memory>
    <vcpu>4</vcpu><metadata><o:app xmlns:o='http://other'/></metadata><os><type arch='x86_64' machine='pc'>hvm</type>
    <loader readonly='yes' type='pflash'>/OVMF.fd</loader></os><devices>
    <disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='sda'/></disk>
    <disk type='file' device='cdrom'><target dev='hda'/></disk>
    <interface type='direct'><mac address='AA:BB:CC:00:00:01'/><source dev='eth0'/><link state='down'/></interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>`);
  assertEquals(view.mark, undefined);
  assertEquals(view.cpus, { current: 4, max: 4 });
  assertEquals(view.memoryKib, { current: 1024 * 1024, max: 1024 * 1024 });
  assertEquals(view.firmware, "UEFI");
  assertEquals(view.disks.map((disk) => [disk.name, disk.target, disk.source]), [[undefined, "sda", "p/v"]]);
  assertEquals(view.nics.map((nic) => [nic.name, nic.mac, nic.backing, nic.connected]), [
    [undefined, "aa:bb:cc:00:00:01", undefined, false],
  ]);
  assertEquals(view.agent, "Connected");
});

const host = (domains: string): string =>
  `<capabilities><host><cpu><arch>x86_64</arch></cpu></host>
   <guest><os_type>hvm</os_type><arch name='i686'><machine>pc</machine><domain type='kvm'/></arch></guest>
   <guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/qemu</emulator>
   <machine>pc</machine><machine canonical='pc-q35-7.2'>q35</machine>${domains}</arch></guest></capabilities>`;

Deno.test("KVM is taken where the host offers it, emulation where it does not, and nothing else", () => {
  const expected = { arch: "x86_64", machine: "q35", emulator: "/qemu" };
  const both = readHostGuests(host("<domain type='qemu'/><domain type='kvm'/>"));
  assertEquals(both, {
    platform: { ...expected, domainType: "kvm" },
    domainTypes: ["qemu", "kvm"],
    machines: ["pc", "q35", "pc-q35-7.2"],
  });
  assertEquals(readHostGuests(host("<domain type='qemu'/>")).platform, { ...expected, domainType: "qemu" });
  for (const none of [host(""), "<capabilities/>"]) {
    assertEquals(assertThrows(() => readHostGuests(none), ProviderError).class, "NotSupported");
  }
});
