/** Our mark in a domain's metadata: whose VM it is. @module */
import { element, elements, find, textOf, type XmlElement } from "./element.ts";

const NAMESPACE = "https://virtrigaud.io/xmlns/libvirt/v1";
const NAME = "virtrigaud:machine";

/** What is written into a domain at its birth. */
export interface Mark {
  readonly ownerUid: string;
  /** `namespace/name`, for people. */
  readonly owner: string;
  /** Digest of the first-boot configuration. */
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

/** The mark of a domain; `undefined` if it carries none. */
export function readMark(domain: XmlElement): Mark | undefined {
  // libvirt keeps the prefix, but whoever edits a domain may choose another one for the same namespace.
  const mark = elements(find(domain, "metadata")).find((candidate) =>
    candidate.name.endsWith(":machine") && Object.values(candidate.attributes).includes(NAMESPACE)
  );
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
