/** Field honesty for one object. @module */
import { setFields } from "./fields.ts";
import { kindNamed } from "./kinds.ts";
import { type ProviderType } from "./provider_spec.ts";
import { supportOf } from "./support.ts";

/**
 * The fields of `object.spec` that are set to something else than their default and that a provider of `type` does
 * not honour, as paths with list entries by name: `spec.disks[data].scsi.controller`. Empty means all is well.
 *
 * @throws {RangeError} when the object is of none of the ten kinds.
 */
export function unsupportedFields(
  object: { readonly kind: string; readonly spec: unknown },
  type: ProviderType,
): string[] {
  const kind = kindNamed(object.kind);
  const spec = kind.schema.properties?.["spec"] ?? {};
  const found: string[] = [];
  for (const { path, at } of setFields(spec, object.spec, "spec", "spec")) {
    const support = supportOf(kind, type, path);
    if (support === "planned" || support === "refused") found.push(at);
  }
  return found;
}
