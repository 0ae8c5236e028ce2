/** The schemas that earlier implementations of these kinds served, which ours must be a superset of. @module */
import { type JsonSchema } from "@virtrigaud/api";

/** One kind of the fixture. */
export interface ReferenceKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly schema: JsonSchema;
}

/** Reads the fixture. */
export function referenceKinds(): ReferenceKind[] {
  const text = Deno.readTextFileSync(new URL("reference_schemas.jsonl", import.meta.url));
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as ReferenceKind);
}
