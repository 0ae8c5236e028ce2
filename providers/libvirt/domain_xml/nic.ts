/** Network cards as elements of a domain: how they are made, compared and changed. @module */
import type { Nic } from "@virtrigaud/contract";
import { nicAlias } from "./devices.ts";
import { editAt, element, elements, find, type XmlElement } from "./element.ts";

/** Keys of `Nic.extra` that this provider knows, with what they take. */
export const NIC_EXTRA = {
  /** When frames are sent. */
  txMode: ["iothread", "timer"],
  /** Whether I/O is handled apart from the virtual CPU. */
  ioEventFd: ["true", "false"],
  /** Whether interrupts are coalesced. */
  eventIdx: ["true", "false"],
  /** What the bridge is made by. */
  virtualPort: ["openvswitch"],
} as const;
/** Key of `Nic.extra`: VLAN IDs that the guest tags itself, separated by commas. */
export const TRUNK = "trunkVlans";

/** A card with its address. */
export type WiredNic = Nic & { readonly mac: string };

/** Aspects of a card, each as one text; `undefined`: the card has it not. */
export interface NicSettings {
  readonly source: string;
  readonly model: string | undefined;
  readonly driver: string | undefined;
  readonly mtu: string | undefined;
  readonly vlan: string | undefined;
  readonly port: string | undefined;
  readonly filter: string | undefined;
  readonly bandwidth: string | undefined;
}

/** A new card. */
export const nicElement = (nic: WiredNic, defaultNetwork: string): XmlElement =>
  changedNic(
    element("interface", {}, element("mac", { address: nic.mac }), nicAlias(nic.name)),
    nic,
    new Set(Object.keys(parts(nic, defaultNetwork))),
    defaultNetwork,
  );

type Aspect = keyof NicSettings;
type Parts = { readonly [aspect in Aspect]: XmlElement | undefined };

/** The wish as elements, one for each aspect. */
function parts(nic: Nic, defaultNetwork: string): Parts {
  return {
    source: source(nic, defaultNetwork),
    model: element("model", { type: nic.model ?? "virtio" }),
    driver: driver(nic),
    mtu: nic.mtu === undefined ? undefined : element("mtu", { size: nic.mtu }),
    vlan: vlan(nic),
    port: nic.extra?.["virtualPort"] === undefined
      ? undefined
      : element("virtualport", { type: nic.extra["virtualPort"] }),
    filter: nic.filter === undefined ? undefined : element(
      "filterref",
      { filter: nic.filter.name },
      ...Object.entries(nic.filter.parameters).map(([name, value]) => element("parameter", { name, value })),
    ),
    bandwidth: bandwidth(nic),
  };
}

const elementNames: { readonly [aspect in Aspect]: string } = {
  source: "source",
  model: "model",
  driver: "driver",
  mtu: "mtu",
  vlan: "vlan",
  port: "virtualport",
  filter: "filterref",
  bandwidth: "bandwidth",
};

function source(nic: Nic, defaultNetwork: string): XmlElement {
  switch (nic.backing?.type) {
    case "Bridge":
      return element("source", { bridge: nic.backing.bridge });
    case "Network":
      return element("source", { network: nic.backing.network });
    default:
      return element("source", { network: defaultNetwork });
  }
}

const onOff = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : value === "true" ? "on" : "off";

function driver({ driver, extra }: Nic): XmlElement | undefined {
  const made = element("driver", {
    txmode: extra?.["txMode"],
    ioeventfd: onOff(extra?.["ioEventFd"]),
    event_idx: onOff(extra?.["eventIdx"]),
    queues: driver?.queues,
  });
  return Object.keys(made.attributes).length === 0 ? undefined : made;
}

function vlan({ vlan, extra }: Nic): XmlElement | undefined {
  const trunk = extra?.[TRUNK]?.split(",") ?? [];
  if (vlan === undefined && trunk.length === 0) return undefined;
  const native = vlan === undefined
    ? []
    : [element("tag", { id: vlan, nativeMode: trunk.length === 0 ? undefined : "untagged" })];
  const tags = [...native, ...trunk.map((id) => element("tag", { id }))];
  return element("vlan", { trunk: trunk.length === 0 ? undefined : "yes" }, ...tags);
}

const KILOBIT_PER_KILOBYTE = 8;

/** libvirt speaks of kilobytes, and like the wish of directions as the guest sees them. */
function bandwidth({ qos }: Nic): XmlElement | undefined {
  const limit = (name: string, kbps: number | undefined): XmlElement | undefined =>
    kbps === undefined ? undefined : element(name, { average: Math.ceil(kbps / KILOBIT_PER_KILOBYTE) });
  const made = element("bandwidth", {}, limit("inbound", qos?.ingressKbps), limit("outbound", qos?.egressKbps));
  return made.children.length === 0 ? undefined : made;
}

/** The aspects that are asked for. */
export function wishedNic(nic: Nic, defaultNetwork: string): NicSettings {
  const made = parts(nic, defaultNetwork);
  return readNicSettings(element("interface", { type: typeOf(made.source) }, ...Object.values(made)));
}

/** The aspects of a card as it is. */
export function readNicSettings(device: XmlElement): NicSettings {
  const attributes = (name: string) => find(device, name)?.attributes;
  const { bridge, network } = attributes("source") ?? {};
  const bandwidth = find(device, "bandwidth");
  const filter = find(device, "filterref");
  const { txmode, ioeventfd, event_idx, queues } = attributes("driver") ?? {};
  const tags = find(device, "vlan");
  return {
    source: device.attributes["type"] === "bridge" ? `bridge ${bridge}` : `${device.attributes["type"]} ${network}`,
    model: attributes("model")?.["type"],
    driver: someOf({ txmode, ioeventfd, event_idx, queues }),
    mtu: attributes("mtu")?.["size"],
    vlan: tags &&
      elements(tags, "tag").map((tag) => `${tag.attributes["id"]} ${tag.attributes["nativeMode"] ?? ""}`).join(","),
    port: attributes("virtualport")?.["type"],
    filter: filter && JSON.stringify([
      filter.attributes["filter"],
      elements(filter, "parameter").map(({ attributes }) => `${attributes["name"]}=${attributes["value"]}`).sort(),
    ]),
    bandwidth: bandwidth && someOf({
      inbound: find(bandwidth, "inbound")?.attributes["average"],
      outbound: find(bandwidth, "outbound")?.attributes["average"],
    }),
  };
}

function someOf(values: Readonly<Record<string, string | undefined>>): string | undefined {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : given.map((pair) => pair.join("=")).join(" ");
}

/**
 * Aspects in which a card differs from a wish. What a network gives its cards (VLAN, bandwidth, port) shows on a running
 * one as if it had been asked for, so that on networks only what is wished for can differ there.
 */
export function nicDifferences(
  is: NicSettings,
  wish: NicSettings,
  options: { readonly silentMeansAny: boolean },
): ReadonlySet<string> {
  const differing = new Set<string>();
  for (const key of Object.keys(elementNames) as Aspect[]) {
    if (is[key] === wish[key]) continue;
    if (wish[key] === undefined && options.silentMeansAny) continue;
    differing.add(key);
  }
  return differing;
}

/** `device` with `aspects` as they are wished for, and everything else as it is. */
export function changedNic(
  device: XmlElement,
  nic: Nic,
  aspects: ReadonlySet<string>,
  defaultNetwork: string,
): XmlElement {
  const made = parts(nic, defaultNetwork);
  let changed = device;
  for (const aspect of Object.keys(elementNames) as Aspect[]) {
    if (aspects.has(aspect)) changed = editAt(changed, [elementNames[aspect]], () => made[aspect]);
  }
  if (!aspects.has("source")) return changed;
  return { ...changed, attributes: { ...changed.attributes, type: typeOf(made.source) } };
}

const typeOf = (source: XmlElement | undefined): string =>
  source?.attributes["bridge"] === undefined ? "network" : "bridge";
