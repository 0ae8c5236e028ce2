/** Request bodies, read within limits. @module */
import { parseYaml } from "@virtrigaud/deps";
import type { Json, JsonObject } from "../storage/mod.ts";
import { badRequest, tooLarge, unsupportedMediaType } from "./errors.ts";
import { objectOf } from "./json.ts";
import { mediaType } from "./media.ts";

/** Largest request body in bytes, as on a real API server. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** Deepest nesting of a body; everything that walks objects recursively relies on it. */
const MAX_DEPTH = 100;

/** Media types of plain objects. */
export const OBJECT_TYPES = ["application/json", "application/yaml"];

/** Reads a body that must be an object; an empty one yields `undefined`. */
export async function readObject(
  request: Request,
  types: readonly string[] = OBJECT_TYPES,
): Promise<JsonObject | undefined> {
  const body = await readText(request);
  if (body.trim() === "") return undefined;
  const type = mediaType(request.headers);
  if (type !== "" && !types.includes(type)) throw unsupportedMediaType(type, types);
  const value = objectOf(parse(body, type));
  if (value === undefined) throw badRequest("the request body must be an object");
  return value;
}

/** Reads a body of any JSON value. */
export async function readValue(request: Request): Promise<Json> {
  return parse(await readText(request), mediaType(request.headers));
}

function parse(body: string, type: string): Json {
  let value: Json;
  try {
    value = type.endsWith("yaml") ? parseYaml(body) as Json : JSON.parse(body);
  } catch (error) {
    throw badRequest(`the request body cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  checkDepth(value, 1);
  return value;
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badRequest("the request body is not valid UTF-8");
  }
}

function checkDepth(value: Json, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw badRequest(`the request body is nested deeper than the limit of ${MAX_DEPTH} levels`);
  // A key that JavaScript gives a meaning to, and no API has a use for.
  if (Object.hasOwn(value, "__proto__")) throw badRequest('the field name "__proto__" is not allowed');
  for (const item of Array.isArray(value) ? value : Object.values(value)) checkDepth(item, depth + 1);
}
