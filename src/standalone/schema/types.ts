/** The vocabulary of this folder: JSON values and the schema dialect of `CustomResourceDefinition` v1. @module */

/** A JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
/** A JSON object. Property order is kept, as `kubectl` users see it. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** Whether `value` is a JSON object, neither `null` nor a list. */
export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One CEL rule of `x-kubernetes-validations`. */
export interface ValidationRule {
  rule: string;
  message?: string;
  /** CEL expression of type string; used instead of `message` unless it fails or yields an empty or multi-line text. */
  messageExpression?: string;
  /** Which error the rule raises; default `FieldValueInvalid`. */
  reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired" | "FieldValueDuplicate";
  /** Path of the field to blame, relative to the rule's schema: `.spec.test`, `.items['a b']`. Not into lists. */
  fieldPath?: string;
  /** With `true`, `oldSelf` is an optional value and the rule runs on creation too. */
  optionalOldSelf?: boolean;
}

/** How the elements of a list are owned and merged; default `atomic`. */
export type ListType = "atomic" | "set" | "map";

/**
 * `openAPIV3Schema` of a `CustomResourceDefinition` v1, plus the two `x-kubernetes-patch-*` keywords of the core kinds'
 * OpenAPI documents. A keyword that is not named here is ignored.
 */
export interface StructuralSchema {
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean" | undefined;
  title?: string | undefined;
  description?: string | undefined;
  format?: string | undefined;
  default?: JsonValue | undefined;
  nullable?: boolean | undefined;
  example?: JsonValue | undefined;
  externalDocs?: JsonValue | undefined;

  properties?: { readonly [name: string]: StructuralSchema } | undefined;
  additionalProperties?: StructuralSchema | boolean | undefined;
  required?: readonly string[] | undefined;
  minProperties?: number | undefined;
  maxProperties?: number | undefined;

  items?: StructuralSchema | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
  uniqueItems?: boolean | undefined;

  enum?: readonly JsonValue[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: boolean | undefined;
  exclusiveMaximum?: boolean | undefined;
  multipleOf?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  pattern?: string | undefined;

  allOf?: readonly StructuralSchema[] | undefined;
  anyOf?: readonly StructuralSchema[] | undefined;
  oneOf?: readonly StructuralSchema[] | undefined;
  not?: StructuralSchema | undefined;

  "x-kubernetes-int-or-string"?: boolean | undefined;
  "x-kubernetes-preserve-unknown-fields"?: boolean | undefined;
  "x-kubernetes-embedded-resource"?: boolean | undefined;
  "x-kubernetes-list-type"?: ListType | undefined;
  "x-kubernetes-list-map-keys"?: readonly string[] | undefined;
  "x-kubernetes-map-type"?: "granular" | "atomic" | undefined;
  "x-kubernetes-validations"?: readonly ValidationRule[] | undefined;
  /** Strategic merge patch: `merge`, `replace`, `retainKeys`, or `merge,retainKeys`. Core kinds only. */
  "x-kubernetes-patch-strategy"?: string | undefined;
  /** Strategic merge patch: the key by which list elements are merged, where it differs from the list-map key. */
  "x-kubernetes-patch-merge-key"?: string | undefined;
}
