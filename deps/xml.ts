/** Door for XML: parser and serializer; no XML is built from strings anywhere. */
export { XMLBuilder, XMLParser } from "fast-xml-parser";
