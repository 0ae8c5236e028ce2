/** A network card out of a VM's entry and the attachment that it refers to. Pure. @module */
import type { Provider, VirtualMachine, VMNetworkAttachment } from "@virtrigaud/api";
import type { Nic, StaticAddress } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";
import type { Problem } from "./input.ts";

type Entry = NonNullable<VirtualMachine["spec"]["networks"]>[number];

/** The card as this provider's type takes it. */
export function nicOf(
  entry: Entry,
  attachment: VMNetworkAttachment | undefined,
  provider: Provider,
  problems: Problem[],
): Nic {
  const spec = attachment?.spec;
  const allocation = spec?.ipAllocation;
  const servers = entry.dns?.split(",").map((s) => s.trim()).filter((s) => s !== "") ??
    allocation?.dnsConfig?.servers ?? [];
  const searchDomains = allocation?.dnsConfig?.searchDomains ?? [];
  const qos = {
    ...optional("ingressKbps", kbps(spec?.qos?.ingressLimit)),
    ...optional("egressKbps", kbps(spec?.qos?.egressLimit)),
  };
  const shape = attachment === undefined ? {} : hypervisorShape(attachment, provider, problems);
  const mtu = spec?.network.mtu;
  return {
    name: entry.name,
    ...optional("mac", entry.macAddress?.toLowerCase().replaceAll("-", ":")),
    // 1500 is what every network has unless told otherwise; naming it would only make hypervisors refuse it.
    ...(mtu === undefined || mtu === 1500 ? {} : { mtu }),
    ...(provider.spec.defaults?.network === undefined ? {} : {
      backing: { type: "Network" as const, network: provider.spec.defaults.network },
    }),
    ...shape,
    addresses: addressesOf(entry, allocation, problems),
    ...(allocation?.type === "None" ? { unmanaged: true } : {}),
    ...(servers.length + searchDomains.length === 0 ? {} : { dns: { servers, searchDomains } }),
    ...optional("routes", allocation?.staticConfig?.routes),
    ...(Object.keys(qos).length === 0 ? {} : { qos }),
  };
}

function addressesOf(
  entry: Entry,
  allocation: VMNetworkAttachment["spec"]["ipAllocation"],
  problems: Problem[],
): StaticAddress[] {
  const field = `spec.networks[${entry.name}]`;
  if (entry.ipAddress !== undefined) {
    const longest = entry.ipAddress.includes(":") ? 128 : 32;
    const prefix = entry.prefix ?? (longest === 128 ? 64 : 24);
    if (prefix > longest) {
      problems.push({ field: `${field}.prefix`, message: `is ${prefix}, at most ${longest} fits ${entry.ipAddress}` });
    }
    return [{ address: entry.ipAddress, prefix, ...optional("gateway", entry.gateway) }];
  }
  if (entry.gateway !== undefined) {
    problems.push({
      field: `${field}.gateway`,
      message: "needs ipAddress beside it: a gateway without an address has no effect",
    });
  }
  if (allocation?.type === "Static") {
    const [address, prefix] = allocation.staticConfig?.address.split("/") ?? [];
    if (address === undefined || prefix === undefined) {
      problems.push({
        field: `${field}.networkRef`,
        message: "the attachment allocates statically but has no ipAllocation.staticConfig.address",
      });
      return [];
    }
    return [{ address, prefix: Number(prefix), ...optional("gateway", allocation.staticConfig?.gateway) }];
  }
  if (allocation?.type === "Pool") {
    problems.push({
      field: `${field}.networkRef`,
      message: "ipAllocation.type Pool is not served: use DHCP or Static",
    });
  }
  return [];
}

function hypervisorShape(
  attachment: VMNetworkAttachment,
  provider: Provider,
  problems: Problem[],
): Partial<Nic> {
  const { network } = attachment.spec;
  const { type } = provider.spec;
  const from = { vsphere: fromVsphere, libvirt: fromLibvirt, proxmox: fromProxmox };
  const order = type === "mock"
    ? ["libvirt", "vsphere", "proxmox"] as const
    : type === "vsphere" || type === "proxmox"
    ? [type]
    : ["libvirt"] as const;
  for (const block of order) {
    const shape = from[block](network);
    if (shape !== undefined) return shape;
  }
  if (type !== "mock" && provider.spec.defaults?.network === undefined) {
    problems.push({
      field: `VMNetworkAttachment "${attachment.metadata.name}" spec.network`,
      message: `has no block for providers of type ${type}: add spec.network.${order[0]}`,
    });
  }
  return {};
}

type Network = VMNetworkAttachment["spec"]["network"];

function fromLibvirt({ libvirt }: Network): Partial<Nic> | undefined {
  if (libvirt === undefined) return undefined;
  return {
    ...(libvirt.bridge !== undefined
      ? { backing: { type: "Bridge" as const, bridge: libvirt.bridge.name } }
      : libvirt.networkName !== undefined
      ? { backing: { type: "Network" as const, network: libvirt.networkName } }
      : {}),
    ...optional("model", libvirt.model),
    ...(libvirt.filterRef === undefined
      ? {}
      : { filter: { name: libvirt.filterRef.filter, parameters: libvirt.filterRef.parameters ?? {} } }),
    ...(libvirt.driver === undefined
      ? {}
      : { driver: { ...optional("name", libvirt.driver.name), ...optional("queues", libvirt.driver.queues) } }),
    ...optional("vlan", libvirt.vlanTag),
    ...libvirtExtra(libvirt),
  };
}

/** What only libvirt knows of, in the words of its provider. */
function libvirtExtra(libvirt: NonNullable<Network["libvirt"]>): Partial<Nic> {
  const { bridge, driver, trunkVlanTags } = libvirt;
  const extra = {
    ...optional("virtualPort", bridge?.openvswitch ? "openvswitch" : undefined),
    ...optional(
      "trunkVlans",
      trunkVlanTags === undefined || trunkVlanTags.length === 0 ? undefined : trunkVlanTags.join(","),
    ),
    ...optional("txMode", driver?.txMode),
    ...optional("ioEventFd", driver?.ioEventFD?.toString()),
    ...optional("eventIdx", driver?.eventIDX?.toString()),
  };
  return Object.keys(extra).length === 0 ? {} : { extra };
}

function fromVsphere({ vsphere }: Network): Partial<Nic> | undefined {
  if (vsphere === undefined) return undefined;
  return {
    ...(vsphere.portgroup === undefined ? {} : {
      backing: {
        type: "Portgroup" as const,
        portgroup: vsphere.portgroup,
        ...optional("distributedSwitch", vsphere.distributedSwitch?.name),
      },
    }),
    ...optional("model", vsphere.adapterType),
    ...optional("vlan", vsphere.vlan?.vlanID),
  };
}

function fromProxmox({ proxmox }: Network): Partial<Nic> | undefined {
  if (proxmox === undefined) return undefined;
  return {
    ...(proxmox.bridge === undefined ? {} : { backing: { type: "Bridge" as const, bridge: proxmox.bridge } }),
    ...optional("model", proxmox.model),
    ...optional("vlan", proxmox.vlanTag),
    ...optional("mtu", proxmox.mtu),
    ...(proxmox.firewall === undefined ? {} : { extra: { firewall: String(proxmox.firewall) } }),
  };
}

function kbps(bitsPerSecond: number | undefined): number | undefined {
  return bitsPerSecond === undefined ? undefined : Math.ceil(bitsPerSecond / 1000);
}
