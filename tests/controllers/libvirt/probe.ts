/** What can be seen of a VM on a host of the rig. @module */
import { elements, find, parseXml, textOf, type XmlElement } from "../../../providers/libvirt/domain_xml/element.ts";
import type { Hypervisor } from "../../rigs/libvirt/mod.ts";

/** Looks at one domain. */
export class Probe {
  readonly #host: Hypervisor;
  readonly #uuid: string;
  readonly domain: XmlElement;

  private constructor(host: Hypervisor, uuid: string, domain: XmlElement) {
    this.#host = host;
    this.#uuid = uuid;
    this.domain = domain;
  }

  static async of(host: Hypervisor, uuid: string): Promise<Probe> {
    return new Probe(host, uuid, parseXml(await host.virsh("dumpxml", uuid)));
  }

  /** Text of an element of the description. */
  text(...path: readonly string[]): string {
    return textOf(find(this.domain, ...path));
  }

  /** Attribute of an element of the description. */
  attribute(name: string, ...path: readonly string[]): string | undefined {
    return find(this.domain, ...path)?.attributes[name];
  }

  /** The device that was given `alias`. */
  device(alias: string): XmlElement {
    const devices = elements(find(this.domain, "devices"));
    const found = devices.find((device) => find(device, "alias")?.attributes["name"] === alias);
    if (found === undefined) throw new Error(`the domain has no device ${alias}`);
    return found;
  }

  /** The disk of this name. */
  disk(name = "root"): XmlElement {
    return this.device(`ua-disk-${name}`);
  }

  /** File that a disk is in. */
  source(name = "root"): string {
    return find(this.disk(name), "source")?.attributes["file"] ?? "";
  }

  /** The card. */
  nic(name = "lan"): XmlElement {
    return this.device(`ua-nic-${name}`);
  }

  /** Virtual size of a disk, MiB. */
  async sizeMib(name = "root"): Promise<number> {
    const volume = parseXml(await this.#host.virsh("vol-dumpxml", this.source(name)));
    return Number(textOf(find(volume, "capacity"))) / 2 ** 20;
  }

  /** A file of the first-boot medium, or the Ignition configuration, with everything around it. */
  async firstBoot(): Promise<string> {
    const seed = elements(find(this.domain, "devices"), "disk").find((disk) =>
      find(disk, "alias")?.attributes["name"] === "ua-seed"
    );
    const path = find(seed, "source")?.attributes["file"] ?? this.attribute("file", "sysinfo", "entry");
    if (path === undefined) throw new Error(`domain ${this.#uuid} has no first-boot configuration`);
    return await this.#host.sh(["cat", path]);
  }
}
