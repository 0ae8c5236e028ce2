/** The network behind a VMNetworkAttachment, per hypervisor. @module */
import { type Static } from "@virtrigaud/deps";
import { boolean, int32, int64, list, object, oneOf, string, stringMap } from "./schema.ts";

const name255 = (description: string) => string(description, { maxLength: 255 });
const vlan = (description: string) => int32(description, { minimum: 1, maximum: 4094 });

const vsphere = object("Network on vSphere.", {}, {
  portgroup: name255("Port group to plug into."),
  distributedSwitch: object("Distributed switch that the port group belongs to.", {
    name: name255("Name of the switch."),
  }, {
    uuid: string("UUID of the switch."),
    portgroupType: oneOf("How ports are assigned.", ["ephemeral", "distributed"]),
  }),
  vlan: object("VLAN of the port group.", {}, {
    type: oneOf("Kind of VLAN.", ["none", "vlan", "pvlan", "trunk"], { default: "none" }),
    vlanID: vlan("VLAN ID, for type vlan."),
    trunkVlanIDs: list(
      "VLAN IDs that are let through, for type trunk.",
      int32("One VLAN ID."),
      { maxItems: 100 },
    ),
    primaryVlanID: vlan("Primary ID, for type pvlan."),
    secondaryVlanID: vlan("Secondary ID, for type pvlan."),
  }),
  adapterType: oneOf("Model of the network adapter.", ["vmxnet3", "e1000", "e1000e"], { default: "vmxnet3" }),
  pciSlotNumber: int32("PCI slot of the adapter.", { minimum: 32, maximum: 1024 }),
  security: object("Layer-2 security of the port.", {}, {
    allowPromiscuous: boolean("Whether the guest may see frames for others.", { default: false }),
    allowMACChanges: boolean("Whether the guest may change its Ethernet address.", { default: true }),
    allowForgedTransmits: boolean("Whether the guest may send from other Ethernet addresses.", { default: true }),
  }),
  trafficShaping: object("Bandwidth of the port.", {}, {
    enabled: boolean("Whether bandwidth is limited.", { default: false }),
    averageBandwidth: int64("Average, in bit/s.", { minimum: 1000 }),
    peakBandwidth: int64("Peak, in bit/s.", { minimum: 1000 }),
    burstSize: int64("Burst, in bytes.", { minimum: 1024 }),
  }),
});

const libvirt = object("Network on libvirt: a named network or a bridge of the host.", {}, {
  networkName: name255("Name of the libvirt network."),
  bridge: object("Bridge of the host; it wins over networkName.", {
    name: string("Name of the bridge.", { maxLength: 15 }),
  }, {
    stp: boolean("Whether the bridge takes part in the spanning tree.", { default: false }),
    delay: int32("Forward delay of the bridge, in seconds.", { minimum: 0, maximum: 30 }),
    openvswitch: boolean("Whether the bridge is one of Open vSwitch.", { default: false }),
  }),
  vlanTag: vlan("VLAN that the interface is on; the guest sees no tags. Not on Linux bridges before libvirt 11.1."),
  trunkVlanTags: list("VLANs whose tags the guest sees and sets itself.", vlan("One VLAN ID."), { maxItems: 100 }),
  model: oneOf("Model of the network adapter.", ["virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci"], {
    default: "virtio",
  }),
  driver: object("How the host serves the adapter.", {}, {
    name: oneOf("Backend of the driver.", ["kvm", "vfio", "uio"]),
    queues: int32("Number of queues.", { minimum: 1, maximum: 16 }),
    txMode: oneOf("When frames are sent.", ["iothread", "timer"]),
    ioEventFD: boolean("Whether I/O is handled apart from the virtual CPU."),
    eventIDX: boolean("Whether interrupts are coalesced."),
  }),
  filterRef: object("Network filter of libvirt that guards the port.", { filter: name255("Name of the filter.") }, {
    parameters: stringMap("Parameters of the filter.", { maxProperties: 20 }),
  }),
});

const proxmox = object("Network on Proxmox VE.", {}, {
  bridge: string("Bridge of the node.", { maxLength: 15, pattern: "^vmbr[0-9]+$" }),
  model: oneOf("Model of the network adapter.", ["virtio", "e1000", "rtl8139", "vmxnet3"], { default: "virtio" }),
  vlanTag: vlan("VLAN tag of the port."),
  firewall: boolean("Whether the firewall of Proxmox VE guards the port.", { default: false }),
  rateLimit: int32("Bandwidth of the port, in MB/s.", { minimum: 1 }),
  mtu: int32("MTU of the adapter, in bytes; 1 takes over that of the bridge.", { minimum: 1, maximum: 65520 }),
});

/** Schema of {@linkcode NetworkConfig}. */
export const NetworkConfig = object("The network; one block per kind of hypervisor that is to use it.", {}, {
  type: oneOf("Kind of network, for people.", ["bridged", "nat", "isolated", "host-only", "external"], {
    default: "bridged",
  }),
  mtu: int32("MTU of the network, in bytes.", { default: 1500, minimum: 68, maximum: 9000 }),
  vsphere,
  libvirt,
  proxmox,
});
/** The network; one block per kind of hypervisor that is to use it. */
export type NetworkConfig = Static<typeof NetworkConfig>;
