/** Content negotiation: what the client wants to read, and what it sent. @module */
import { notAcceptable } from "./errors.ts";

/** The representation of an answer. */
export type Representation = "object" | "table" | "partial" | "partialList";

const ACCEPTED = ["application/json", "application/yaml"];

/**
 * The best representation that `accept` allows. Protobuf and CBOR are passed over: every client that asks for them names
 * JSON after them.
 *
 * @throws {ApiError} 406 when nothing in the list can be served.
 */
export function representation(accept: string | null): Representation {
  if (accept === null || accept.trim() === "") return "object";
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    const as = parameters.find((p) => p.startsWith("as="))?.slice(3);
    const version = parameters.find((p) => p.startsWith("v="))?.slice(2);
    if (as === undefined) return "object";
    if (version !== "v1") continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata") return "partial";
    if (as === "PartialObjectMetadataList") return "partialList";
  }
  throw notAcceptable(ACCEPTED);
}

/** The media type of a request body, without parameters. */
export function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}
