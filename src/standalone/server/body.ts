/** Request bodies, read within limits. @module */
import { parseYaml } from "@virtrigaud/deps";
import type { Json, JsonObject } from "../storage/mod.ts";
import { checkDepth, MAX_OBJECT_BYTES } from "../schema/mod.ts";
import { badRequest, tooLarge, unsupportedMediaType } from "./errors.ts";
import { objectOf } from "./json.ts";
import { mediaType } from "./media.ts";
import { decodeProtobuf, PROTOBUF } from "./protobuf.ts";

/** Media types of plain objects. */
export const OBJECT_TYPES = ["application/json", "application/yaml", PROTOBUF];

/** Reads a body that must be an object; an empty one yields `undefined`. */
export async function readObject(request: Request): Promise<JsonObject | undefined> {
  const body = await readBytes(request);
  if (body.length === 0) return undefined;
  const type = mediaType(request.headers);
  if (type !== "" && !OBJECT_TYPES.includes(type)) throw unsupportedMediaType(OBJECT_TYPES);
  const value = objectOf(type === PROTOBUF ? decodeProtobuf(body) : parse(body, type));
  if (value === undefined) throw badRequest("the request body must be an object");
  return value;
}

/** Reads a body of any JSON value. */
export async function readValue(request: Request): Promise<Json> {
  return parse(await readBytes(request), mediaType(request.headers));
}

function parse(body: Uint8Array, type: string): Json {
  let value: Json;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    value = type.endsWith("yaml") ? parseYaml(text) as Json : JSON.parse(text);
  } catch (error) {
    throw badRequest(`the request body cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  checkDepth(value, "the request body");
  refusePrototype(value);
  return value;
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_OBJECT_BYTES) throw tooLarge(MAX_OBJECT_BYTES);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_OBJECT_BYTES) throw tooLarge(MAX_OBJECT_BYTES);
    chunks.push(chunk);
  }
  if (chunks[0] !== undefined && chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** Refuses the one key that JavaScript gives a meaning to, and no API has a use for. */
function refusePrototype(value: Json): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "__proto__")) throw badRequest('the field name "__proto__" is not allowed');
  for (const item of Array.isArray(value) ? value : Object.values(value)) refusePrototype(item);
}
