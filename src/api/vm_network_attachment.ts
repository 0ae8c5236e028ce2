/** VMNetworkAttachment: a network that interfaces of VMs plug into. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { CIDR_PATTERN, IP_PATTERN } from "./network_address.ts";
import { localObjectRef } from "./refs.ts";
import { boolean, dateTime, int32, int64, list, map, object, oneOf, string, stringMap } from "./schema.ts";
import { NetworkConfig } from "./vm_network_config.ts";

const name255 = (description: string) => string(description, { maxLength: 255 });
const ip = (description: string) => string(description, { maxLength: 45, pattern: IP_PATTERN });
const cidr = (description: string) => string(description, { maxLength: 49, pattern: CIDR_PATTERN });
const action = ["ACCEPT", "DROP", "REJECT"] as const;

const ipAllocation = object("How interfaces on this network get their addresses.", {}, {
  type: oneOf("Where addresses come from.", ["DHCP", "Static", "Pool", "None"], { default: "DHCP" }),
  staticConfig: object("Address for type Static.", { address: cidr("Address with prefix length, IPv4 or IPv6.") }, {
    gateway: ip("Default gateway, IPv4 or IPv6."),
    routes: list(
      "Further routes.",
      object("One route.", { destination: cidr("Destination."), gateway: ip("Next hop.") }, {
        metric: int32("Metric; the lower one wins.", { minimum: 0, maximum: 65535 }),
      }),
      { maxItems: 20 },
    ),
  }),
  poolConfig: object("Pool for type Pool.", { poolRef: localObjectRef("Pool of addresses.") }, {
    preferredIP: ip("Address to take when it is free."),
  }),
  dhcpConfig: object("What is told to the DHCP server, for type DHCP.", {}, {
    hostname: name255("Host name to send."),
    clientID: name255("Client identifier to send."),
    options: stringMap("Further options, by name.", { maxProperties: 20 }),
  }),
  dnsConfig: object("Name resolution of the guest.", {}, {
    servers: list("Addresses of name servers, IPv4 or IPv6.", string("One address."), { maxItems: 10 }),
    searchDomains: list("Domains to search.", string("One domain."), { maxItems: 10 }),
    options: stringMap("Resolver options, by name.", { maxProperties: 10 }),
  }),
});

const security = object("How traffic of the interface is guarded.", {}, {
  firewall: object("Packet filter of the port.", {}, {
    enabled: boolean("Whether the filter is on.", { default: false }),
    defaultPolicy: oneOf("What happens to traffic that no rule speaks of.", action, { default: "ACCEPT" }),
    rules: list(
      "Rules.",
      object("One rule.", {
        name: name255("Name of the rule."),
        direction: oneOf("Direction as seen from the guest.", ["in", "out", "inout"]),
        action: oneOf("What to do with matching traffic.", action),
      }, {
        protocol: oneOf("Protocol to match.", ["tcp", "udp", "icmp", "all"]),
        ports: object("Ports to match.", { start: int32("First port.", { minimum: 1, maximum: 65535 }) }, {
          end: int32("Last port; the first when absent.", { minimum: 1, maximum: 65535 }),
        }),
        sourceCIDR: string("Addresses to match as the source."),
        destinationCIDR: string("Addresses to match as the destination."),
        priority: int32("Order of evaluation; the lower comes first.", { minimum: 1, maximum: 1000 }),
      }),
      { maxItems: 100 },
    ),
  }),
  isolation: object("Which networks the guest may talk to.", {}, {
    mode: oneOf("How strict it is.", ["none", "strict", "custom"]),
    allowedNetworks: list("Networks that may be reached.", string("One network."), { maxItems: 50 }),
    deniedNetworks: list("Networks that may not be reached.", string("One network."), { maxItems: 50 }),
  }),
  encryption: object("Encryption of traffic.", {}, {
    enabled: boolean("Whether traffic is encrypted.", { default: false }),
    protocol: oneOf("Protocol to encrypt with.", ["ipsec", "wireguard", "openvpn"]),
    keyRef: localObjectRef("Secret with the key."),
  }),
});

/** Schema of `VMNetworkAttachment.spec`. */
export const VMNetworkAttachmentSpec = object("A network, and how interfaces use it.", { network: NetworkConfig }, {
  ipAllocation,
  security,
  qos: object("Bandwidth and priority of the interface.", {}, {
    ingressLimit: int64("Bandwidth towards the guest, in bit/s.", { minimum: 1000 }),
    egressLimit: int64("Bandwidth from the guest, in bit/s.", { minimum: 1000 }),
    priority: int32("IEEE 802.1p priority.", { minimum: 0, maximum: 7 }),
    dscp: int32("Differentiated services code point.", { minimum: 0, maximum: 63 }),
  }),
  metadata: object("What the network is, for people.", {}, {
    displayName: name255("Name to show."),
    description: string("Text about the network.", { maxLength: 1024 }),
    environment: oneOf("Environment that it belongs to.", ["dev", "staging", "prod", "test", "qa", "uat"]),
    tags: stringMap("Labels to find it by.", { maxProperties: 50 }),
  }),
});
/** A network, and how interfaces use it. */
export type VMNetworkAttachmentSpec = Static<typeof VMNetworkAttachmentSpec>;

/** Schema of `VMNetworkAttachment.status`. */
export const VMNetworkAttachmentStatus = object("Use and validity of the network.", {}, {
  ready: boolean("Whether VMs can use the network."),
  phase: oneOf("One-word summary; the conditions are authoritative.", ["Pending", "Configuring", "Ready", "Failed"]),
  message: string("What is going on or wrong, for a person."),
  connectedVMs: int32("Number of VirtualMachines that refer to the network."),
  availableOn: list("Providers that have the network.", string("Name of a Provider.")),
  providerStatus: map(
    "State of the network on each Provider, by its name.",
    object("State on one Provider.", { available: boolean("Whether the Provider has the network.") }, {
      id: string("Identifier in the hypervisor."),
      state: string("State, in the provider's terms."),
      message: string("What is going on or wrong there."),
      lastUpdated: dateTime("When this entry last changed."),
    }),
  ),
  ipAllocations: list(
    "Addresses in use.",
    object("One address.", {
      ip: string("The address."),
      vm: string("VirtualMachine that has it."),
    }, {
      mac: string("Ethernet address of the interface."),
      allocatedAt: dateTime("When it was given out."),
      leaseExpiry: dateTime("When it falls back."),
    }),
  ),
  conditions,
  observedGeneration,
});
/** Use and validity of the network. */
export type VMNetworkAttachmentStatus = Static<typeof VMNetworkAttachmentStatus>;

/** A network that interfaces of VMs are plugged into, described once for every kind of hypervisor. */
export type VMNetworkAttachment = KubeResource<
  "VMNetworkAttachment",
  VMNetworkAttachmentSpec,
  VMNetworkAttachmentStatus
>;

/** Definition of the kind VMNetworkAttachment. */
export const vmNetworkAttachment = defineKind({
  kind: "VMNetworkAttachment",
  plural: "vmnetworkattachments",
  shortNames: ["vmnet", "vmna"],
  description: "A network that interfaces of VMs are plugged into, described once for every kind of hypervisor.",
  spec: VMNetworkAttachmentSpec,
  status: VMNetworkAttachmentStatus,
  support: {
    manager: [],
    managerPlanned: [],
    descriptive: ["spec.network.type", "spec.metadata"],
    blocks: {
      vsphere: ["spec.network.vsphere"],
      libvirt: ["spec.network.libvirt"],
      proxmox: ["spec.network.proxmox"],
    },
    providers: {
      mock: { honoured: ["spec"], planned: [] },
      libvirt: {
        honoured: [
          "spec.network.libvirt.networkName",
          "spec.network.libvirt.bridge.name",
          "spec.network.libvirt.bridge.openvswitch",
          "spec.network.libvirt.vlanTag",
          "spec.network.libvirt.trunkVlanTags",
          "spec.network.libvirt.model",
          "spec.network.libvirt.filterRef",
          "spec.network.libvirt.driver.queues",
          "spec.network.libvirt.driver.txMode",
          "spec.network.libvirt.driver.ioEventFD",
          "spec.network.libvirt.driver.eventIDX",
          "spec.network.mtu",
          "spec.ipAllocation.type",
          "spec.ipAllocation.staticConfig",
          "spec.ipAllocation.dnsConfig.servers",
          "spec.ipAllocation.dnsConfig.searchDomains",
          "spec.qos.ingressLimit",
          "spec.qos.egressLimit",
        ],
        planned: ["spec.ipAllocation", "spec.security"],
      },
      vsphere: { honoured: [], planned: ["spec"] },
      proxmox: { honoured: [], planned: ["spec"] },
    },
  },
  printerColumns: [
    { name: "Type", type: "string", jsonPath: ".spec.network.type" },
    { name: "Allocation", type: "string", jsonPath: ".spec.ipAllocation.type" },
    { name: "VMs", type: "integer", jsonPath: ".status.connectedVMs" },
    { name: "Ready", type: "boolean", jsonPath: ".status.ready" },
    { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
    { name: "Providers", type: "string", jsonPath: ".status.availableOn", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
