/** Schema compilation: everything that can be worked out once per kind is. @module */
import type { FieldError } from "./errors.ts";
import type { JsonObject, StructuralSchema } from "./types.ts";

/** How {@linkcode compileSchema} reads a schema. */
export interface CompileOptions {
  /** Where the schema comes from, for the text of errors: `virtualmachines.infra.virtrigaud.io/v1beta1`. */
  readonly name?: string;
  /**
   * Whether CEL rules are compiled; default `true`. Compiling costs about a millisecond a rule.
   */
  readonly rules?: boolean;
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
  /** Fills in defaults, in place; also drops `null` where the schema does not allow it but has a default. */
  applyDefaults(object: JsonObject): void;
  /**
   * Checks values, formats, list uniqueness and CEL rules.
   *
   * @param old the stored object on update; transition rules (`oldSelf`) run only with it, and a CEL rule is not run
   *   again on a part that has not changed (validation ratcheting)
   */
  validate(object: JsonObject, old?: JsonObject): FieldError[];
}

/**
 * Compiles `schema`.
 *
 * @throws {Error} when a rule, pattern or keyword cannot be honoured; the message names the schema path and the rule
 */
export declare function compileSchema(schema: StructuralSchema, options?: CompileOptions): ObjectSchema;
