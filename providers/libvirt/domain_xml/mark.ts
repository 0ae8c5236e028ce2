/** Our mark in a domain's metadata: whose VM it is. @module */
import { element, elements, find, serializeXml, textOf, withElement, type XmlElement } from "./element.ts";

const NAMESPACE = "https://virtrigaud.io/xmlns/libvirt/v1";
const PREFIX = "virtrigaud";
const NAME = `${PREFIX}:machine`;

/** What is written into a domain at its birth. */
export interface Mark {
  readonly ownerUid: string;
  /** `namespace/name`, for people. */
  readonly owner: string;
  /** Another one for each first-boot configuration that the domain gets; says nothing about its content. */
  readonly guestInitDigest?: string;
  readonly tags: readonly string[];
}

/** The `metadata` element that carries `mark`. */
export function markElement(mark: Mark): XmlElement {
  return element(
    "metadata",
    {},
    element(
      NAME,
      {
        "xmlns:virtrigaud": NAMESPACE,
        "owner-uid": mark.ownerUid,
        owner: mark.owner,
        "init-digest": mark.guestInitDigest,
      },
      ...mark.tags.map((tag) => element("virtrigaud:tag", {}, tag)),
    ),
  );
}

/** The mark as libvirt's call for metadata takes it, which adds the namespace itself. */
export const markMetadata = (mark: Mark) => ({
  namespace: NAMESPACE,
  prefix: PREFIX,
  content: serializeXml(element(
    "machine",
    { "owner-uid": mark.ownerUid, owner: mark.owner, "init-digest": mark.guestInitDigest },
    ...mark.tags.map((tag) => element("tag", {}, tag)),
  )),
});

/** libvirt keeps the prefix, but whoever edits a domain may choose another one for the same namespace. */
const isMark = ({ name, attributes }: XmlElement): boolean =>
  name.endsWith(":machine") && Object.values(attributes).includes(NAMESPACE);

/** `domain` with `mark` in the place of the mark that it has; the metadata of others stays. */
export function withMark(domain: XmlElement, mark: Mark): XmlElement {
  const ours = markElement(mark);
  const others = elements(find(domain, "metadata")).filter((each) => !isMark(each));
  return withElement(domain, { ...ours, children: [...others, ...ours.children] });
}

/** The mark of a domain; `undefined` if it carries none. */
export function readMark(domain: XmlElement): Mark | undefined {
  const mark = elements(find(domain, "metadata")).find(isMark);
  const ownerUid = mark?.attributes["owner-uid"];
  if (mark === undefined || ownerUid === undefined) return undefined;
  const guestInitDigest = mark.attributes["init-digest"];
  return {
    ownerUid,
    owner: mark.attributes["owner"] ?? "",
    ...(guestInitDigest === undefined ? {} : { guestInitDigest }),
    tags: elements(mark).filter((child) => child.name.endsWith(":tag")).map(textOf),
  };
}
