/**
 * Checks an object against a kind the way an API server does: structural schema, list keys, CEL rules. A small second
 * opinion for tests that need no server; suites with a server use the server.
 *
 * @module
 */
import { Ajv, celEvaluate, type ValidateFunction } from "@virtrigaud/deps/schema.ts";
import { type JsonSchema, type KindDefinition } from "@virtrigaud/api";

/** One thing that is wrong: the path of the field, such as `spec.disks[0].sizeGiB`, and what is wrong with it. */
export interface Finding {
  readonly field: string;
  readonly message: string;
}

/** Compiles a check for `kind`. */
export function checkerFor(kind: Pick<KindDefinition, "schema">): (object: unknown) => Finding[] {
  const validate = compile(kind.schema);
  return (object) => {
    const findings: Finding[] = [];
    if (!validate(object)) {
      for (const error of validate.errors ?? []) {
        const missing = error.keyword === "required" ? `/${error.params["missingProperty"]}` : "";
        findings.push({ field: dotted(error.instancePath + missing), message: error.message ?? error.keyword });
      }
    }
    return findings.length > 0 ? findings : [...beyondStructure(kind.schema, object, "")];
  };
}

function compile(schema: JsonSchema): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false, validateFormats: true });
  ajv.addFormat("date-time", (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text));
  ajv.addFormat("int32", { type: "number", validate: (n: number) => n >= -(2 ** 31) && n < 2 ** 31 });
  ajv.addFormat("int64", { type: "number", validate: (n: number) => Number.isInteger(n) });
  return ajv.compile(JSON.parse(JSON.stringify(schema)));
}

const dotted = (pointer: string): string =>
  pointer.split("/").slice(1).map((part) => /^\d+$/.test(part) ? `[${part}]` : `.${part}`).join("").replace(/^\./, "");

function* beyondStructure(schema: JsonSchema, value: unknown, path: string): Generator<Finding> {
  if (typeof value !== "object" || value === null) return;
  for (const { rule, message, fieldPath = "" } of schema["x-kubernetes-validations"] ?? []) {
    if (celEvaluate(rule, { self: value }) !== true) yield { field: path + fieldPath, message };
  }
  if (Array.isArray(value)) {
    const key = schema["x-kubernetes-list-map-keys"]?.[0];
    const seen = new Set<unknown>();
    for (const [index, entry] of value.entries()) {
      const at = `${path}[${index}]`;
      if (key !== undefined && seen.has(entry[key])) yield { field: at, message: `Duplicate value: ${entry[key]}` };
      if (key !== undefined) seen.add(entry[key]);
      yield* beyondStructure(schema.items ?? {}, entry, at);
    }
    return;
  }
  for (const [name, child] of Object.entries(value)) {
    const below = schema.properties?.[name] ?? schema.additionalProperties;
    if (below !== undefined) yield* beyondStructure(below, child, path === "" ? name : `${path}.${name}`);
  }
}
