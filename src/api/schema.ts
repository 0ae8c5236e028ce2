/**
 * The words in which kinds are written: thin builders over TypeBox whose output is at once a TypeScript type
 * (`Static<typeof X>`) and a structural OpenAPI v3 schema. Every builder takes the field's sentence first, so that
 * no field can go without the text that `kubectl explain` and the field reference show.
 *
 * @module
 */
import { type Static, type TSchema, Type } from "@virtrigaud/deps";

/** A CEL rule that the API server evaluates on every write (`x-kubernetes-validations`). */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
  readonly reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired" | "FieldValueDuplicate";
}

/** The part of OpenAPI v3 that a structural schema of a CustomResourceDefinition may use. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly additionalProperties?: JsonSchema;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly "x-kubernetes-embedded-resource"?: true;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** Options of a string field. Lengths are in characters. */
export interface StringOptions {
  readonly default?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}
/** Options of an integer field; both bounds are inclusive. */
export interface IntegerOptions {
  readonly default?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}
/** Options of a list. Without a list type the API server treats it as atomic. */
export interface ListOptions {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly "x-kubernetes-list-type"?: "atomic" | "set";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

type Simplify<T> = { [K in keyof T]: T[K] };
type Fields = Record<string, TSchema>;
type ObjectOf<R extends Fields, O extends Fields> = Simplify<
  { [K in keyof R]: Static<R[K]> } & { [K in keyof O]?: Static<O[K]> }
>;

/** Text. */
export const string = (description: string, options: StringOptions = {}) =>
  Type.Unsafe<string>({ type: "string", description, ...options });

/** One of a closed set of words. */
export const oneOf = <const V extends readonly string[]>(
  description: string,
  values: V,
  options: { readonly default?: V[number] } = {},
) => Type.Unsafe<V[number]>({ type: "string", description, enum: [...values], ...options });

/** A 32-bit whole number. */
export const int32 = (description: string, options: IntegerOptions = {}) =>
  Type.Unsafe<number>({ type: "integer", format: "int32", description, ...options });

/** A 64-bit whole number; TypeScript sees it exactly up to 2^53. */
export const int64 = (description: string, options: IntegerOptions = {}) =>
  Type.Unsafe<number>({ type: "integer", format: "int64", description, ...options });

/** A whole number of no declared width. */
export const integer = (description: string, options: IntegerOptions = {}) =>
  Type.Unsafe<number>({ type: "integer", description, ...options });

/** True or false. */
export const boolean = (description: string, options: { readonly default?: boolean } = {}) =>
  Type.Unsafe<boolean>({ type: "boolean", description, ...options });

/** A point in time, RFC 3339. */
export const dateTime = (description: string) =>
  Type.Unsafe<string>({ type: "string", format: "date-time", description });

/** A number or text, such as a port or a percentage. */
export const intOrString = (description: string, options: { readonly default?: number | string } = {}) =>
  Type.Unsafe<number | string>({
    anyOf: [{ type: "integer" }, { type: "string" }],
    "x-kubernetes-int-or-string": true,
    description,
    ...options,
  });

const QUANTITY =
  "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$";

/** A Kubernetes quantity such as `4Gi`, `500M` or `2`; read it with {@linkcode parseQuantity}. */
export const quantity = (description: string, options: { readonly default?: string } = {}) =>
  Type.Unsafe<number | string>({
    anyOf: [{ type: "integer" }, { type: "string" }],
    pattern: QUANTITY,
    "x-kubernetes-int-or-string": true,
    description,
    ...options,
  });

/** A length of time in Go syntax such as `90s` or `1h30m`; read it with {@linkcode parseDuration}. */
export const duration = (description: string, options: { readonly default?: string } = {}) =>
  Type.Unsafe<string>({ type: "string", description, ...options });

/** A list. */
export const list = <T extends TSchema>(description: string, items: T, options: ListOptions = {}) =>
  Type.Unsafe<Static<T>[]>({ type: "array", description, items, ...options });

/** A list whose order means nothing: entries are told apart by `key`, merged one by one, and may not repeat it. */
export const listMap = <T extends TSchema>(
  description: string,
  items: T,
  key: string & keyof Static<T>,
  options: Omit<ListOptions, "x-kubernetes-list-type"> = {},
) =>
  Type.Unsafe<Static<T>[]>({
    type: "array",
    description,
    items,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": [key],
    ...options,
  });

/** A map from text to `values`. */
export const map = <T extends TSchema>(
  description: string,
  values: T,
  options: { readonly maxProperties?: number } = {},
) => Type.Unsafe<Record<string, Static<T>>>({ type: "object", description, additionalProperties: values, ...options });

/** A map from text to text. */
export const stringMap = (description: string, options: { readonly maxProperties?: number } = {}) =>
  map(description, Type.Unsafe<string>({ type: "string" }), options);

/** Options of an object. */
export interface ObjectOptions {
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** An object: first the fields that must be given, then those that may. */
export function object<R extends Fields, O extends Fields>(
  description: string,
  required: R,
  optional: O,
  options: ObjectOptions = {},
) {
  const names = Object.keys(required);
  return Type.Unsafe<ObjectOf<R, O>>({
    type: "object",
    description,
    properties: { ...required, ...optional },
    ...(names.length > 0 ? { required: names } : {}),
    ...options,
  });
}

/** The same schema where another sentence (and, rarely, another default) fits the field better. */
export const described = <T extends TSchema>(
  description: string,
  schema: T,
  options: { readonly default?: unknown } = {},
) => Type.Unsafe<Static<T>>({ ...structural(schema), description, ...options });

/** The plain JSON Schema behind `schema`, without what TypeBox adds for itself. */
export function structural(schema: TSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema, (key, value) => key.startsWith("~") ? undefined : value));
}
