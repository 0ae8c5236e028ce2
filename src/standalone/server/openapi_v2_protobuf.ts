/** The older schema document in its protobuf form, as far as kubectl needs it. @module */

/** Media type under which clients ask for it. */
export const OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/** Media type of the answer: with the `@` of the request no client could parse it. */
export const OPENAPI_V2_PROTOBUF_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/**
 * A `openapi.v2.Document` that describes no kind. kubectl asks for it only for what version 3 does not describe, which
 * is `kind: List`, and takes what it does not find as not to be checked by the client; the server checks everything.
 */
export function emptyOpenApiV2(): Uint8Array<ArrayBuffer> {
  const info = [...text(1, "Kubernetes"), ...text(2, "v1")];
  return new Uint8Array([...text(1, "2.0"), ...message(2, info), ...message(8, [])]);
}

/** A length-delimited field; all lengths here are below 128, one byte each. */
function message(field: number, content: readonly number[]): number[] {
  return [(field << 3) | 2, content.length, ...content];
}

function text(field: number, value: string): number[] {
  return message(field, [...new TextEncoder().encode(value)]);
}
