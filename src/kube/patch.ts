/** Kinds of patch and their media types. @module */

/** One step of a JSON patch (RFC 6902). */
export type JsonPatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly from: string; readonly path: string };

/** A change to an object. `strategic` works on built-in kinds only. */
export type Patch =
  | { readonly type: "json"; readonly body: readonly JsonPatchOperation[] }
  | { readonly type: "merge"; readonly body: Readonly<Record<string, unknown>> }
  | { readonly type: "strategic"; readonly body: Readonly<Record<string, unknown>> };

/** `Content-Type` of a patch. */
export function mediaTypeOf(type: Patch["type"] | "apply"): string {
  switch (type) {
    case "json":
      return "application/json-patch+json";
    case "merge":
      return "application/merge-patch+json";
    case "strategic":
      return "application/strategic-merge-patch+json";
    case "apply":
      // JSON is YAML, and every server with server-side apply takes this name.
      return "application/apply-patch+yaml";
  }
}
