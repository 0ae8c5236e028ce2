/** Steps of a path through an object, as ownership sees it, and their `FieldsV1` form. @module */
import { RequestError } from "../errors.ts";
import { canonical } from "../json.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";

/** One step: a field, an element of a map list by key, of a set by value, of another list by place. */
export type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "key"; readonly key: JsonObject }
  | { readonly kind: "value"; readonly value: JsonValue }
  | { readonly kind: "index"; readonly index: number };

/** The text of a step in `FieldsV1`: `f:spec`, `k:{"name":"a"}`, `v:"a"`, `i:0`. Equal steps have equal texts. */
export function encodeStep(step: Step): string {
  switch (step.kind) {
    case "field":
      return `f:${step.name}`;
    case "key":
      return `k:${asGoWrites(step.key)}`;
    case "value":
      return `v:${asGoWrites(step.value)}`;
    case "index":
      return `i:${step.index}`;
  }
}

/** Go's JSON escapes what could be taken for HTML, and clients compare these texts with those of a real API server. */
function asGoWrites(value: JsonValue): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return canonical(value).replaceAll(/[<>&\u2028\u2029]/g, escaped);
}

/** Reads what {@linkcode encodeStep} writes. */
export function decodeStep(text: string): Step {
  const rest = text.slice(2);
  try {
    switch (text.slice(0, 2)) {
      case "f:":
        return { kind: "field", name: rest };
      case "k:": {
        const key: JsonValue = JSON.parse(rest);
        if (isObject(key)) return { kind: "key", key };
        break;
      }
      case "v:":
        return { kind: "value", value: JSON.parse(rest) };
      case "i:":
        if (/^\d+$/.test(rest)) return { kind: "index", index: Number(rest) };
        break;
    }
  } catch {
    // No JSON after k: or v:; refused below like every other step that is none.
  }
  throw new RequestError(400, "BadRequest", `metadata.managedFields: ${JSON.stringify(text)} is no FieldsV1 path`);
}

/** The step as part of a path in messages: `.spec`, `[name="a"]`, `[="a"]`, `[0]`. */
export function printStep(step: Step): string {
  switch (step.kind) {
    case "field":
      return `.${step.name}`;
    case "key":
      return `[${Object.keys(step.key).sort().map((name) => `${name}=${JSON.stringify(step.key[name])}`).join(",")}]`;
    case "value":
      return `[=${canonical(step.value)}]`;
    case "index":
      return `[${step.index}]`;
  }
}
