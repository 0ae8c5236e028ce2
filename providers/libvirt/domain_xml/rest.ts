/** The note that a guest's file systems are held, in the metadata of its domain. @module */
import { element, elements, find, serializeXml, type XmlElement } from "./element.ts";

/** Namespace and prefix of the metadata. */
export const restMetadata = {
  namespace: "https://virtrigaud.io/xmlns/libvirt/rest/v1",
  prefix: "virtrigaud-rest",
} as const;

/** Metadata for libvirt's call, which puts it into the namespace by itself. */
export const restXml = (): string => serializeXml(element("held"));

/** Whether `domain` carries the note. */
export const isHeld = (domain: XmlElement): boolean =>
  elements(find(domain, "metadata")).some(({ attributes }) =>
    Object.values(attributes).includes(restMetadata.namespace)
  );
