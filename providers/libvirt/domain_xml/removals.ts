/** Disks that are being taken out of a domain together with their volumes, in its metadata. @module */
import { element, elements, find, serializeXml, type XmlElement } from "./element.ts";

/** Namespace and prefix of the metadata. */
export const removalsMetadata = {
  namespace: "https://virtrigaud.io/xmlns/libvirt/removals/v1",
  prefix: "virtrigaud-removals",
} as const;

/** A disk, and the file that goes with it. */
export interface Removal {
  readonly name: string;
  readonly path: string;
}

/** Metadata for libvirt's call, which puts it into the namespace by itself; `undefined` if there is nothing to remember. */
export function removalsXml(removals: readonly Removal[]): string | undefined {
  if (removals.length === 0) return undefined;
  return serializeXml(element("disks", {}, ...removals.map(({ name, path }) => element("disk", { name, path }))));
}

/** What {@linkcode removalsXml} wrote into `domain`. */
export function readRemovals(domain: XmlElement): Removal[] {
  const noted = elements(find(domain, "metadata"))
    .find(({ attributes }) => Object.values(attributes).includes(removalsMetadata.namespace));
  return elements(noted).map(({ attributes }) => ({ name: attributes["name"] ?? "", path: attributes["path"] ?? "" }));
}
