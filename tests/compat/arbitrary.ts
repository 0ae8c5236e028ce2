/** Random objects that a schema accepts. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import { type JsonSchema } from "@virtrigaud/api";

/**
 * Objects that `schema` accepts. `keys` is our schema of the same place: where it keys a list, entries are drawn with
 * distinct keys. Answers `undefined` where nothing can satisfy the schema.
 */
export function arbitrary(
  schema: JsonSchema,
  keys: JsonSchema | undefined,
  path: string,
): fc.Arbitrary<unknown> | undefined {
  if (schema["x-kubernetes-int-or-string"]) {
    const text = schema.pattern === undefined ? fc.string({ maxLength: 8 }) : matching(schema.pattern, 40);
    return fc.oneof(fc.integer(), text);
  }
  if (schema.enum !== undefined) {
    // Two of the reference's enums are numbers on a string: nothing satisfies them.
    const values = schema.type === "string" ? schema.enum.filter((value) => typeof value === "string") : schema.enum;
    return values.length === 0 ? undefined : fc.constantFrom(...values);
  }
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 });
    case "string":
      return text(schema);
    case "array":
      return list(schema, keys, path);
    case "object":
      return object(schema, keys, path);
    default:
      throw new Error(`${path}: do not know how to draw ${JSON.stringify(schema)}`);
  }
}

function matching(pattern: string, maxLength: number): fc.Arbitrary<string> {
  return fc.stringMatching(new RegExp(pattern), { size: "xsmall" }).filter((value) => value.length <= maxLength);
}

function text(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema.format === "date-time") {
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => date.toISOString());
  }
  if (schema.pattern !== undefined) return matching(schema.pattern, schema.maxLength ?? 253);
  return fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 12, 12) });
}

function list(schema: JsonSchema, keys: JsonSchema | undefined, path: string): fc.Arbitrary<unknown> | undefined {
  const entry = arbitrary(schema.items ?? {}, keys?.items, `${path}[]`);
  if (entry === undefined) return undefined;
  const length = { minLength: schema.minItems ?? 0, maxLength: Math.max(schema.minItems ?? 0, 2) };
  const key = keys?.["x-kubernetes-list-map-keys"]?.[0];
  if (key === undefined) return fc.array(entry, length);
  return fc.uniqueArray(entry, { ...length, selector: (value) => (value as Record<string, unknown>)[key] });
}

function object(schema: JsonSchema, keys: JsonSchema | undefined, path: string): fc.Arbitrary<unknown> {
  if (schema.additionalProperties !== undefined) {
    const values = arbitrary(schema.additionalProperties, keys?.additionalProperties, `${path}{}`);
    return values === undefined ? fc.constant({}) : fc.dictionary(fc.string({ maxLength: 8 }), values, { maxKeys: 2 });
  }
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, child]): [string, fc.Arbitrary<unknown>][] => {
    const drawn = arbitrary(child, keys?.properties?.[name], path === "" ? name : `${path}.${name}`);
    if (drawn === undefined) return [];
    const required = schema.required?.includes(name) || path === "";
    return [[name, required ? drawn : fc.option(drawn, { nil: undefined, freq: 2 })]];
  });
  return fc.record(Object.fromEntries(fields)).map((value) =>
    Object.fromEntries(Object.entries(value).filter(([, child]) => child !== undefined))
  );
}
