import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { ProviderError } from "@virtrigaud/contract";
import {
  element,
  find,
  parseXml,
  serializeXml,
  textOf,
  withElement,
  type XmlElement,
  type XmlNode,
} from "./element.ts";

/** Neighbouring texts are one text, and an empty one is none. */
function normal(node: XmlElement): XmlElement {
  const children: XmlNode[] = [];
  for (const child of node.children) {
    const last = children.at(-1);
    if (typeof child !== "string") children.push(normal(child));
    else if (typeof last === "string") children[children.length - 1] = last + child;
    else if (child !== "") children.push(child);
  }
  return { ...node, children };
}

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
const text = fc.string({ unit: "binary", maxLength: 20 });
const tree = fc.letrec<{ element: XmlElement }>((tie) => ({
  element: fc.record({
    name,
    attributes: fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true }),
    children: fc.array(fc.oneof({ maxDepth: 3 }, text, tie("element")), { maxLength: 4 }),
  }),
})).element;

Deno.test("any tree is read back as it was written, or refused before it is sent", () => {
  fc.assert(
    fc.property(tree, (root) => {
      let document: string;
      try {
        document = serializeXml(root);
      } catch (error) {
        assertEquals(error instanceof ProviderError && error.class, "InvalidSpec");
        return;
      }
      assertEquals(parseXml(document), normal(root));
    }),
    { numRuns: 300 },
  );
});

Deno.test("nothing in a value becomes markup", () => {
  const evil = `"/><disk type='file'/>]]>&amp;<!-- <?x?>`;
  const document = serializeXml(element("domain", { name: evil }, element("title", {}, evil)));
  const read = parseXml(document);
  assertEquals(read.attributes["name"], evil);
  assertEquals(textOf(find(read, "title")), evil);
  assertEquals(find(read, "disk"), undefined);
});

Deno.test("what XML cannot carry is refused", () => {
  for (const bad of ["\0", "\x1b", "\ud800", "\uffff"]) {
    assertThrows(() => serializeXml(element("a", {}, bad)), ProviderError, "control characters");
    assertThrows(() => serializeXml(element("a", { b: bad })), ProviderError, "control characters");
  }
  assertThrows(() => serializeXml(element("a", { b: "line\nbreak" })), ProviderError);
});

Deno.test("declarations, comments and entities of others are harmless", () => {
  assertEquals(parseXml("<?xml version='1.0'?><!-- x --><a><b>1&#233;</b></a>"), {
    name: "a",
    attributes: {},
    children: [{ name: "b", attributes: {}, children: ["1é"] }],
  });
  for (const bad of ["", "no xml", "<a", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>`]) {
    assertEquals(assertThrows(() => parseXml(bad), ProviderError).class, "Unavailable", bad);
  }
});

Deno.test("an element is replaced in its place, and the rest stays as it was", () => {
  const root = parseXml("<a><b/> text <c x='1'/><d/></a>");
  assertEquals(serializeXml(withElement(root, element("c", { x: 2 }))), `<a><b/> text <c x="2"/><d/></a>`);
  assertEquals(serializeXml(withElement(root, element("e"))), `<a><b/> text <c x="1"/><d/><e/></a>`);
});
