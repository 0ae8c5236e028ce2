/** Rules of `metadata` that hold for every kind. @module */
import type { JsonObject } from "../storage/mod.ts";
import type { StatusCause } from "./errors.ts";
import { child, equal, isEmpty, objectOf, strings, text } from "./json.ts";

/** `metadata` of an object; an empty one, not attached, when it has none. */
export function metaOf(object: JsonObject): JsonObject {
  return child(object, "metadata");
}

/** Finalizers that the garbage collector serves. */
export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Suffix alphabet of generated names: no vowels and no look-alikes, so that no words come out. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** `prefix` with five random characters, within 63. */
export function generatedName(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return prefix.slice(0, 58) + Array.from(bytes, (b) => ALPHABET[b % ALPHABET.length]).join("");
}

/** Checks names, labels, annotations, finalizers and owners; `label` asks for the stricter form of a name. */
export function validateMeta(
  object: JsonObject,
  options: { readonly strictName: boolean; readonly anyName: boolean },
): StatusCause[] {
  const meta = metaOf(object);
  const causes: StatusCause[] = [];
  const bad = (field: string, value: string, why: string): void =>
    void causes.push({
      reason: "FieldValueInvalid",
      field,
      message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
    });
  const name = text(meta, "name");
  if (name === "") {
    causes.push({
      reason: "FieldValueRequired",
      field: "metadata.name",
      message: "Required value: name or generateName is required",
    });
  } else if (options.anyName) {
    if (/[/%]/.test(name) || name === "." || name === "..") {
      bad("metadata.name", name, "may not be '.', '..' or contain '/' or '%'");
    }
  } else if (options.strictName ? !LABEL.test(name) || name.length > 63 : !SUBDOMAIN.test(name) || name.length > 253) {
    bad(
      "metadata.name",
      name,
      options.strictName
        ? "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', start and end with an alphanumeric character, and have at most 63 characters"
        : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', start and end with an alphanumeric character, and have at most 253 characters",
    );
  }
  for (const [key, value] of Object.entries(child(meta, "labels"))) {
    if (!QUALIFIED.test(key)) {
      bad("metadata.labels", key, "label keys are [prefix/]name with at most 63 characters in the name");
    }
    if (typeof value !== "string" || !LABEL_VALUE.test(value)) {
      bad(
        "metadata.labels",
        String(value),
        "a label value has at most 63 of A-Z a-z 0-9 '-' '_' '.' and starts and ends alphanumeric",
      );
    }
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(child(meta, "annotations"))) {
    if (!QUALIFIED.test(key)) {
      bad("metadata.annotations", key, "annotation keys are [prefix/]name with at most 63 characters in the name");
    }
    if (typeof value !== "string") bad(`metadata.annotations[${key}]`, String(value), "must be a string");
    bytes += key.length + String(value).length;
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    causes.push({
      reason: "FieldValueTooLong",
      field: "metadata.annotations",
      message: `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`,
    });
  }
  for (const finalizer of strings(meta, "finalizers")) {
    if (!QUALIFIED.test(finalizer)) {
      bad("metadata.finalizers", finalizer, "must be a qualified name like example.com/name");
    }
  }
  return causes;
}

/** Fields that only the server sets: brings those of `live` back into `next`. */
export function carryOver(next: JsonObject, live: JsonObject): void {
  const from = metaOf(live);
  const to = metaOf(next);
  for (
    const key of [
      "uid",
      "creationTimestamp",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
      "generation",
      "generateName",
    ]
  ) {
    const value = from[key];
    if (value === undefined) delete to[key];
    else to[key] = value;
  }
  delete to.selfLink;
}

/** Drops what says nothing: an empty list of finalizers is no list of finalizers. In place. */
export function dropEmptyMeta(object: JsonObject): void {
  const meta = metaOf(object);
  for (const key of ["finalizers", "ownerReferences", "labels", "annotations", "managedFields"]) {
    if (isEmpty(meta[key])) delete meta[key];
  }
}

/** Whether anything but `metadata` and `status` differs: what `metadata.generation` counts. */
export function desiredStateDiffers(a: JsonObject, b: JsonObject): boolean {
  const part = ({ metadata: _m, status: _s, ...rest }: JsonObject): JsonObject => rest;
  return !equal(part(a), part(b));
}

/** Equality of two states but for the revision and the times in the ownership records. */
export function sameContent(a: JsonObject, b: JsonObject): boolean {
  const strip = (object: JsonObject): JsonObject => {
    const { resourceVersion: _r, managedFields, ...meta } = metaOf(object);
    const fields = Array.isArray(managedFields)
      ? managedFields.map((entry) => {
        const { time: _t, ...rest } = objectOf(entry) ?? {};
        return rest;
      })
      : [];
    return { ...object, metadata: { ...meta, managedFields: fields } };
  };
  return equal(strip(a), strip(b));
}
