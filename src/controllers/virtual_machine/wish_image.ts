/** Where the root disk comes from, for one type of provider. Pure. @module */
import type { ProviderType, VirtualMachine, VMImage } from "@virtrigaud/api";
import type { ImageSource } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";
import type { Problem } from "./input.ts";
import { tryDuration } from "./units.ts";

type Source = VMImage["spec"]["source"];
type Checksum = { readonly algorithm: "md5" | "sha1" | "sha256" | "sha512"; readonly value: string };

/** The image as this provider type takes it. Every provider reads its own block first; blocks are never mixed. */
export function imageSource(
  vm: VirtualMachine,
  image: VMImage | undefined,
  type: ProviderType,
  problems: Problem[],
): ImageSource {
  const { importedDisk } = vm.spec;
  if (importedDisk !== undefined) {
    return {
      type: "ImportedDisk",
      diskId: importedDisk.diskID,
      ...optional("path", importedDisk.path),
      format: importedDisk.format ?? "qcow2",
    };
  }
  // Neither is a broken rule of the object, which is told already.
  if (image === undefined) return { type: "Blank" };
  const source = fromBlocks(image.spec.source, blocksFor(type), problems);
  if (source === undefined) {
    problems.push({
      field: "spec.imageRef",
      message: `VMImage "${image.metadata.name}" has no source for providers of type ${type}: ` +
        `add spec.source.${type === "mock" ? "http" : type}`,
    });
    return { type: "Blank" };
  }
  return source;
}

type Block = "vsphere" | "libvirt" | "proxmox";

/** The mock stands in for any hypervisor and takes the first block there is. */
function blocksFor(type: ProviderType): readonly Block[] {
  switch (type) {
    case "vsphere":
      return ["vsphere"];
    case "libvirt":
    case "qemu":
    case "firecracker":
      return ["libvirt"];
    case "proxmox":
      return ["proxmox"];
    case "mock":
      return ["libvirt", "vsphere", "proxmox"];
  }
}

function fromBlocks(source: Source, blocks: readonly Block[], problems: Problem[]): ImageSource | undefined {
  for (const block of blocks) {
    const found = block === "vsphere"
      ? fromVsphere(source)
      : block === "libvirt"
      ? fromLibvirt(source)
      : fromProxmox(source);
    if (found !== undefined) return found;
  }
  if (source.http !== undefined) {
    return {
      type: "Url",
      url: source.http.url,
      ...optional("checksum", checksum(source.http.checksum, source.http.checksumType)),
      ...optional("timeoutMs", tryDuration(source.http.timeout ?? "30m", "VMImage spec.source.http.timeout", problems)),
    };
  }
  if (source.registry !== undefined) {
    return { type: "Registry", image: source.registry.image, ...optional("format", source.registry.format) };
  }
  return undefined;
}

function fromVsphere({ vsphere }: Source): ImageSource | undefined {
  if (vsphere?.templateName !== undefined) return { type: "Template", template: vsphere.templateName };
  if (vsphere?.contentLibrary !== undefined) {
    const { library, item, version } = vsphere.contentLibrary;
    return { type: "ContentLibrary", library, item, ...optional("version", version) };
  }
  if (vsphere?.ovaURL !== undefined) {
    return {
      type: "Url",
      url: vsphere.ovaURL,
      format: "ova",
      ...optional("checksum", checksum(vsphere.checksum, vsphere.checksumType)),
    };
  }
  return undefined;
}

function fromLibvirt({ libvirt }: Source): ImageSource | undefined {
  if (libvirt?.path !== undefined) {
    return {
      type: "Volume",
      path: libvirt.path,
      ...optional("pool", libvirt.storagePool),
      ...optional("format", libvirt.format),
    };
  }
  if (libvirt?.url !== undefined) {
    return {
      type: "Url",
      url: libvirt.url,
      ...optional("format", libvirt.format),
      ...optional("pool", libvirt.storagePool),
      ...optional("checksum", checksum(libvirt.checksum, libvirt.checksumType)),
    };
  }
  return undefined;
}

function fromProxmox({ proxmox }: Source): ImageSource | undefined {
  const template = proxmox?.templateID?.toString() ?? proxmox?.templateName;
  return template === undefined ? undefined : { type: "Template", template, linkedClone: proxmox?.fullClone === false };
}

function checksum(value: string | undefined, algorithm: Checksum["algorithm"] | undefined): Checksum | undefined {
  return value === undefined || value === "" ? undefined : { algorithm: algorithm ?? "sha256", value };
}
