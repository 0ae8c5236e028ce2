/** Field errors, and the `Status` that an API server makes of them. @module */
import type { JsonValue } from "./types.ts";

/** What is wrong with a field. The names are the `reason` of a `StatusCause`. */
export type FieldErrorType =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTypeInvalid"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueDuplicate"
  | "FieldValueNotFound"
  | "InternalError";

/** One thing that is wrong with an object. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** Path of the field: `spec.disks[0].name`, `metadata.labels[a/b]`; `<nil>` is the object itself. */
  readonly field: string;
  /** The refused value, printed in the message where the type of error shows one. */
  readonly badValue?: JsonValue | undefined;
  /** What was expected; may be empty. */
  readonly detail: string;
}

/** One entry of `Status.details.causes`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

const TITLE: Record<FieldErrorType, string> = {
  FieldValueRequired: "Required value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTypeInvalid: "Invalid value",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  FieldValueDuplicate: "Duplicate value",
  FieldValueNotFound: "Not found",
  InternalError: "Internal error",
};

/** Errors whose message does not repeat the value: it is absent, secret, or far too long. */
const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set<FieldErrorType>([
  "FieldValueRequired",
  "FieldValueForbidden",
  "FieldValueTooLong",
  "InternalError",
]);

/** The text of one error without its field: `Invalid value: 0: should be greater than or equal to 1`. */
export function errorBody({ type, badValue, detail }: FieldError): string {
  const title = WITHOUT_VALUE.has(type) || badValue === undefined
    ? TITLE[type]
    : `${TITLE[type]}: ${JSON.stringify(badValue)}`;
  return detail === "" ? title : `${title}: ${detail}`;
}

/** The text of one error: `spec.cpu: Invalid value: 0: should be greater than or equal to 1`. */
export const errorText = (error: FieldError): string => `${error.field}: ${errorBody(error)}`;

/** `Status.details.causes` for `errors`. */
export const statusCauses = (errors: readonly FieldError[]): StatusCause[] =>
  errors.map((error) => ({ reason: error.type, message: errorBody(error), field: error.field }));

/** What an invalid object is called in messages. */
export interface ObjectName {
  readonly kind: string;
  /** API group; empty for the core group. */
  readonly group: string;
  readonly name: string;
}

/** The message of a 422 `Invalid` status: one error is shown as it is, several in brackets, repeated ones once. */
export function invalidMessage({ kind, group, name }: ObjectName, errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(errorText))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return `${group === "" ? kind : `${kind}.${group}`} ${JSON.stringify(name)} is invalid: ${list}`;
}

/** A request that cannot be carried out as written. `code` and `reason` are those of the `Status` to answer with. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  constructor(
    readonly code: 400 | 409 | 413 | 415 | 422,
    readonly reason: "BadRequest" | "Conflict" | "Invalid" | "RequestEntityTooLarge" | "UnsupportedMediaType",
    message: string,
  ) {
    super(message);
  }
}
