/** How CEL sees values of a schema: their types, and their conversion from JSON. @module */
import type { CelEnvironment } from "@virtrigaud/deps/schema.ts";
import type { SchemaNode } from "../node.ts";
import { isObject, type JsonValue } from "../types.ts";

/** A CEL type and the way to make values of it. */
export interface CelType {
  readonly name: string;
  /** Converts a value that has passed schema validation. */
  convert(value: JsonValue): unknown;
  /** Whether two converted values are equal; the order of elements of sets and map lists does not matter. */
  equal(a: unknown, b: unknown): boolean;
}

/** Words of CEL that may follow a dot nonetheless; rules may also write them escaped. */
const SELECTABLE: ReadonlySet<string> = new Set(
  ["as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"]
    .concat(["loop", "package", "namespace", "return", "var", "void", "while"]),
);
const RESERVED: ReadonlySet<string> = new Set(["true", "false", "null", "in", ...SELECTABLE]);
const ESCAPES: readonly (readonly [string, string])[] = [
  ["__", "__underscores__"],
  [".", "__dot__"],
  ["-", "__dash__"],
  ["/", "__slash__"],
];

/** The names by which rules reach property `name`; none when it cannot be reached. */
export function celNames(name: string): readonly string[] {
  if (RESERVED.has(name)) return SELECTABLE.has(name) ? [`__${name}__`, name] : [`__${name}__`];
  const escaped = ESCAPES.reduce((text, [from, to]) => text.replaceAll(from, to), name);
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? [escaped] : [];
}

/** An integer or a string: `type()` tells which. */
const INT_OR_STRING: CelType = {
  name: "dyn",
  convert: (value) => (typeof value === "number" ? BigInt(Math.trunc(value)) : value),
  equal: Object.is,
};

/**
 * Declares the types of a schema in an environment, each object type once.
 *
 * Caveat: a set compared directly (`self.set == oldSelf.set`) is compared in order, because its CEL type is that of every
 * list of strings; inside a compared object, and for map lists everywhere, order does not matter.
 */
export class CelTypes {
  readonly #types = new Map<SchemaNode, CelType | undefined>();
  readonly #names = new Set<string>();

  constructor(readonly env: CelEnvironment) {}

  /** The type of values of `node`; `undefined` when the schema leaves it open, which hides it from rules. */
  of(node: SchemaNode): CelType | undefined {
    if (!this.#types.has(node)) this.#types.set(node, this.#declare(node));
    return this.#types.get(node);
  }

  #declare(node: SchemaNode): CelType | undefined {
    const { schema } = node;
    if (schema["x-kubernetes-int-or-string"]) return INT_OR_STRING;
    switch (schema.type) {
      case "string":
        return this.#string(schema.format);
      case "integer":
        return { name: "int", convert: (value) => BigInt(Math.trunc(Number(value))), equal: Object.is };
      case "number":
        return { name: "double", convert: (value) => value, equal: (a, b) => a === b };
      case "boolean":
        return { name: "bool", convert: (value) => value, equal: Object.is };
      case "array":
        return this.#list(node);
      case "object":
        return this.#object(node);
      case undefined:
        return undefined;
    }
  }

  #list({ items, schema }: SchemaNode): CelType | undefined {
    const item = items && this.of(items);
    if (!item) return undefined;
    const name = `list<${item.name}>`;
    const listType = schema["x-kubernetes-list-type"];
    const ordered = listType === undefined || listType === "atomic";
    const equal = (a: unknown, b: unknown): boolean =>
      Array.isArray(a) && Array.isArray(b) && a.length === b.length &&
      a.every((x, i) => ordered ? item.equal(x, b[i]) : b.some((y) => item.equal(x, y)));
    // Elements of a map list have a type of their own, so that this equality is the list's alone.
    if (listType === "map") this.env.registerOperator(`${name} == ${name}`, equal);
    return {
      name,
      equal,
      convert: (value) => (Array.isArray(value) ? value.map((x) => item.convert(x)) : []),
    };
  }

  #string(format: string | undefined): CelType {
    switch (format) {
      case "byte":
        return {
          name: "bytes",
          convert: (value) => Uint8Array.from(atob(String(value)), (char) => char.charCodeAt(0)),
          equal: (a, b) => String(a) === String(b),
        };
      case "date":
      case "date-time":
        return {
          name: "google.protobuf.Timestamp",
          convert: (value) => new Date(String(value)),
          equal: (a, b) => Number(a) === Number(b),
        };
      case "duration": {
        const parse = this.env.parse("duration(text)");
        return {
          name: "google.protobuf.Duration",
          convert: (value) => parse({ text: value }),
          equal: (a, b) => String(a) === String(b),
        };
      }
      default:
        return { name: "string", convert: (value) => value, equal: Object.is };
    }
  }

  #object(node: SchemaNode): CelType | undefined {
    if (node.additional && node.properties.size === 0) {
      const value = this.of(node.additional);
      return value && {
        name: `map<string, ${value.name}>`,
        equal: (a, b) => sameEntries(a, b, () => value),
        convert: (object) =>
          new Map(isObject(object) ? Object.entries(object).map(([k, v]) => [k, value.convert(v)]) : []),
      };
    }
    return this.#message(node);
  }

  #message(node: SchemaNode): CelType {
    const fields: Record<string, string> = {};
    const converters = new Map<string, { names: readonly string[]; type: CelType }>();
    const byName = new Map<string, CelType>();
    for (const [property, child] of node.properties) {
      const type = this.of(child);
      if (!type) continue;
      const names = celNames(property);
      converters.set(property, { names, type });
      // A nullable value may be `null`, which no other CEL type includes.
      for (const name of names) {
        fields[name] = child.schema.nullable ? "dyn" : type.name;
        byName.set(name, type);
      }
    }
    const name = this.#name(node);
    // A class of its own per type: the library tells types apart by constructor.
    const ctor = class extends Map<string, unknown> {};
    this.env.registerType(name, { ctor, fields });
    const equal = (a: unknown, b: unknown) => sameEntries(a, b, (key) => byName.get(key));
    this.env.registerOperator(`${name} == ${name}`, equal);
    return {
      name,
      equal,
      convert: (value) => {
        const message = new ctor();
        if (!isObject(value)) return message;
        for (const [property, given] of Object.entries(value)) {
          const known = converters.get(property);
          if (!known) continue;
          const converted = given === null ? null : known.type.convert(given);
          for (const alias of known.names) message.set(alias, converted);
        }
        return message;
      },
    };
  }

  #name(node: SchemaNode): string {
    const base = `Object.${node.path.replaceAll(/[^A-Za-z0-9_.]/g, "_") || "root"}`;
    let name = base;
    for (let i = 2; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }
}

/** Whether two maps have the same keys with equal values; `typeOf` tells how values are compared. */
function sameEntries(a: unknown, b: unknown, typeOf: (key: string) => CelType | undefined): boolean {
  if (!(a instanceof Map && b instanceof Map) || a.size !== b.size) return false;
  return [...a].every(([key, value]) => {
    const other = b.get(key);
    if (value === null || other === null) return value === other && b.has(key);
    return b.has(key) && typeOf(key)?.equal(value, other) === true;
  });
}
