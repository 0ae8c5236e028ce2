/** GPUs: PCI devices of the host that a domain is given for itself. @module */
import { element, elements, find, parseXml, type XmlElement } from "./element.ts";

const ALIAS = "ua-gpu-";

/** Where a PCI device is. */
export interface PciAddress {
  readonly domain: number;
  readonly bus: number;
  readonly slot: number;
  readonly function: number;
}

/** A PCI device of the host. */
export interface PciDevice {
  /** Vendor and product, `10de-1eb8`. */
  readonly type: string;
  readonly address: PciAddress;
  /** Devices that can only be handed over together with it, itself among them. */
  readonly group: readonly PciAddress[];
}

/** One text for one place. */
export const pciKey = (at: PciAddress): string => `${at.domain}:${at.bus}:${at.slot}.${at.function}`;

function readAddress(from: Readonly<Record<string, string>> | undefined): PciAddress {
  // Decimal, or hexadecimal with 0x: Number reads both.
  const number = (name: string) => Number(from?.[name] ?? 0);
  return { domain: number("domain"), bus: number("bus"), slot: number("slot"), function: number("function") };
}

/** Reads libvirt's description of a device of the host; `undefined` for what is not on PCI. */
export function readPciDevice(nodeDeviceXml: string): PciDevice | undefined {
  const root = parseXml(nodeDeviceXml);
  const pci = elements(root, "capability").find(({ attributes }) => attributes["type"] === "pci");
  if (pci === undefined) return undefined;
  const id = (name: string) => (find(pci, name)?.attributes["id"] ?? "").replace(/^0x/, "").toLowerCase();
  const parts = Object.fromEntries(
    ["domain", "bus", "slot", "function"].map((name) => [name, String(find(pci, name)?.children[0] ?? "0").trim()]),
  );
  const address = readAddress(parts);
  const group = elements(find(pci, "iommuGroup"), "address").map(({ attributes }) => readAddress(attributes))
    // Functions of the same card; bridges of the group stay with the host.
    .filter((each) => each.domain === address.domain && each.bus === address.bus && each.slot === address.slot);
  return { type: `${id("vendor")}-${id("product")}`, address, group: group.length === 0 ? [address] : group };
}

/** Elements that hand the devices over. libvirt takes them from the host's driver and gives them back. */
export const gpuElements = (devices: readonly PciDevice[]): XmlElement[] =>
  devices.flatMap(({ type, address, group }, index) =>
    group.map((at) =>
      element(
        "hostdev",
        { mode: "subsystem", type: "pci", managed: "yes" },
        element("source", {}, element("address", { ...at })),
        pciKey(at) === pciKey(address) ? element("alias", { name: `${ALIAS}${type}-${index}` }) : undefined,
      )
    )
  );

/** Types of the GPUs that the domain was given. */
export const readGpus = (domain: XmlElement): string[] =>
  hostDevices(domain).flatMap((device) => {
    const alias = find(device, "alias")?.attributes["name"] ?? "";
    return alias.startsWith(ALIAS) ? [alias.slice(ALIAS.length).replace(/-\d+$/, "")] : [];
  });

/** Places of all devices that the domain was given, by whomever. */
export const usedPci = (domain: XmlElement): string[] =>
  hostDevices(domain).map((device) => pciKey(readAddress(find(device, "source", "address")?.attributes)));

const hostDevices = (domain: XmlElement): XmlElement[] =>
  elements(find(domain, "devices"), "hostdev").filter(({ attributes }) => attributes["type"] === "pci");
