/** XML as a tree of elements: built from objects, read back in order, never from strings. @module */
import { XMLBuilder, XMLParser } from "@virtrigaud/deps/xml.ts";
import { ProviderError } from "@virtrigaud/contract";

/** An element. Text and elements keep their order, so that what is read can be written back unchanged. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
}

/** Content of an element. */
export type XmlNode = XmlElement | string;

/** Largest document that is read, characters; libvirt's own limit for a description is 4 MiB. */
const DOCUMENT_MAX = 4 * 1024 * 1024;
/** What XML 1.0 can carry, and what survives in an attribute, where white space is normalised to blanks. */
const TEXT_CONTENT = /^[\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const ATTRIBUTE_CONTENT = /^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element; attributes that are `undefined`, and children that are `undefined`, are left out. */
export function element(
  name: string,
  attributes: Attributes = {},
  ...children: readonly (XmlNode | number | undefined)[]
): XmlElement {
  const given = Object.entries(attributes).flatMap(([key, value]) => value === undefined ? [] : [[key, `${value}`]]);
  return {
    name,
    attributes: Object.fromEntries(given),
    children: children.flatMap((child) => child === undefined ? [] : [typeof child === "number" ? `${child}` : child]),
  };
}

const ATTRIBUTES = ":@";
const TEXT = "#text";
type Raw = { readonly [key: string]: unknown };

const builder = (): XMLBuilder =>
  new XMLBuilder({ preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: "", suppressEmptyNode: true });

const parser = (): XMLParser =>
  new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: "",
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    ignoreDeclaration: true,
    processEntities: true,
    htmlEntities: true,
  });

/**
 * The document with `root` as its root.
 * @throws {ProviderError} `InvalidSpec` for text that XML cannot carry.
 */
export function serializeXml(root: XmlElement): string {
  return builder().build([toRaw(root)]);
}

function toRaw(node: XmlNode): Raw {
  if (typeof node === "string") return { [TEXT]: checked(node, TEXT_CONTENT) };
  const attributes = Object.entries(node.attributes).map(([key, value]) => [key, checked(value, ATTRIBUTE_CONTENT)]);
  return { [node.name]: node.children.map(toRaw), [ATTRIBUTES]: Object.fromEntries(attributes) };
}

function checked(text: string, allowed: RegExp): string {
  if (allowed.test(text)) return text;
  throw new ProviderError("InvalidSpec", "text with control characters cannot be written into a libvirt description");
}

/**
 * The root element of `document`.
 * @throws {ProviderError} `Unavailable` when it is no XML: what libvirt sends always is.
 */
export function parseXml(document: string): XmlElement {
  if (document.length > DOCUMENT_MAX) {
    throw new ProviderError("Unavailable", `libvirt sent a description of ${document.length} characters`);
  }
  try {
    const raw: unknown = parser().parse(document);
    const root = (Array.isArray(raw) ? raw : []).map(fromRaw).find((node) => typeof node !== "string");
    if (root !== undefined && typeof root !== "string") return root;
    throw new Error("no element");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ProviderError("Unavailable", `libvirt sent a description that is no XML: ${why}`, { cause: error });
  }
}

function fromRaw(raw: Raw): XmlNode {
  const name = Object.keys(raw).find((key) => key !== ATTRIBUTES) ?? "";
  const content = raw[name];
  if (name === TEXT) return String(content);
  const attributes = Object.entries((raw[ATTRIBUTES] ?? {}) as Record<string, unknown>);
  return {
    name,
    attributes: Object.fromEntries(attributes.map(([key, value]) => [key, String(value)])),
    children: Array.isArray(content) ? content.map(fromRaw) : [],
  };
}

/** The elements among the children, of one name if it is given. */
export function elements(parent: XmlElement | undefined, name?: string): XmlElement[] {
  const found: XmlElement[] = [];
  for (const child of parent?.children ?? []) {
    if (typeof child !== "string" && (name === undefined || child.name === name)) found.push(child);
  }
  return found;
}

/** The first element at a path of names below `parent`. */
export function find(parent: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => elements(at, name)[0], parent);
}

/** Text directly inside an element, without white space around it. */
export function textOf(parent: XmlElement | undefined): string {
  return (parent?.children ?? []).filter((child) => typeof child === "string").join("").trim();
}

/** `parent` with `replace` applied to each child element; `undefined` takes the child out. */
export function mapElements(
  parent: XmlElement,
  replace: (child: XmlElement) => XmlElement | undefined,
): XmlElement {
  const children = parent.children.flatMap((child) => {
    const result = typeof child === "string" ? child : replace(child);
    return result === undefined ? [] : [result];
  });
  return { ...parent, children };
}

/** `parent` with `child` in the place of the first element of its name, or at the end. */
export function withElement(parent: XmlElement, child: XmlElement): XmlElement {
  const old = find(parent, child.name);
  if (old === undefined) return { ...parent, children: [...parent.children, child] };
  return mapElements(parent, (candidate) => candidate === old ? child : candidate);
}

/**
 * `root` with the element at `path` below it replaced by what `change` makes of it; `undefined` takes it out. Parents
 * that are missing are made, and those that are left empty go with it.
 */
export function editAt(
  root: XmlElement,
  path: readonly string[],
  change: (old: XmlElement | undefined) => XmlElement | undefined,
): XmlElement {
  const [name, ...rest] = path;
  if (name === undefined) return change(root) ?? root;
  const old = find(root, name);
  const edited = rest.length === 0 ? change(old) : editAt(old ?? element(name), rest, change);
  const isEmpty = rest.length > 0 && edited !== undefined && elements(edited).length === 0 &&
    Object.keys(edited.attributes).length === 0;
  if (edited !== undefined && !isEmpty) return edited === old ? root : withElement(root, edited);
  return old === undefined ? root : mapElements(root, (child) => child === old ? undefined : child);
}
