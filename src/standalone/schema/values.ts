/**
 * Validation of values against a schema. The texts are those of a real API server (1.36), which `kubectl` users know.
 *
 * @module
 */
import type { FieldError, FieldErrorType } from "./errors.ts";
import { canonical, equal, own } from "./json.ts";
import { correlate } from "./lists.ts";
import { childNode, type SchemaNode } from "./node.ts";
import { isObject, type JsonObject, type JsonValue } from "./types.ts";

/** Collects the errors of one object. */
type Errors = FieldError[];

const add = (errors: Errors, type: FieldErrorType, field: string, detail: string, badValue?: JsonValue) =>
  errors.push({ type, field, badValue, detail });

/** The JSON type of `value` as the messages name it. */
function typeName(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function typeMatches(node: SchemaNode, value: JsonValue): boolean {
  const { schema } = node;
  if (schema["x-kubernetes-int-or-string"]) return typeof value === "string" || Number.isInteger(value);
  switch (schema.type) {
    case undefined:
      return true;
    case "integer":
      return Number.isInteger(value);
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "number":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
  }
}

function checkType(node: SchemaNode, value: JsonValue, path: string, errors: Errors): boolean {
  const { schema } = node;
  if (typeMatches(node, value)) return true;
  const expected = schema["x-kubernetes-int-or-string"] ? "integer,string" : schema.type;
  const found = typeName(value);
  add(errors, "FieldValueTypeInvalid", path, `${path} in body must be of type ${expected}: "${found}"`, found);
  return false;
}

/** Length comes first, so that a pattern never runs on a text of unbounded length where the schema sets a limit. */
function checkString({ schema, pattern, format }: SchemaNode, value: string, path: string, errors: Errors): void {
  const limit = schema.maxLength;
  if (limit !== undefined && length(value) > limit) {
    add(errors, "FieldValueTooLong", path, `may not be more than ${limit} bytes`, value);
    return;
  }
  if (schema.minLength !== undefined && length(value) < schema.minLength) {
    add(errors, "FieldValueInvalid", path, `${path} in body should be at least ${schema.minLength} chars long`, value);
    return;
  }
  if (pattern && !pattern.test(value)) {
    add(errors, "FieldValueInvalid", path, `${path} in body should match '${schema.pattern}'`, value);
  }
  if (format && !format(value)) {
    const detail = `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`;
    add(errors, "FieldValueTypeInvalid", path, detail, value);
  }
}

/** Characters, not UTF-16 units. */
function length(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

const INTEGER_RANGE: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1024],
};

function checkNumber({ schema }: SchemaNode, value: number, path: string, errors: Errors): void {
  const invalid = (detail: string) => add(errors, "FieldValueInvalid", path, `${path} in body ${detail}`, value);
  const range = schema.format === undefined ? undefined : INTEGER_RANGE[schema.format];
  if (range && (value < range[0] || value > range[1])) {
    const detail = `Checked value must be of type ${schema.type} with format ${schema.format} in ${path}`;
    add(errors, "FieldValueInvalid", "<nil>", detail, "");
  }
  const { minimum, maximum, multipleOf } = schema;
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) invalid(`should be a multiple of ${multipleOf}`);
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum ? value >= maximum : value > maximum) {
      invalid(`should be less than ${schema.exclusiveMaximum ? "" : "or equal to "}${maximum}`);
    }
  }
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum ? value <= minimum : value < minimum) {
      invalid(`should be greater than ${schema.exclusiveMinimum ? "" : "or equal to "}${minimum}`);
    }
  }
}

/** Decimal fractions such as 0.3 are multiples of 0.1 although their binary quotient is a little off. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) <= Number.EPSILON * Math.max(1, Math.abs(quotient));
}

function checkArray(
  node: SchemaNode,
  value: JsonValue[],
  path: string,
  errors: Errors,
  old: JsonValue | undefined,
): void {
  const { schema, items } = node;
  const { minItems, maxItems } = schema;
  if (minItems !== undefined && value.length < minItems) {
    add(errors, "FieldValueInvalid", path, `${path} in body should have at least ${minItems} items`, value.length);
  }
  if (maxItems !== undefined && value.length > maxItems) {
    add(errors, "FieldValueTooMany", path, `must have at most ${maxItems} items`, value.length);
    return;
  }
  if (schema.uniqueItems && new Set(value.map(canonical)).size !== value.length) {
    add(errors, "FieldValueDuplicate", path, `${path} in body shouldn't contain duplicates`);
  }
  if (!items) return;
  const oldItem = correlate(schema, old);
  value.forEach((item, i) => validateValue(items, item, `${path}[${i}]`, errors, oldItem(item)));
}

function checkObject(
  node: SchemaNode,
  value: JsonObject,
  path: string,
  errors: Errors,
  old: JsonValue | undefined,
): void {
  const { schema } = node;
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    add(errors, "FieldValueTooMany", path, `must have at most ${schema.maxProperties} items`, size);
    return;
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    const detail = `${path} in body should have at least ${schema.minProperties} properties`;
    add(errors, "FieldValueInvalid", path, detail, size);
  }
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) add(errors, "FieldValueRequired", at(name), "");
  }
  if (schema["x-kubernetes-embedded-resource"]) {
    for (const name of ["apiVersion", "kind"]) if (!own(value, name)) add(errors, "FieldValueRequired", at(name), "");
  }
  for (const name of Object.keys(value)) {
    const child = childNode(node, name);
    const before = isObject(old) ? own(old, name) : undefined;
    if (child) validateValue(child, value[name] as JsonValue, at(name), errors, before);
  }
}

function checkEnum(node: SchemaNode, value: JsonValue, path: string, errors: Errors): void {
  if (!node.enum || node.enum.has(canonical(value))) return;
  const allowed = (node.schema.enum ?? []).map((v) => JSON.stringify(typeof v === "string" ? v : canonical(v)));
  add(errors, "FieldValueNotSupported", path, `supported values: ${allowed.join(", ")}`, value);
}

function checkCombinations(node: SchemaNode, value: JsonValue, path: string, errors: Errors): void {
  const label = JSON.stringify(path);
  const outcome = (child: SchemaNode) => {
    const own: Errors = [];
    validateValue(child, value, path, own, undefined);
    return own;
  };
  const whole = (detail: string) => add(errors, "FieldValueInvalid", "<nil>", `${label} ${detail}`, "");
  if (node.anyOf.length > 0) {
    const outcomes = node.anyOf.map(outcome);
    if (!outcomes.some((list) => list.length === 0)) {
      whole("must validate at least one schema (anyOf)");
      errors.push(...best(outcomes));
    }
  }
  if (node.oneOf.length > 0) {
    const outcomes = node.oneOf.map(outcome);
    const valid = outcomes.filter((list) => list.length === 0).length;
    if (valid !== 1) {
      const found = valid === 0 ? "none valid" : `${valid} valid alternatives`;
      whole(`must validate one and only one schema (oneOf). Found ${found}`);
      if (valid === 0) errors.push(...best(outcomes));
    }
  }
  if (node.allOf.length > 0) {
    const outcomes = node.allOf.map(outcome);
    const valid = outcomes.filter((list) => list.length === 0).length;
    errors.push(...outcomes.flat());
    if (valid < outcomes.length) {
      whole(`must validate all the schemas (allOf).${valid === 0 ? " None validated" : ""}`);
    }
  }
  if (node.not && outcome(node.not).length === 0) whole("must not validate the schema (not)");
}

/** The errors of the alternative that came closest: the first with the fewest. */
const best = (outcomes: readonly Errors[]): Errors =>
  outcomes.reduce((least, list) => (list.length < least.length ? list : least));

/**
 * Validates `value` and everything below it.
 *
 * @param old the value it replaces, where there is one: what has not changed is not refused, so that an object stays
 *   editable after its schema became stricter (validation ratcheting)
 */
export function validateValue(
  node: SchemaNode,
  value: JsonValue,
  path: string,
  errors: Errors,
  old: JsonValue | undefined,
): void {
  if (value === null && node.schema.nullable) return;
  if (old !== undefined && equal(value, old)) return;
  if (!checkType(node, value, path, errors)) {
    if (node.schema.type === "integer" && typeof value === "number") {
      add(
        errors,
        "FieldValueInvalid",
        "<nil>",
        `Checked value must be of type integer (default format) in ${path}`,
        "",
      );
    }
    checkCombinations(node, value, path, errors);
    checkEnum(node, value, path, errors);
    return;
  }
  checkCombinations(node, value, path, errors);
  if (typeof value === "string") checkString(node, value, path, errors);
  else if (typeof value === "number") checkNumber(node, value, path, errors);
  else if (Array.isArray(value)) checkArray(node, value, path, errors, old);
  checkEnum(node, value, path, errors);
  if (isObject(value)) checkObject(node, value, path, errors, old);
}
