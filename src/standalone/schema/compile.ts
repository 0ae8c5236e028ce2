/** Schema compilation: everything that can be worked out once per kind is. @module */
import { compileRules } from "./cel/rules.ts";
import type { FieldError, FieldErrorType } from "./errors.ts";
import { checkUnique } from "./lists.ts";
import { asObject } from "./metadata.ts";
import { compileNode } from "./node.ts";
import { applyDefaults, prune } from "./prune.ts";
import type { JsonObject, StructuralSchema } from "./types.ts";
import { validateValue } from "./values.ts";

/** How {@linkcode compileSchema} reads a schema. */
export interface CompileOptions {
  /** Where the schema comes from, for the text of errors: `virtualmachines.infra.virtrigaud.io/v1beta1`. */
  readonly name?: string;
}

/** A compiled schema of one kind. It keeps no state of the objects it is given and may be shared. */
export interface ObjectSchema {
  /** The schema it was made of, with `apiVersion`, `kind` and the full `metadata` of every object in place. */
  readonly schema: StructuralSchema;
  /**
   * Drops fields that the schema does not know, in place.
   *
   * @returns the paths of what was dropped (`spec.disks[0].colour`), in order, for warnings and strict validation
   */
  prune(object: JsonObject): string[];
  /** Fills in defaults, in place; a `null` that the schema does not allow counts as absent. */
  applyDefaults(object: JsonObject): void;
  /**
   * Checks values, formats, list uniqueness and CEL rules. Expects a pruned and defaulted object.
   *
   * @param old the stored object on update; transition rules (`oldSelf`) run only with it, and parts that have not
   *   changed are not refused (validation ratcheting)
   */
  validate(object: JsonObject, old?: JsonObject): FieldError[];
}

/** After such an error a rule might read a value that is not what its type says: rules do not run at all. */
const BLOCKING: ReadonlySet<FieldErrorType> = new Set<FieldErrorType>([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);
const NOT_CHECKED: FieldError = {
  type: "FieldValueInvalid",
  field: "<nil>",
  badValue: null,
  detail:
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
};

/**
 * Compiles `schema`. CEL rules cost about a millisecond each, once.
 *
 * @throws {Error} when a rule, pattern or keyword cannot be honoured; the message names the schema path and the rule
 */
export function compileSchema(schema: StructuralSchema, { name = "object" }: CompileOptions = {}): ObjectSchema {
  const whole = asObject(schema);
  const root = compileNode(whole);
  const checkRules = compileRules(root, name);
  return {
    schema: whole,
    prune: (object) => {
      const dropped: string[] = [];
      prune(root, object, "", dropped);
      return dropped;
    },
    applyDefaults: (object) => applyDefaults(root, object),
    validate: (object, old) => {
      const errors: FieldError[] = [];
      validateValue(root, object, "", errors, old);
      checkUnique(root, object, "", errors, old);
      if (!checkRules) return errors;
      if (errors.some(({ type }) => BLOCKING.has(type))) errors.push(NOT_CHECKED);
      else checkRules(object, errors, old);
      return errors;
    },
  };
}
