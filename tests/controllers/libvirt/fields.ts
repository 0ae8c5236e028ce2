/** Every field that the libvirt provider honours, and where on a real host it shows. @module */
import type { VirtualMachine, VMClass, VMImage, VMNetworkAttachment } from "@virtrigaud/api";
import { elements, find, textOf } from "../../../providers/libvirt/domain_xml/element.ts";
import type { Probe } from "./probe.ts";

/** Kinds that a machine is described by. */
export const MACHINE_KINDS = ["VMClass", "VMNetworkAttachment", "VMImage", "VirtualMachine"] as const;
/** One of {@linkcode MACHINE_KINDS}. */
export type MachineKind = (typeof MACHINE_KINDS)[number];

/** What a case sets beside the plain machine. */
export interface Objects {
  readonly class?: Partial<VMClass["spec"]>;
  readonly network?: Partial<VMNetworkAttachment["spec"]>;
  readonly image?: Partial<VMImage["spec"]>;
  readonly vm?: Partial<VirtualMachine["spec"]>;
}

/** Fields that show together in one machine: what is set, what is seen, what was expected. */
export interface FieldCase extends Objects {
  readonly shows: Readonly<Record<string, readonly [see: (probe: Probe) => unknown, expected: unknown]>>;
}

const includes = (text: string) => async (probe: Probe) => (await probe.firstBoot()).includes(text);
const card = (attribute: string, ...path: readonly string[]) => (probe: Probe) =>
  find(probe.nic(), ...path)?.attributes[attribute];
const controllerOf = (name: string) => (probe: Probe) => {
  const index = find(probe.disk(name), "address")?.attributes["controller"];
  return elements(find(probe.domain, "devices"), "controller")
    .find(({ attributes }) => attributes["type"] === "scsi" && attributes["index"] === index)?.attributes["model"];
};
const folderOf = (name?: string) => (probe: Probe) =>
  find(probe.disk(name), "source")?.attributes["file"]?.replace(/\/[^/]*$/, "");

/** Pool, network and filter beside the default ones; the test makes them. */
export const OTHER = { pool: "fast", folder: "/var/lib/libvirt/fast", network: "other", filter: "guarded" } as const;

/** By kind: fields that show on the host. */
export const shown: { readonly [kind in MachineKind]: readonly FieldCase[] } = {
  VMClass: [
    {
      class: {
        cpu: 2,
        memory: "256Mi",
        firmware: "UEFI",
        diskDefaults: { size: "2Gi", iops: 500, storageClass: OTHER.pool },
        resourceLimits: { cpuLimit: 1000, cpuShares: 500, memoryLimit: "512Mi", memoryReservation: "256Mi" },
        performanceProfile: { cpuHotAddEnabled: true, memoryHotAddEnabled: true },
        securityProfile: { secureBoot: true, tpmEnabled: true, tpmVersion: "2.0", vtdEnabled: true },
        extraConfig: { "libvirt.video": "vga" },
      },
      shows: {
        "spec.cpu": [(probe) => probe.attribute("current", "vcpu"), "2"],
        "spec.memory": [(probe) => probe.text("currentMemory"), `${256 * 1024}`],
        "spec.firmware": [(probe) => probe.attribute("firmware", "os"), "efi"],
        "spec.diskDefaults.size": [(probe) => probe.sizeMib(), 2048],
        "spec.diskDefaults.iops": [(probe) => textOf(find(probe.disk(), "iotune", "total_iops_sec")), "500"],
        "spec.diskDefaults.storageClass": [folderOf(), OTHER.folder],
        "spec.resourceLimits.cpuLimit": [(probe) => Number(probe.text("cputune", "global_quota")) > 1000, true],
        "spec.resourceLimits.cpuShares": [(probe) => probe.text("cputune", "shares"), "500"],
        "spec.resourceLimits.memoryLimit": [(probe) => probe.text("memtune", "hard_limit"), `${779 * 1024}`],
        "spec.resourceLimits.memoryReservation": [
          (probe) => find(probe.domain, "memoryBacking", "locked") !== undefined,
          true,
        ],
        "spec.performanceProfile.cpuHotAddEnabled": [(probe) => probe.text("vcpu"), "8"],
        "spec.performanceProfile.memoryHotAddEnabled": [(probe) => probe.text("memory"), `${512 * 1024}`],
        "spec.securityProfile.secureBoot": [
          (probe) =>
            elements(find(probe.domain, "os", "firmware"), "feature")
              .map(({ attributes }) => `${attributes["name"]} ${attributes["enabled"]}`).toSorted(),
          ["enrolled-keys yes", "secure-boot yes"],
        ],
        "spec.securityProfile.tpmEnabled": [
          (probe) => probe.attribute("type", "devices", "tpm", "backend"),
          "emulator",
        ],
        "spec.securityProfile.tpmVersion": [(probe) => probe.attribute("version", "devices", "tpm", "backend"), "2.0"],
        "spec.securityProfile.vtdEnabled": [(probe) => probe.attribute("model", "devices", "iommu"), "intel"],
        "spec.extraConfig": [(probe) => probe.attribute("type", "devices", "video", "model"), "vga"],
      },
    },
  ],
  VMNetworkAttachment: [
    {
      network: {
        network: {
          mtu: 1400,
          libvirt: {
            networkName: OTHER.network,
            model: "e1000",
            filterRef: { filter: OTHER.filter, parameters: { IP: "192.168.123.5" } },
          },
        },
        ipAllocation: {
          type: "Static",
          staticConfig: {
            address: "192.168.123.5/25",
            gateway: "192.168.123.1",
            routes: [{ destination: "10.9.0.0/16", gateway: "192.168.123.2", metric: 77 }],
          },
          dnsConfig: { servers: ["192.168.123.3"], searchDomains: ["rig.example"] },
        },
        qos: { ingressLimit: 8_000_000, egressLimit: 800_000 },
      },
      shows: {
        "spec.network.mtu": [card("size", "mtu"), "1400"],
        "spec.network.libvirt.networkName": [card("network", "source"), OTHER.network],
        "spec.network.libvirt.model": [card("type", "model"), "e1000"],
        "spec.network.libvirt.filterRef.filter": [card("filter", "filterref"), OTHER.filter],
        "spec.network.libvirt.filterRef.parameters": [card("value", "filterref", "parameter"), "192.168.123.5"],
        "spec.ipAllocation.type": [includes("192.168.123.5"), true],
        "spec.ipAllocation.staticConfig.address": [includes("192.168.123.5/25"), true],
        "spec.ipAllocation.staticConfig.gateway": [includes("gateway4: 192.168.123.1"), true],
        "spec.ipAllocation.staticConfig.routes[].destination": [includes("to: 10.9.0.0/16"), true],
        "spec.ipAllocation.staticConfig.routes[].gateway": [includes("via: 192.168.123.2"), true],
        "spec.ipAllocation.staticConfig.routes[].metric": [includes("metric: 77"), true],
        "spec.ipAllocation.dnsConfig.servers": [includes("192.168.123.3"), true],
        "spec.ipAllocation.dnsConfig.searchDomains": [includes("rig.example"), true],
        "spec.qos.ingressLimit": [card("average", "bandwidth", "inbound"), "1000"],
        "spec.qos.egressLimit": [card("average", "bandwidth", "outbound"), "100"],
      },
    },
    {
      network: {
        network: {
          libvirt: {
            bridge: { name: "ovsbr0", openvswitch: true },
            vlanTag: 7,
            trunkVlanTags: [8, 9],
            driver: { queues: 2, txMode: "timer", ioEventFD: true, eventIDX: false },
          },
        },
      },
      shows: {
        "spec.network.libvirt.bridge.name": [card("bridge", "source"), "ovsbr0"],
        "spec.network.libvirt.bridge.openvswitch": [card("type", "virtualport"), "openvswitch"],
        "spec.network.libvirt.vlanTag": [card("id", "vlan", "tag"), "7"],
        "spec.network.libvirt.trunkVlanTags": [
          (probe) => elements(find(probe.nic(), "vlan"), "tag").map(({ attributes }) => attributes["id"]).slice(1),
          ["8", "9"],
        ],
        "spec.network.libvirt.driver.queues": [card("queues", "driver"), "2"],
        "spec.network.libvirt.driver.txMode": [card("txmode", "driver"), "timer"],
        "spec.network.libvirt.driver.ioEventFD": [card("ioeventfd", "driver"), "on"],
        "spec.network.libvirt.driver.eventIDX": [card("event_idx", "driver"), "off"],
      },
    },
  ],
  VMImage: [
    {
      image: { source: { libvirt: { path: "tiny.qcow2", storagePool: "default" } } },
      shows: {
        // A class that says nothing of a size leaves the image its own.
        "spec.source.libvirt.path": [(probe) => probe.sizeMib(), 64],
        "spec.source.libvirt.storagePool": [(probe) => probe.sizeMib(), 64],
      },
    },
  ],
  VirtualMachine: [
    {
      vm: {
        resources: { cpu: 3, memoryMiB: 192 },
        disks: [
          { name: "data", sizeGiB: 1, storageClass: OTHER.pool, scsi: { controller: 2, controllerType: "lsilogic" } },
          { name: "thick", sizeGiB: 1 },
        ],
        networks: [{
          name: "lan",
          networkRef: { name: "lan" },
          macAddress: "52:54:00:AA:bb:cc",
          ipAddress: "192.168.122.7",
          prefix: 26,
          gateway: "192.168.122.1",
          dns: "192.168.122.2",
        }],
        userData: { cloudInit: { inline: "#cloud-config\nhostname: told\n" } },
        metaData: { cloudInit: { inline: "rack: r7" } },
        placement: { datastore: "default" },
        tags: ["blue"],
      },
      class: { diskDefaults: { size: "1Gi" } },
      shows: {
        "spec.resources.cpu": [(probe) => probe.attribute("current", "vcpu") ?? probe.text("vcpu"), "3"],
        "spec.resources.memoryMiB": [(probe) => probe.text("currentMemory"), `${192 * 1024}`],
        "spec.disks[].name": [(probe) => textOf(find(probe.disk("data"), "serial")), "data"],
        "spec.disks[].sizeGiB": [(probe) => probe.sizeMib("data"), 1024],
        "spec.disks[].storageClass": [folderOf("data"), OTHER.folder],
        "spec.disks[].scsi.controller": [(probe) => probe.device("ua-scsi-2").attributes["type"], "scsi"],
        "spec.disks[].scsi.controllerType": [controllerOf("data"), "lsilogic"],
        "spec.networks[].name": [(probe) => probe.nic("lan").name, "interface"],
        "spec.networks[].macAddress": [card("address", "mac"), "52:54:00:aa:bb:cc"],
        "spec.networks[].ipAddress": [includes("192.168.122.7"), true],
        "spec.networks[].prefix": [includes("192.168.122.7/26"), true],
        "spec.networks[].gateway": [includes("gateway4: 192.168.122.1"), true],
        "spec.networks[].dns": [includes("192.168.122.2"), true],
        "spec.userData.cloudInit.inline": [includes("hostname: told"), true],
        "spec.metaData.cloudInit.inline": [includes("rack: r7"), true],
        "spec.placement.datastore": [folderOf(), "/var/lib/libvirt/images"],
        "spec.tags": [
          (probe) => elements(find(probe.domain, "metadata")).flatMap((mark) => elements(mark)).map(textOf),
          [
            "blue",
          ],
        ],
      },
    },
    {
      vm: { userData: { ignition: { inline: `{"ignition":{"version":"3.4.0"}}` } } },
      shows: { "spec.userData.ignition.inline": [includes(`"3.4.0"`), true] },
    },
  ],
};

const HERE = "tests/controllers/libvirt_fields_rig_test.ts";
const THICK = [
  "providers/libvirt/storage_rig_test.ts",
  "a thick disk takes its space at its birth, also as the clone of a running one; a thin one does not",
] as const;
const HOST_CPU = [
  "providers/libvirt/hardware_test.ts",
  "a guest that runs machines itself sees the host's CPU",
] as const;
const FROM_URL = [HERE, "an image by its URL: format, checksum of the kind that is named, and time"] as const;
const IMPORTED = [HERE, "an imported disk: by its identifier or its path, in its format"] as const;
const GPUS = [
  "providers/libvirt/gpus_rig_test.ts",
  "GPUs: libvirt takes what is written for a real PCI device; without an IOMMU they are refused",
] as const;
const FROM_SECRET = [
  "src/controllers/virtual_machine/guest_init_test.ts",
  "inline text and Secret are given both, under any of the keys that people use",
] as const;

/** Fields that do not show in a machine at rest, each with the test that shows it: a file, and the name in it. */
export const shownElsewhere: { readonly [kind in MachineKind]: Readonly<Record<string, readonly [string, string]>> } = {
  VMClass: {
    "spec.diskDefaults.type": THICK,
    "spec.guestToolsPolicy": ["providers/libvirt/honesty_test.ts", "everything else is refused by its field"],
    "spec.performanceProfile.nestedVirtualization": HOST_CPU,
    "spec.performanceProfile.virtualizationBasedSecurity": HOST_CPU,
  },
  VMNetworkAttachment: {},
  VMImage: {
    "spec.source.libvirt.url": FROM_URL,
    "spec.source.libvirt.format": FROM_URL,
    "spec.source.libvirt.checksum": FROM_URL,
    "spec.source.libvirt.checksumType": FROM_URL,
    "spec.source.http.url": FROM_URL,
    "spec.source.http.checksum": FROM_URL,
    "spec.source.http.checksumType": FROM_URL,
    "spec.source.http.timeout": FROM_URL,
  },
  VirtualMachine: {
    "spec.importedDisk.diskID": IMPORTED,
    "spec.importedDisk.path": IMPORTED,
    "spec.importedDisk.format": IMPORTED,
    "spec.resources.gpu.count": GPUS,
    "spec.resources.gpu.type": GPUS,
    "spec.disks[].type": THICK,
    "spec.disks[].expandPolicy": ["src/conformance/cases/devices.ts", "disks/grow-offline"],
    "spec.userData.cloudInit.secretRef.name": FROM_SECRET,
    "spec.userData.ignition.secretRef.name": FROM_SECRET,
    "spec.metaData.cloudInit.secretRef.name": FROM_SECRET,
  },
};
