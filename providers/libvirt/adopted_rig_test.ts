import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { type Hypervisor, libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { elements, find, parseXml, serializeXml, textOf, type XmlElement } from "./domain_xml/element.ts";
import { callContext, describeOrFail, machine, operation, providerFor, volumesOf } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "machines that others have made", libvirtRig);
const UUID = "0a0b0c0d-1111-4222-8333-444455556666";

/** What somebody built by hand over the years. */
const unusual = `<domain type='qemu'><name>legacy</name><uuid>${UUID}</uuid><title>Billing, do not touch</title>
  <description>&lt;b&gt;since 2011&lt;/b&gt;</description>
  <metadata><o:app xmlns:o='http://other/app'><o:owner mail='a@b'>ops &amp; co</o:owner></o:app></metadata>
  <memory unit='MiB'>256</memory><currentMemory unit='MiB'>128</currentMemory><vcpu current='1'>4</vcpu><iothreads>1</iothreads>
  <sysinfo type='smbios'><system><entry name='serial'>S-42</entry></system></sysinfo>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/><boot dev='cdrom'/><bootmenu enable='yes' timeout='3000'/><smbios mode='sysinfo'/></os>
  <features><acpi/><apic/><pae/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model><topology sockets='2' cores='2' threads='1'/>
  <numa><cell id='0' cpus='0-1' memory='160' unit='MiB'/><cell id='1' cpus='2-3' memory='96' unit='MiB'/></numa></cpu>
  <clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/></clock><on_crash>preserve</on_crash>
  <devices>
  <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='writeback' iothread='1'/><source file='/var/lib/libvirt/images/tiny.qcow2'/><target dev='vda' bus='virtio'/><serial>OLD-1</serial></disk>
  <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>
  <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
  <controller type='virtio-serial' index='0' ports='8'/>
  <interface type='network'><source network='default'/><mac address='52:54:00:0c:0c:01'/><model type='ne2k_pci'/><link state='down'/></interface>
  <interface type='user'><mac address='52:54:00:0c:0c:02'/><model type='rtl8139'/></interface>
  <serial type='file'><source path='/var/log/libvirt/legacy.log'/></serial>
  <channel type='unix'><target type='virtio' name='com.example.own'/></channel>
  <input type='tablet' bus='usb'/><sound model='ac97'/><watchdog model='ib700' action='poweroff'/>
  <graphics type='vnc' port='-1' autoport='yes' passwd='hushhush'/>
  <graphics type='spice' autoport='yes' passwd='hush2'><listen type='address' address='127.0.0.1'/></graphics>
  <video><model type='cirrus'/></video><hub type='usb'/><memballoon model='virtio'><stats period='10'/></memballoon>
  <rng model='virtio'><rate bytes='1234' period='2000'/><backend model='random'>/dev/urandom</backend></rng></devices></domain>`;

/** The stored description with its passwords. */
const stored = async (host: Hypervisor) => parseXml(await host.virsh("dumpxml", UUID, "--inactive", "--security-info"));

const flat = (each: XmlElement): string => serializeXml(each).replace(/>\s+</g, "><");

/**
 * All of it but for what may change: numbers of CPUs and memory, and devices that bear our names. libvirt puts the disks
 * in an order of its own.
 */
function withoutOurs(domain: XmlElement): string[] {
  const others = elements(domain).flatMap((child) => {
    if (child.name === "vcpu") return [flat({ ...child, attributes: { ...child.attributes, current: "" } })];
    if (child.name === "devices") return [];
    return child.name === "vcpus" || child.name === "currentMemory" ? [] : [flat(child)];
  });
  const devices = elements(find(domain, "devices")).filter((device) =>
    find(device, "alias")?.attributes["name"]?.startsWith("ua-") !== true
  );
  return [...others, ...devices.map(flat).toSorted()];
}

Deno.test(
  { name: "a machine that somebody else has made keeps everything that the wish does not name", ignore },
  async (t) => {
    await using host = await startHypervisor();
    await using provider = providerFor(host);
    await host.sh(["tee", "/root/legacy.xml"], { input: unusual });
    await host.virsh("define", "/root/legacy.xml");
    const before = await stored(host);
    const adopted: MachineSpec = {
      ...machine("legacy", { image: { type: "Blank" }, disks: [], nics: [], tags: [] }),
      rootDisk: {},
      hardware: { cpus: 1, memoryMib: 128, firmware: "BIOS" },
    };
    const { guestInit, ...spec } = adopted;
    const change = async (wish: MachineSpec) =>
      (await provider.reconfigure({ operation: operation("u"), vmId: UUID, spec: wish }, callContext()))
        .needsPowerCycle;

    await t.step("nothing, when nothing is asked for", async () => {
      assertEquals(await change(spec), []);
      assertEquals(serializeXml(await stored(host)), serializeXml(before));
    });

    const grown: MachineSpec = {
      ...spec,
      hardware: { ...spec.hardware, cpus: 2, memoryMib: 192 },
      disks: [{ name: "extra", sizeGib: 1 }, { name: "old", sizeGib: 1, scsi: { controllerType: "lsilogic" } }],
      nics: [{ name: "lan", addresses: [], backing: { type: "Network", network: "default" } }],
    };
    await t.step("its own parts, while it is off", async () => {
      assertEquals(await change(grown), []);
      const after = await stored(host);
      assertEquals(withoutOurs(after), withoutOurs(before));
      assertEquals([find(after, "vcpu")?.attributes["current"], textOf(find(after, "currentMemory"))], ["2", "196608"]);
      const ours = elements(find(after, "devices")).map((device) => find(device, "alias")?.attributes["name"])
        .filter((alias) => alias !== undefined);
      assertEquals(ours.toSorted(), ["ua-disk-extra", "ua-disk-old", "ua-nic-lan", "ua-scsi-0"]);
    });

    await t.step("its own parts, while it runs", async () => {
      await provider.power({ operation: operation("u"), vmId: UUID, op: "On" }, callContext());
      assertEquals((await describeOrFail(provider, UUID)).pendingPowerCycle, []);
      const limited: MachineSpec = {
        ...grown,
        hardware: { ...grown.hardware, memoryMib: 160, extraConfig: { "libvirt.video": "vga" } },
        disks: grown.disks.slice(0, 1),
      };
      assertEquals(await change(limited), ["hardware.extraConfig[libvirt.video]"]);
      const vm = await describeOrFail(provider, UUID);
      assert(vm.pendingPowerCycle.includes("hardware.extraConfig[libvirt.video]"));
      const kept = (domain: XmlElement) => withoutOurs(domain).filter((each) => !each.startsWith("<video>"));
      assertEquals(kept(await stored(host)), kept(before));
      assertEquals(find(await stored(host), "devices", "video", "model")?.attributes["type"], "vga");
    });

    await t.step(
      "user-data, once there is some: a drive of its own for the next start, which goes with the machine",
      async () => {
        const follow = async (wish: MachineSpec) => {
          const request = { operation: operation("u"), vmId: UUID, spec: wish, followGuestInit: true };
          return (await provider.reconfigure(request, callContext())).guestInit;
        };
        assertEquals(await follow(grown), "Unchanged");
        assertEquals(await follow({ ...adopted, ...grown, guestInit }), "Replaced");
        assertEquals(await follow({ ...adopted, ...grown, guestInit }), "Unchanged");
        assertEquals((await describeOrFail(provider, UUID)).pendingPowerCycle.includes("guestInit"), true);
        for (const op of ["Off", "On"] as const) {
          await provider.power({ operation: operation("u"), vmId: UUID, op }, callContext());
        }
        assertEquals((await describeOrFail(provider, UUID)).pendingPowerCycle, []);
        assert((await volumesOf(host)).includes(`${UUID}-seed.iso`));
        const kept = (domain: XmlElement) =>
          withoutOurs(domain).filter((each) => !/^<(video|controller)[ >]/.test(each));
        assertEquals(kept(await stored(host)), kept(before));
      },
    );

    await t.step("what would change its layout or needs a mark of ours is refused", async () => {
      for (
        const [wish, field] of [
          [{ ...grown, hardware: { ...grown.hardware, cpus: 5 } }, "hardware.cpus"],
          [{ ...grown, hardware: { ...grown.hardware, memoryMib: 512 } }, "hardware.cpus"],
          [{ ...grown, tags: ["mine"] }, "tags"],
        ] as const
      ) {
        const error = await assertRejects(() => change(wish), ProviderError);
        assertEquals([error.class, error.field], ["NotSupported", field]);
      }
    });

    await t.step("of its volumes only what was made for it goes with it", async () => {
      await provider.delete({ operation: operation("u"), vmId: UUID }, callContext());
      const left = await volumesOf(host);
      assertEquals(left.filter((name) => name.endsWith(".iso")), []);
      assert(left.some((name) => name.includes("extra")));
    });
  },
);
