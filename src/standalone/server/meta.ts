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

/** A rule in the words of a real API server: what it asks for, examples, and its regular expression. */
const rule = (what: string, examples: readonly string[], expression: string): string =>
  `${what} (e.g. ${examples.map((text) => `'${text}'`).join(",  or ")}, regex used for validation is '${expression}')`;
const ENDS = "and must start and end with an alphanumeric character";
const LABEL_RULE = rule(
  `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${ENDS}`,
  ["my-name", "123-abc"],
  "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
);
const SUBDOMAIN_RULE = rule(
  `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${ENDS}`,
  ["example.com"],
  "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
);
const VALUE_RULE = rule(
  `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`,
  ["MyValue", "my_value", "12345"],
  "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
);
const NAME_PART_RULE = rule(
  `name part must consist of alphanumeric characters, '-', '_' or '.', ${ENDS}`,
  ["MyName", "my.name", "123-abc"],
  "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
);

/** What is wrong with `text`: its length, or what `otherwise` says. */
const said = (text: string, limit: number, otherwise: string): string =>
  text.length > limit ? `must be no more than ${limit} characters` : otherwise;

/** What is wrong with `[prefix/]name`. */
function qualifiedRule(key: string): string {
  const name = key.slice(key.indexOf("/") + 1);
  return name.length > 63 ? "name part must be no more than 63 characters" : NAME_PART_RULE;
}

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
      options.strictName ? said(name, 63, LABEL_RULE) : said(name, 253, SUBDOMAIN_RULE),
    );
  }
  for (const [key, value] of Object.entries(child(meta, "labels"))) {
    if (!QUALIFIED.test(key)) bad("metadata.labels", key, qualifiedRule(key));
    if (typeof value !== "string" || !LABEL_VALUE.test(value)) {
      bad("metadata.labels", String(value), said(String(value), 63, VALUE_RULE));
    }
  }
  let bytes = 0;
  for (const [key, value] of Object.entries(child(meta, "annotations"))) {
    if (!QUALIFIED.test(key)) bad("metadata.annotations", key, qualifiedRule(key));
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
    if (!QUALIFIED.test(finalizer)) bad("metadata.finalizers", finalizer, qualifiedRule(finalizer));
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
