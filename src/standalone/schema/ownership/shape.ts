/** How ownership sees a value: as one piece, as fields, or as elements with an identity. @module */
import { canonical, own } from "../json.ts";
import { keyOf } from "../lists.ts";
import { asObject } from "../metadata.ts";
import { isObject, type JsonObject, type JsonValue, type StructuralSchema } from "../types.ts";
import { printStep, type Step } from "./path.ts";

/** The schema of a value, `undefined` where the schema leaves values open: then objects have fields and lists are one piece. */
export type Typed = StructuralSchema | undefined;
/** `leaf`: owned as a whole. `fields`: an object owned field by field. `elements`: a list owned element by element. */
export type Shape = "leaf" | "fields" | "elements";

/** The shape of `value` (or, for `null`, of what the schema expects in its place). */
export function shapeOf(schema: Typed, value: JsonValue | undefined): Shape {
  const listLike = Array.isArray(value) || (value === null && schema?.type === "array");
  if (listLike) {
    const listType = schema?.["x-kubernetes-list-type"];
    return listType === "set" || listType === "map" ? "elements" : "leaf";
  }
  const objectLike = isObject(value) || (value === null && schema?.type === "object");
  return objectLike && schema?.["x-kubernetes-map-type"] !== "atomic" ? "fields" : "leaf";
}

/** Whether there is nothing in `value` that could be owned by itself. */
export const isVoid = (value: JsonValue | undefined): boolean =>
  value === undefined || value === null ||
  (typeof value === "object" && (Array.isArray(value) ? value : Object.keys(value)).length === 0);

/** A schema with the fields of an embedded object in place. */
const whole = (schema: Typed): Typed =>
  schema?.["x-kubernetes-embedded-resource"] && !schema.properties?.metadata ? asObject(schema) : schema;

/** Whether the schema declares a field of this name, other than as one of the entries of a map. */
export const isNamed = (schema: Typed, step: Step): boolean => {
  const properties = whole(schema)?.properties;
  return step.kind === "field" && properties !== undefined && Object.hasOwn(properties, step.name);
};

/** The schema below `step`. */
export function typeBelow(schema: Typed, step: Step): Typed {
  const of = whole(schema);
  if (step.kind !== "field") return of?.items;
  if (of?.properties && Object.hasOwn(of.properties, step.name)) return of.properties[step.name];
  const { additionalProperties } = of ?? {};
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** The step to `item` of a list of shape `elements`. */
export function stepTo(schema: Typed, item: JsonValue): Step {
  if (schema?.["x-kubernetes-list-type"] === "map") {
    const key = keyOf(schema, item);
    if (key !== undefined) return { kind: "key", key };
  }
  return { kind: "value", value: item };
}

/** A child of a value, with the step to it. */
export type Child = readonly [step: Step, value: JsonValue];

/** The fields or elements of `value`, in order; none of a leaf. */
export function children(schema: Typed, value: JsonValue | undefined): Child[] {
  switch (shapeOf(schema, value)) {
    case "leaf":
      return [];
    case "fields":
      return isObject(value)
        ? Object.keys(value).map((name) => [{ kind: "field", name }, value[name] as JsonValue])
        : [];
    case "elements":
      return Array.isArray(value) ? value.map((item) => [stepTo(schema, item), item]) : [];
  }
}

/** A problem that keeps an applied object from being merged: where, and what. `undefined` when there is none. */
export function misfit(schema: Typed, value: JsonValue, path = ""): string | undefined {
  if (schema === undefined || value === null || schema["x-kubernetes-int-or-string"]) return undefined;
  const found = Array.isArray(value) ? "list" : isObject(value) ? "map" : typeof value;
  const expected = expectation(schema);
  if (expected !== undefined && expected !== found) return `${path}: expected ${expected}, got ${found}`;
  if (isObject(value)) return misfitField(schema, value, path);
  if (!Array.isArray(value)) return undefined;
  const listType = schema["x-kubernetes-list-type"];
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    const step = stepTo(schema, item);
    if (listType === "map" && (step.kind !== "key" || Object.keys(step.key).length === 0)) {
      const keys = (schema["x-kubernetes-list-map-keys"] ?? []).map((key) => JSON.stringify(key)).join(" ");
      return `${path}: element ${i}: associative list with keys has an element that omits all key fields [${keys}]`;
    }
    const name = printStep(step);
    if ((listType === "map" || listType === "set") && seen.has(name)) {
      return `${path}: duplicate entries for key ${name}`;
    }
    seen.add(name);
    const below = misfit(schema.items, item, `${path}${listType === "map" ? name : `[${i}]`}`);
    if (below !== undefined) return below;
  }
  return undefined;
}

function misfitField(schema: StructuralSchema, value: JsonObject, path: string): string | undefined {
  const open = schema.additionalProperties || schema["x-kubernetes-preserve-unknown-fields"];
  for (const name of Object.keys(value)) {
    const step: Step = { kind: "field", name };
    if (!open && !isNamed(schema, step)) return `${path}.${name}: field not declared in schema`;
    const below = misfit(typeBelow(schema, step), own(value, name) ?? null, `${path}.${name}`);
    if (below !== undefined) return below;
  }
  return undefined;
}

function expectation({ type, ...schema }: StructuralSchema): string | undefined {
  switch (type) {
    case "integer":
    case "number":
      return "number";
    case "object":
      return "map";
    case "array":
      return "list";
    case "string":
    case "boolean":
      return type;
    case undefined:
      return schema.properties ? "map" : undefined;
  }
}

/** Text that is equal for steps that lead to the same child. */
export const stepId = (step: Step): string => (step.kind === "field" ? step.name : canonical({ ...step }));
