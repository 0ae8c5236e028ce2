import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, releaseRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { elements, find, parseXml, textOf } from "./domain_xml/element.ts";
import { LibvirtProvider } from "./provider.ts";
import { controlGroups, hasControlGroups } from "./testing/control_groups.ts";
import { callContext, describeOrFail, machine, made, operation } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "settings of machines on a real host", libvirtRig);
const context = callContext();
const { hardware } = machine("x");

Deno.test({ name: "settings of machines, at birth and later", ignore }, async (t) => {
  await using host = await startHypervisor();
  const canLimit = await hasControlGroups();
  await using _groups = canLimit ? await controlGroups(host) : { async [Symbol.asyncDispose]() {} };
  await onHost(t, host, { canLimit, hasSpice: true, tagsBridges: false });
});

const withoutTrixie = await skipWithout("libvirt provider", "settings on libvirt 11", libvirtRig, releaseRig("trixie"));

Deno.test({ name: "settings of machines on libvirt 11 with QEMU 10", ignore: withoutTrixie }, async (t) => {
  await using host = await startHypervisor({ release: "trixie" });
  await onHost(t, host, { canLimit: false, hasSpice: false, tagsBridges: true });
});

/** In what the hosts differ. */
interface Abilities {
  readonly canLimit: boolean;
  /** Debian builds QEMU without it since 13. */
  readonly hasSpice: boolean;
  /** Gives VLANs to ports of Linux bridges. */
  readonly tagsBridges: boolean;
}

async function onHost(t: Deno.TestContext, host: Hypervisor, abilities: Abilities): Promise<void> {
  let password: Secret<string> | undefined;
  await using provider = new LibvirtProvider({
    endpoint: `qemu:///system?socket=${host.socketPath}`,
    version: "test",
    graphicsPassword: () => password,
  });
  const xml = async (uid: string, ...flags: string[]) => parseXml(await host.virsh("dumpxml", uid, ...flags));
  const make = async (name: string, change: Partial<MachineSpec>, powerOn = true): Promise<[string, MachineSpec]> => {
    const spec = machine(name, { image: { type: "Blank" }, guestInit: undefined, ...change } as Partial<MachineSpec>);
    return [await made(provider, spec, { powerOn }), spec];
  };
  const change = async (uid: string, spec: MachineSpec): Promise<readonly string[]> => {
    const { needsPowerCycle } = await provider.reconfigure({ operation: operation(uid), vmId: uid, spec }, context);
    assertEquals((await describeOrFail(provider, uid)).pendingPowerCycle.toSorted(), needsPowerCycle.toSorted());
    const again = await provider.reconfigure({ operation: operation(uid), vmId: uid, spec }, context);
    assertEquals(again.needsPowerCycle.toSorted(), needsPowerCycle.toSorted(), "asked twice, answered differently");
    return needsPowerCycle.toSorted();
  };
  const power = (uid: string, op: "On" | "Off") =>
    provider.power({ operation: operation(uid), vmId: uid, op }, context);
  const end = (uid: string) => provider.delete({ operation: operation(uid), vmId: uid }, context);
  const limits = (given: MachineSpec["hardware"]["limits"]): MachineSpec["hardware"] => ({
    ...hardware,
    ...(given === undefined ? {} : { limits: given }),
  });
  const extra = (extraConfig: Record<string, string>, more = {}): MachineSpec["hardware"] => ({
    ...hardware,
    ...more,
    extraConfig,
  });

  await t.step({
    name: "limits hold the running machine, change under it, and go",
    ignore: !abilities.canLimit,
    fn: async () => {
      // A limit of memory from birth on makes libvirt raise the limit of locked memory, which a container may not.
      const first = { cpuShares: 512, cpuLimitMhz: 500 };
      const [uid, spec] = await make("limited", { hardware: limits(first) });
      const scheduler = async () => {
        const lines = (await host.virsh("schedinfo", uid)).split("\n").map((line) => line.split(/\s*: /));
        return Object.fromEntries(lines);
      };
      const mhz = Number(/CPU frequency: +(\d+)/.exec(await host.virsh("nodeinfo"))?.[1]);
      const quota = (limit: number) => `${Math.round(limit / mhz * 100_000)}`;
      assertEquals((await scheduler())["cpu_shares"], "512");
      assertEquals((await scheduler())["global_quota"], quota(500));

      const second = { cpuShares: 600, cpuLimitMhz: 800, memoryLimitMib: 512 };
      assertEquals(await change(uid, { ...spec, hardware: limits(second) }), []);
      assertEquals((await scheduler())["cpu_shares"], "600");
      assertEquals((await scheduler())["global_quota"], quota(800));
      assertStringIncludes(await host.virsh("memtune", uid), `hard_limit     : ${Math.ceil(512 * 1.02 + 256) * 1024}`);
      assertEquals(textOf(find(await xml(uid, "--inactive"), "cputune", "shares")), "600");

      assertEquals(await change(uid, { ...spec, hardware }), ["hardware.limits.cpuShares"]);
      assertStringIncludes(await host.virsh("memtune", uid), "hard_limit     : unlimited");
      assertEquals(find(await xml(uid, "--inactive"), "cputune"), undefined);
      assertEquals(find(await xml(uid, "--inactive"), "memtune"), undefined);
      await power(uid, "Off");
      assertEquals(await change(uid, { ...spec, hardware }), []);
      await end(uid);
    },
  });

  await t.step("memory that is limited or set aside, all of it", async () => {
    const [uid, spec] = await make("locked", {
      hardware: limits({ memoryReservationMib: 128, memoryLimitMib: 256 }),
    }, false);
    const is = await xml(uid);
    assert(find(is, "memoryBacking", "locked"));
    assertEquals(textOf(find(is, "memtune", "hard_limit")), `${Math.ceil(256 * 1.02 + 256) * 1024}`);
    assertEquals(await change(uid, { ...spec, hardware }), []);
    const then = await xml(uid);
    assertEquals([find(then, "memoryBacking"), find(then, "memtune")], [undefined, undefined]);
    await end(uid);
  });

  await t.step("layout of CPUs and memory, with room to grow", async () => {
    const [uid, spec] = await make("wide", {
      hardware: extra({ "libvirt.cpuCores": "2", "libvirt.cpuThreads": "2", "libvirt.numaNodes": "2" }, {
        cpus: 4,
        memoryMib: 256,
        performance: { cpuHotAdd: true, memoryHotAdd: true },
      }),
    });
    const cpu = find(await xml(uid), "cpu");
    assertEquals(find(cpu, "topology")?.attributes["sockets"], "4");
    assertEquals(
      elements(find(cpu, "numa"), "cell").map(({ attributes }) => [attributes["cpus"], attributes["memory"]]),
      [["0-7", "262144"], ["8-15", "262144"]],
    );
    const { hardware: wide } = spec;
    assertEquals(await change(uid, { ...spec, hardware: { ...wide, cpus: 8, memoryMib: 512 } }), []);
    const flat = extra({ "libvirt.maxCpus": "6", "libvirt.maxMemoryMib": "1024" }, { cpus: 4, memoryMib: 256 });
    assertEquals(await change(uid, { ...spec, hardware: flat }), [
      "hardware.cpus",
      ...["cpuCores", "cpuThreads", "numaNodes"].map((key) => `hardware.extraConfig[libvirt.${key}]`),
    ]);
    await power(uid, "Off");
    assertEquals(await change(uid, { ...spec, hardware: flat }), []);
    const after = await xml(uid);
    assertEquals([textOf(find(after, "vcpu")), textOf(find(after, "memory"))], ["6", `${1024 * 1024}`]);
    assertEquals(find(after, "cpu", "topology"), undefined);
    await power(uid, "On");
    await end(uid);
  });

  await t.step("consoles: kind, address, password, and none", async () => {
    password = new Secret("first123");
    const kind = abilities.hasSpice ? "spice" : "vnc";
    const spice = extra({ "libvirt.graphics": kind, "libvirt.graphicsListen": "0.0.0.0", "libvirt.video": "vga" });
    const [uid, spec] = await make("seen", { hardware: spice });
    const graphics = async (...flags: string[]) => find(await xml(uid, ...flags), "devices", "graphics")?.attributes;
    const is = await graphics("--security-info");
    assertEquals([is?.["type"], is?.["listen"], is?.["passwd"]], [kind, "0.0.0.0", "first123"]);
    assertEquals(find(await xml(uid), "devices", "video", "model")?.attributes["type"], "vga");

    password = new Secret("second12");
    assertEquals(await change(uid, spec), []);
    assertEquals((await graphics("--security-info"))?.["passwd"], "second12");
    assertEquals((await graphics("--security-info", "--inactive"))?.["passwd"], "second12");

    password = undefined;
    assertEquals(await change(uid, { ...spec, hardware: extra({ "libvirt.graphics": "none" }) }), [
      "hardware.extraConfig[libvirt.graphics]",
      "hardware.extraConfig[libvirt.video]",
    ]);
    await power(uid, "Off");
    assertEquals(await graphics(), undefined);
    await power(uid, "On");
    await end(uid);
  });

  await t.step("disks on SCSI controllers of their own, and on other buses", async () => {
    const disks: MachineSpec["disks"] = [
      { name: "a", sizeGib: 1, scsi: { controller: 2, controllerType: "pvscsi" } },
      { name: "b", sizeGib: 1, scsi: { controller: 2, controllerType: "pvscsi" } },
      { name: "c", sizeGib: 1, scsi: { controller: 0, controllerType: "lsilogic" } },
      { name: "d", sizeGib: 1 },
    ];
    const [uid, spec] = await make("scsi", { disks, hardware: extra({ "libvirt.diskBus": "scsi" }) });
    const places = async () => {
      const devices = find(await xml(uid), "devices");
      const controllers = new Map(
        elements(devices, "controller").filter(({ attributes }) => attributes["type"] === "scsi")
          .map(({ attributes }) => [attributes["index"], attributes["model"]]),
      );
      return elements(devices, "disk").map((disk) => {
        const { controller, target, unit } = find(disk, "address")?.attributes ?? {};
        return [find(disk, "alias")?.attributes["name"], controllers.get(controller), target, unit].join(" ");
      });
    };
    const before = [
      "ua-disk-root virtio-scsi 1 0",
      "ua-disk-a vmpvscsi 0 0",
      "ua-disk-b vmpvscsi 1 0",
      "ua-disk-c lsilogic 0 0",
      "ua-disk-d virtio-scsi 2 0",
    ];
    assertEquals((await places()).toSorted(), before.toSorted());
    const more: MachineSpec["disks"] = [
      ...disks,
      { name: "e", sizeGib: 1, scsi: { controller: 0, controllerType: "lsilogic" } },
      { name: "f", sizeGib: 1, scsi: { controller: 1, controllerType: "lsilogic-sas" } },
      { name: "g", sizeGib: 1 },
    ];
    assertEquals(await change(uid, { ...spec, disks: more }), []);
    const now = [
      ...before,
      "ua-disk-e lsilogic 0 1",
      "ua-disk-f lsisas1068 0 0",
      "ua-disk-g virtio-scsi 3 0",
    ];
    assertEquals((await places()).toSorted(), now.toSorted());
    const moved = more.map((disk) => disk.name === "a" ? { name: "a", sizeGib: 1 } : disk);
    const move = () => change(uid, { ...spec, disks: moved });
    assertEquals((await assertRejects(move, ProviderError)).field, "disks[a].scsi");
    await power(uid, "Off");
    await power(uid, "On");
    assertEquals((await places()).toSorted(), now.toSorted());
    await end(uid);
  });

  await t.step("I/O limits change while the machine runs, cache waits", async () => {
    const [uid, spec] = await make("io", { rootDisk: { sizeGib: 1, iops: 500 }, disks: [{ name: "a", sizeGib: 1 }] });
    const iops = async (target: string, ...flags: string[]) =>
      /total_iops_sec : (\d+)/.exec(await host.virsh("blkdeviotune", uid, target, ...flags))?.[1];
    const wish: MachineSpec = {
      ...spec,
      rootDisk: { sizeGib: 1 },
      disks: [{ name: "a", sizeGib: 1, iops: 300 }],
      hardware: extra({ "libvirt.diskCache": "none" }),
    };
    assertEquals(await change(uid, wish), ["hardware.extraConfig[libvirt.diskCache]"]);
    for (const flag of ["--live", "--config"]) {
      assertEquals([await iops("vda", flag), await iops("vdb", flag)], ["0", "300"]);
    }
    await power(uid, "Off");
    await power(uid, "On");
    const argv = await host.sh(["ps", "-e", "-ww", "-o", "args"]);
    assertStringIncludes(argv.split("\n").find((line) => line.includes("guest=io,")) ?? "", '"direct":true');
    assertEquals(await change(uid, wish), []);
    await end(uid);
  });

  await t.step("cards: what can change under the guest does, the rest waits", async () => {
    const lan = { name: "lan", addresses: [], backing: { type: "Network", network: "default" } } as const;
    const [uid, spec] = await make("wired", {
      nics: [{
        ...lan,
        mtu: 1400,
        driver: { queues: 2 },
        extra: { txMode: "timer", ioEventFd: "true", eventIdx: "false" },
      }],
    });
    const card = async (...flags: string[]) => find(await xml(uid, ...flags), "devices", "interface");
    const driver = find(await card(), "driver")?.attributes;
    assertEquals(driver, { txmode: "timer", ioeventfd: "on", event_idx: "off", queues: "2" });
    assertEquals(find(await card(), "mtu")?.attributes["size"], "1400");

    await host.sh(["tee", "/root/filter.xml"], { input: "<filter name='guarded' chain='root'/>" });
    await host.virsh("nwfilter-define", "/root/filter.xml");
    const filter = { name: "guarded", parameters: { IP: "192.168.122.77" } };
    const guarded = { ...spec, nics: [{ ...spec.nics[0] ?? lan, filter }] };
    assertEquals(await change(uid, guarded), []);
    assertEquals(find(await card(), "filterref", "parameter")?.attributes["value"], "192.168.122.77");
    assertEquals(find(await card("--inactive"), "filterref")?.attributes["filter"], "guarded");

    // The rig's kernel may lack what libvirt has it shape traffic with; then the error tells what it was asked for.
    const slow = { ...spec, nics: [{ ...spec.nics[0] ?? lan, qos: { egressKbps: 800 } }] };
    const slowed = await change(uid, slow).catch((error) => String(error));
    assert(typeof slowed !== "string" || slowed.includes("rate 100kbps"), String(slowed));

    const other = { ...spec, nics: [{ ...lan, model: "e1000", mtu: 1300 }] };
    assertEquals(await change(uid, other), ["nics[lan]"]);
    await power(uid, "Off");
    assertEquals(await change(uid, other), []);
    await power(uid, "On");
    const now = await card();
    assertEquals([find(now, "model")?.attributes["type"], find(now, "mtu")?.attributes["size"]], ["e1000", "1300"]);
    assertEquals([find(now, "driver"), find(now, "filterref")], [undefined, undefined]);
    await end(uid);
  });

  await t.step("bandwidth and VLANs are written, VLANs only where there are any", async () => {
    await host.sh(["tee", "/root/ovs.xml"], {
      input:
        "<network><name>ovs</name><forward mode='bridge'/><bridge name='ovsbr0'/><virtualport type='openvswitch'/></network>",
    });
    await host.virsh("net-define", "/root/ovs.xml");
    await host.virsh("net-start", "ovs");
    const ovs = { name: "lan", addresses: [], backing: { type: "Network", network: "ovs" }, vlan: 7 } as const;
    const qos = { ingressKbps: 8000, egressKbps: 12 };
    const [uid, spec] = await make("tagged", { nics: [{ ...ovs, qos, extra: { trunkVlans: "8,9" } }] }, false);
    const card = find(await xml(uid), "devices", "interface");
    assertEquals(elements(find(card, "vlan"), "tag").map(({ attributes }) => attributes["id"]), ["7", "8", "9"]);
    assertEquals(find(card, "bandwidth", "inbound")?.attributes["average"], "1000");
    assertEquals(find(card, "bandwidth", "outbound")?.attributes["average"], "2");
    assertEquals(await change(uid, { ...spec, nics: [ovs] }), []);
    assertEquals(find(await xml(uid), "devices", "interface", "bandwidth"), undefined);
    await end(uid);
    const bridged = { ...ovs, backing: { type: "Bridge", bridge: "vlans0" } } as const;
    const nat = { ...ovs, backing: { type: "Network", network: "default" } } as const;
    for (const nic of abilities.tagsBridges ? [nat] : [nat, bridged]) {
      const error = await assertRejects(() => make("untagged", { nics: [nic] }), ProviderError);
      assertEquals([error.class, error.field], ["NotSupported", "nics[lan].vlan"]);
    }
    if (!abilities.tagsBridges) return;
    // Not every kernel can filter VLANs on a bridge; on the others the card is written and not plugged in.
    const filters = await host.sh(["ip", "link", "add", "vlans0", "type", "bridge", "vlan_filtering", "1"])
      .then(() => host.sh(["ip", "link", "set", "vlans0", "up"])).then(() => true, () => false);
    const [running] = await make("bridged", { nics: [{ ...bridged, extra: { trunkVlans: "8,9" } }] }, filters);
    const port = find(await xml(running), "devices", "interface");
    assertEquals(elements(find(port, "vlan"), "tag").map(({ attributes }) => attributes["id"]), ["7", "8", "9"]);
    if (filters) {
      const name = find(port, "target")?.attributes["dev"] ?? "";
      const tags = await host.sh(["bridge", "-c", "vlan", "show", "dev", name]);
      for (const tag of ["7 PVID", "8", "9"]) assertStringIncludes(tags, tag);
    }
    await end(running);
  });

  await t.step("tags and machine type of a machine that runs", async () => {
    const [uid, spec] = await make("tags", { tags: ["a"] });
    assertEquals(await change(uid, { ...spec, tags: ["b", "<c/>"] }), []);
    for (const flags of [[], ["--inactive"]]) {
      const mark = elements(find(await xml(uid, ...flags), "metadata")).find(({ name }) => name.endsWith(":machine"));
      assertEquals(elements(mark).map(textOf), ["b", "<c/>"]);
      assertEquals(mark?.attributes["owner-uid"], uid);
    }
    assertEquals(
      await change(uid, { ...spec, tags: ["b", "<c/>"], hardware: extra({ "libvirt.machine": "q35" }) }),
      [],
    );
    const pc = () => change(uid, { ...spec, tags: ["b", "<c/>"], hardware: extra({ "libvirt.machine": "pc" }) });
    assertEquals((await assertRejects(pc, ProviderError)).field, "hardware.extraConfig[libvirt.machine]");
    await end(uid);
  });

  await t.step("what the host does not have is refused before anything is made", async () => {
    const volumes = await host.virsh("vol-list", host.pool);
    const table: readonly (readonly [hardware: MachineSpec["hardware"], field: string])[] = [
      [extra({ "libvirt.machine": "microvm9" }), "hardware.extraConfig[libvirt.machine]"],
      [extra({ "libvirt.domainType": "kvm" }), "hardware.extraConfig[libvirt.domainType]"],
      [extra({ "libvirt.cpuMode": "host-passthrough" }), "hardware.extraConfig[libvirt.cpuMode]"],
      [extra({ "libvirt.diskBus": "ide" }), "hardware.extraConfig[libvirt.diskBus]"],
      [{ ...hardware, performance: { nestedVirtualization: true } }, "hardware.performance.nestedVirtualization"],
      [
        {
          ...hardware,
          firmware: "UEFI",
          security: { secureBoot: true },
          performance: { virtualizationBasedSecurity: true },
        },
        "hardware.performance.virtualizationBasedSecurity",
      ],
      [{ ...hardware, gpu: { count: 1, type: "1af4-1042" } }, "hardware.gpu"],
    ];
    for (const [wish, field] of table) {
      const error = await assertRejects(() => make("refused", { hardware: wish }), ProviderError);
      assertEquals([error.class, error.field], ["NotSupported", field]);
      assert(error.message.includes("host"), error.message);
    }
    const nics = [{ name: "lan", addresses: [], filter: { name: "nobody-wrote-it", parameters: {} } }];
    const filter = await assertRejects(() => make("refused", { nics }), ProviderError);
    assertEquals([filter.reason, filter.field], ["DependencyMissing", "nics[lan].filter"]);
    assertEquals(await host.virsh("vol-list", host.pool), volumes);
  });
}
