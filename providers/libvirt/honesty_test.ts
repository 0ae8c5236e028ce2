import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { type MachineSpec, type Nic, ProviderError } from "@virtrigaud/contract";
import { checkSpec } from "./honesty.ts";
import { machine } from "./testing/spec.ts";

const hardware = machine("x").hardware;
const nic = (change: Partial<Nic>): Partial<MachineSpec> => ({ nics: [{ name: "lan", addresses: [], ...change }] });

Deno.test("what is honoured passes", () => {
  checkSpec(machine("web-1.example", {
    hardware: {
      ...hardware,
      firmware: "UEFI",
      performance: {
        cpuHotAdd: true,
        memoryHotAdd: true,
        latencySensitivity: "normal",
        hyperThreading: "auto",
        virtualizationBasedSecurity: true,
      },
      limits: {
        cpuLimitMhz: 1000,
        cpuShares: 500,
        memoryLimitMib: 512,
        memoryReservationMib: 128,
        cpuReservationMhz: 0,
      },
      gpu: { count: 2, type: "10DE-1eb8" },
      security: { secureBoot: true, tpm: true, tpmVersion: "2.0", vtd: true, encryption: { required: false } },
      extraConfig: {
        "libvirt.machine": "pc",
        "libvirt.domainType": "qemu",
        "libvirt.cpuMode": "host-model",
        "libvirt.diskCache": "none",
        "libvirt.diskIo": "native",
        "libvirt.diskDiscard": "ignore",
        "libvirt.diskBus": "scsi",
        "libvirt.cpuCores": "2",
        "libvirt.cpuThreads": "2",
        "libvirt.numaNodes": "2",
        "libvirt.maxCpus": "8",
        "libvirt.maxMemoryMib": "1024",
        "libvirt.graphics": "spice",
        "libvirt.graphicsListen": "0.0.0.0",
        "libvirt.video": "qxl",
      },
      guestTools: "install",
    },
    disks: [{ name: "data", sizeGib: 0.5, type: "thin", storageClass: "fast", iops: 100, expandPolicy: "Offline" }, {
      name: "scsi",
      sizeGib: 1,
      scsi: { controller: 3, controllerType: "lsilogic-sas", sharedBus: "noSharing" },
    }],
    nics: [{
      name: "lan",
      mac: "52:54:00:00:00:01",
      model: "e1000e",
      mtu: 9000,
      backing: { type: "Bridge", bridge: "br0" },
      addresses: [{ address: "fd00::5", prefix: 64, gateway: "fd00::1" }],
      filter: { name: "clean-traffic", parameters: { IP: "10.0.0.5" } },
      vlan: 7,
      qos: { ingressKbps: 1000, egressKbps: 500 },
      extra: { trunkVlans: "8,9", txMode: "timer", ioEventFd: "true", eventIdx: "false", virtualPort: "openvswitch" },
    }, { name: "many", addresses: [], driver: { queues: 4 } }],
    placement: { datastore: "fast" },
  }));
});

Deno.test("everything else is refused by its field", () => {
  const table: [change: Partial<MachineSpec>, errorClass: string, field: string][] = [
    [{ name: "a/b" }, "InvalidSpec", "name"],
    [{ name: "" }, "InvalidSpec", "name"],
    [{ name: "x".repeat(64) }, "InvalidSpec", "name"],
    [{ hardware: { ...hardware, cpus: 0 } }, "InvalidSpec", "hardware.cpus"],
    [{ hardware: { ...hardware, memoryMib: 8 } }, "InvalidSpec", "hardware.memoryMib"],
    [
      { hardware: { ...hardware, limits: { cpuReservationMhz: 1 } } },
      "NotSupported",
      "hardware.limits.cpuReservationMhz",
    ],
    [{ hardware: { ...hardware, limits: { cpuShares: 20_000 } } }, "InvalidSpec", "hardware.limits.cpuShares"],
    [{ hardware: { ...hardware, limits: { memoryLimitMib: 1 } } }, "InvalidSpec", "hardware.limits.memoryLimitMib"],
    [
      { hardware: { ...hardware, limits: { memoryReservationMib: 1 } } },
      "InvalidSpec",
      "hardware.limits.memoryReservationMib",
    ],
    [{ hardware: { ...hardware, guestTools: "upgrade" } }, "NotSupported", "hardware.guestTools"],
    [{ hardware: { ...hardware, guestTools: "uninstall" } }, "NotSupported", "hardware.guestTools"],
    [
      { hardware: { ...hardware, performance: { virtualizationBasedSecurity: true } } },
      "InvalidSpec",
      "hardware.performance.virtualizationBasedSecurity",
    ],
    [
      { hardware: { ...hardware, performance: { hyperThreading: "avoid" } } },
      "NotSupported",
      "hardware.performance.hyperThreading",
    ],
    [
      { hardware: { ...hardware, performance: { latencySensitivity: "high" } } },
      "NotSupported",
      "hardware.performance.latencySensitivity",
    ],
    [{ hardware: { ...hardware, security: { secureBoot: true } } }, "InvalidSpec", "hardware.security.secureBoot"],
    [
      { hardware: { ...hardware, security: { tpm: true, tpmVersion: "3" } } },
      "InvalidSpec",
      "hardware.security.tpmVersion",
    ],
    [
      { hardware: { ...hardware, extraConfig: { "libvirt.diskCache": "none'/>" } } },
      "InvalidSpec",
      "hardware.extraConfig[libvirt.diskCache]",
    ],
    [
      { hardware: { ...hardware, security: { encryption: { required: true } } } },
      "NotSupported",
      "hardware.security.encryption",
    ],
    [{ hardware: { ...hardware, gpu: { count: 1 } } }, "InvalidSpec", "hardware.gpu.type"],
    [{ hardware: { ...hardware, gpu: { count: 1, type: "nvidia-63" } } }, "InvalidSpec", "hardware.gpu.type"],
    [{ hardware: { ...hardware, gpu: { count: 9, type: "10de-1eb8" } } }, "InvalidSpec", "hardware.gpu.count"],
    [
      { hardware: { ...hardware, gpu: { count: 1, type: "10de-1eb8", memoryMib: 512 } } },
      "NotSupported",
      "hardware.gpu.memoryMib",
    ],
    [{ hardware: { ...hardware, extraConfig: { x: "y" } } }, "InvalidSpec", "hardware.extraConfig[x]"],
    [
      { hardware: { ...hardware, extraConfig: { "libvirt.domainType": "xen" } } },
      "InvalidSpec",
      "hardware.extraConfig[libvirt.domainType]",
    ],
    ...([
      ["libvirt.graphics", "sdl"],
      ["libvirt.graphicsListen", "everywhere"],
      ["libvirt.video", "none"],
      ["libvirt.cpuMode", "custom"],
      ["libvirt.cpuCores", "0"],
      ["libvirt.cpuCores", "129"],
      ["libvirt.cpuThreads", "1e1"],
      ["libvirt.numaNodes", "2"],
      ["libvirt.maxCpus", "-1"],
      ["libvirt.maxMemoryMib", "64"],
      ["libvirt.diskBus", "usb"],
      ["libvirt.machine", "q35 '"],
    ] as const).map(([key, value]): [Partial<MachineSpec>, string, string] => [
      { hardware: { ...hardware, extraConfig: { [key]: value } } },
      "InvalidSpec",
      `hardware.extraConfig[${key}]`,
    ]),
    [
      { hardware: { ...hardware, extraConfig: { "libvirt.graphics": "none", "libvirt.graphicsListen": "::1" } } },
      "InvalidSpec",
      "hardware.extraConfig[libvirt.graphicsListen]",
    ],
    [{ image: { type: "Blank" }, rootDisk: {} }, "InvalidSpec", "rootDisk.sizeGib"],
    [{ image: { type: "Registry", image: "r" } }, "NotSupported", "image of type Registry"],
    [{ rootDisk: { type: "eagerzeroedthick" } }, "NotSupported", "rootDisk.type eagerzeroedthick"],
    [{ disks: [{ name: "root", sizeGib: 1 }] }, "InvalidSpec", "disks[root]"],
    [{ disks: [{ name: "a", sizeGib: 0 }] }, "InvalidSpec", "disks[a].sizeGib"],
    [{ disks: [{ name: "a", sizeGib: 1, scsi: { controller: 4 } }] }, "InvalidSpec", "disks[a].scsi.controller"],
    [
      { disks: [{ name: "a", sizeGib: 1, scsi: { sharedBus: "physicalSharing" } }] },
      "NotSupported",
      "disks[a].scsi.sharedBus",
    ],
    [
      { disks: [{ name: "a", sizeGib: 1, scsi: { controllerType: "buslogic" } }] },
      "NotSupported",
      "disks[a].scsi.controllerType",
    ],
    [
      {
        disks: [
          { name: "a", sizeGib: 1, scsi: { controller: 1 } },
          { name: "b", sizeGib: 1, scsi: { controller: 1, controllerType: "lsilogic" } },
        ],
      },
      "InvalidSpec",
      "disks[a].scsi.controllerType",
    ],
    [nic({ name: "L" }), "InvalidSpec", "nics[L]"],
    [nic({ mac: "01:00:00:00:00:01" }), "InvalidSpec", "nics[lan].mac"],
    [nic({ mac: "52:54:00:00:00" }), "InvalidSpec", "nics[lan].mac"],
    [nic({ model: "ne2000" }), "InvalidSpec", "nics[lan].model"],
    [nic({ vlan: 4095 }), "InvalidSpec", "nics[lan].vlan"],
    [nic({ qos: { ingressKbps: 0 } }), "InvalidSpec", "nics[lan].qos.ingressKbps"],
    [nic({ extra: { trunkVlans: "1,,2" } }), "InvalidSpec", "nics[lan].extra[trunkVlans]"],
    [nic({ extra: { txMode: "often" } }), "InvalidSpec", "nics[lan].extra[txMode]"],
    [nic({ driver: { name: "vfio" } }), "NotSupported", "nics[lan].driver.name"],
    [nic({ driver: { queues: 17 } }), "InvalidSpec", "nics[lan].driver.queues"],
    [nic({ driver: { queues: 2 }, model: "e1000" }), "InvalidSpec", "nics[lan].driver.queues"],
    [nic({ extra: { a: "b" } }), "InvalidSpec", "nics[lan].extra[a]"],
    [nic({ backing: { type: "Portgroup", portgroup: "p" } }), "NotSupported", "nics[lan].backing of type Portgroup"],
    [nic({ backing: { type: "Bridge", bridge: "a b" } }), "InvalidSpec", "nics[lan].backing.bridge"],
    [nic({ addresses: [{ address: "10.0.0.256", prefix: 24 }] }), "InvalidSpec", "nics[lan].addresses[0].address"],
    [nic({ addresses: [{ address: "10.0.0.1", prefix: 33 }] }), "InvalidSpec", "nics[lan].addresses[0].prefix"],
    [nic({ addresses: [], dns: { servers: ["x"], searchDomains: [] } }), "InvalidSpec", "nics[lan].dns.servers[0]"],
    [{ nics: [{ name: "a", addresses: [] }, { name: "a", addresses: [] }] }, "InvalidSpec", "nics[a]"],
    [{ placement: { host: "kvm2" } }, "NotSupported", "placement.host"],
  ];
  for (const [change, errorClass, field] of table) {
    const error = assertThrows(() => checkSpec(machine("web", change)), ProviderError, undefined);
    assertEquals([error.class, error.field], [errorClass, field]);
    assertStringIncludes(error.message, field);
  }
});
