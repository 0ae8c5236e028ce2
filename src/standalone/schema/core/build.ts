/** Building blocks for the schemas of core kinds. @module */
import type { JsonValue, StructuralSchema } from "../types.ts";

/** Schemas by field name. */
export type Fields = Readonly<Record<string, StructuralSchema>>;

export const string: StructuralSchema = { type: "string" };
export const boolean: StructuralSchema = { type: "boolean" };
export const integer: StructuralSchema = { type: "integer", format: "int32" };
export const long: StructuralSchema = { type: "integer", format: "int64" };
export const time: StructuralSchema = { type: "string", format: "date-time" };
/** A port or a percentage. */
export const intOrString: StructuralSchema = { "x-kubernetes-int-or-string": true };
/** Any JSON. */
export const anything: StructuralSchema = { "x-kubernetes-preserve-unknown-fields": true };

/** `schema` with a default. */
export const withDefault = (schema: StructuralSchema, value: JsonValue): StructuralSchema => ({
  ...schema,
  default: value,
});
/** One of `values`. */
export const oneOf = (...values: string[]): StructuralSchema => ({ type: "string", enum: values });

/**
 * An object with these fields. Fields that are not named here are kept as they are: the schemas of this folder carry
 * structure, merge keys and defaults, and nothing that a user sets may be lost for not being among them.
 */
export const object = (properties: Fields, required: readonly string[] = []): StructuralSchema => ({
  type: "object",
  properties,
  ...(required.length > 0 ? { required } : {}),
  "x-kubernetes-preserve-unknown-fields": true,
});
/** The same, owned and replaced as a whole. */
export const atomic = (properties: Fields, required: readonly string[] = []): StructuralSchema => ({
  ...object(properties, required),
  "x-kubernetes-map-type": "atomic",
});
/** A map from names to `value`. */
export const mapOf = (value: StructuralSchema): StructuralSchema => ({ type: "object", additionalProperties: value });
/** A list that is replaced as a whole. */
export const listOf = (items: StructuralSchema): StructuralSchema => ({
  type: "array",
  items,
  "x-kubernetes-list-type": "atomic",
});
/** A list whose elements are told apart by `keys`; strategic merge patch goes by the first alone. */
export const keyed = (
  keys: readonly [string, ...string[]],
  items: StructuralSchema,
  strategy = "merge",
): StructuralSchema => ({
  type: "array",
  items,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": keys,
  "x-kubernetes-patch-strategy": strategy,
  "x-kubernetes-patch-merge-key": keys[0],
});

/** Conditions of a status. */
export const conditions: StructuralSchema = keyed(
  ["type"],
  object({ type: string, status: string, reason: string, message: string, lastTransitionTime: time }, [
    "type",
    "status",
  ]),
);
/** A reference to an object of the same namespace, by name. */
export const localReference: StructuralSchema = atomic({ name: withDefault(string, "") });
/** A reference to any object. */
export const reference: StructuralSchema = atomic({
  apiVersion: string,
  kind: string,
  name: string,
  namespace: string,
  uid: string,
  resourceVersion: string,
  fieldPath: string,
});
/** A selector over labels. */
export const labelSelector: StructuralSchema = atomic({
  matchLabels: mapOf(string),
  matchExpressions: listOf(object({ key: string, operator: string, values: listOf(string) }, ["key", "operator"])),
});
