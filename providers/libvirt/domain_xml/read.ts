/** A domain's description read back: only what the provider compares or reports. @module */
import { isSeedAlias, markedName } from "./devices.ts";
import { AGENT_CHANNEL } from "./build.ts";
import { elements, find, parseXml, textOf, type XmlElement } from "./element.ts";
import { type Mark, readMark } from "./mark.ts";
import { type NicSettings, readNicSettings } from "./nic.ts";
import { readSettings, type SettingValues } from "./settings.ts";
import { type Layout, readLayout } from "./size.ts";

/** A disk of a domain; media in drives are left out. */
export interface DomainDisk {
  /** Name from the spec; `undefined` if the disk carries no mark of ours. */
  readonly name: string | undefined;
  readonly target: string;
  /** Path, or `pool/volume`, or whatever libvirt names as source. */
  readonly source: string;
  readonly format: string;
  readonly iops: number | undefined;
  readonly element: XmlElement;
}

/** A network card of a domain. */
export interface DomainNic {
  readonly name: string | undefined;
  readonly mac: string;
  /** `network` or `bridge`, with its name; `undefined` for other kinds. */
  readonly backing: { readonly type: "network" | "bridge"; readonly name: string } | undefined;
  readonly connected: boolean;
  readonly settings: NicSettings;
  readonly element: XmlElement;
}

/** A domain's description. */
export interface DomainView {
  readonly name: string;
  readonly uuid: string;
  readonly domainType: string;
  readonly arch: string;
  readonly machine: string;
  readonly firmware: "BIOS" | "UEFI";
  readonly security: { readonly secureBoot: boolean; readonly tpm: boolean; readonly iommu: boolean };
  readonly mark: Mark | undefined;
  readonly cpus: { readonly current: number; readonly max: number };
  /** Each CPU by itself, where libvirt lists them. */
  readonly vcpus: readonly { readonly enabled: boolean; readonly hotpluggable: boolean }[];
  readonly memoryKib: { readonly current: number; readonly max: number };
  readonly layout: Layout;
  readonly settings: SettingValues;
  readonly disks: readonly DomainDisk[];
  readonly nics: readonly DomainNic[];
  readonly agent: "Connected" | "Disconnected" | "NoChannel";
  readonly root: XmlElement;
}

/** Reads what libvirt gives as the description of a domain. */
export function readDomain(xml: string): DomainView {
  const root = parseXml(xml);
  const devices = find(root, "devices");
  const os = find(root, "os");
  const type = find(os, "type");
  const vcpu = find(root, "vcpu");
  const maxCpus = Number(textOf(vcpu)) || 1;
  const maxMemory = kib(find(root, "memory"));
  return {
    name: textOf(find(root, "name")),
    uuid: textOf(find(root, "uuid")),
    domainType: root.attributes["type"] ?? "",
    arch: type?.attributes["arch"] ?? "",
    machine: type?.attributes["machine"] ?? "",
    firmware: os?.attributes["firmware"] === "efi" || find(os, "loader")?.attributes["type"] === "pflash"
      ? "UEFI"
      : "BIOS",
    security: {
      secureBoot: find(os, "loader")?.attributes["secure"] === "yes" || elements(find(os, "firmware"), "feature").some(
        ({ attributes }) => attributes["name"] === "secure-boot" && attributes["enabled"] === "yes",
      ),
      tpm: find(devices, "tpm") !== undefined,
      iommu: find(devices, "iommu") !== undefined,
    },
    mark: readMark(root),
    cpus: { current: Number(vcpu?.attributes["current"] ?? maxCpus), max: maxCpus },
    vcpus: elements(find(root, "vcpus"), "vcpu").map(({ attributes }) => ({
      enabled: attributes["enabled"] === "yes",
      hotpluggable: attributes["hotpluggable"] === "yes",
    })),
    memoryKib: { current: kib(find(root, "currentMemory")) || maxMemory, max: maxMemory },
    layout: readLayout(root),
    settings: readSettings(root),
    disks: elements(devices, "disk").flatMap(readDisk),
    nics: elements(devices, "interface").map(readNic),
    agent: readAgent(devices),
    root,
  };
}

const units: Readonly<Record<string, number>> = {
  b: 1 / 1024,
  bytes: 1 / 1024,
  kib: 1,
  k: 1,
  mib: 1024,
  m: 1024,
  gib: 1024 * 1024,
  g: 1024 * 1024,
};

function kib(size: XmlElement | undefined): number {
  const factor = units[(size?.attributes["unit"] ?? "KiB").toLowerCase()] ?? 1;
  return Math.round((Number(textOf(size)) || 0) * factor);
}

function readDisk(device: XmlElement): DomainDisk[] {
  const alias = find(device, "alias")?.attributes["name"];
  if ((device.attributes["device"] ?? "disk") !== "disk" || isSeedAlias(alias)) return [];
  const source = find(device, "source")?.attributes ?? {};
  const iops = textOf(find(device, "iotune", "total_iops_sec"));
  return [{
    name: markedName(device, alias),
    target: find(device, "target")?.attributes["dev"] ?? "",
    source: source["file"] ?? source["dev"] ??
      (source["pool"] === undefined ? source["name"] ?? "" : `${source["pool"]}/${source["volume"]}`),
    format: find(device, "driver")?.attributes["type"] ?? "raw",
    iops: iops === "" ? undefined : Number(iops),
    element: device,
  }];
}

function readNic(device: XmlElement): DomainNic {
  const source = find(device, "source")?.attributes ?? {};
  const network = device.attributes["type"] === "network" ? source["network"] : undefined;
  const bridge = device.attributes["type"] === "bridge" ? source["bridge"] : undefined;
  return {
    name: markedName(device, find(device, "alias")?.attributes["name"]),
    mac: (find(device, "mac")?.attributes["address"] ?? "").toLowerCase(),
    backing: network !== undefined
      ? { type: "network", name: network }
      : bridge !== undefined
      ? { type: "bridge", name: bridge }
      : undefined,
    connected: find(device, "link")?.attributes["state"] !== "down",
    settings: readNicSettings(device),
    element: device,
  };
}

function readAgent(devices: XmlElement | undefined): DomainView["agent"] {
  const target = elements(devices, "channel").map((channel) => find(channel, "target"))
    .find((candidate) => candidate?.attributes["name"] === AGENT_CHANNEL);
  if (target === undefined) return "NoChannel";
  return target.attributes["state"] === "connected" ? "Connected" : "Disconnected";
}
