/** Objects in Kubernetes' protobuf form, as clients with typed kinds send them. Reading only. @module */
import type { Json, JsonObject } from "../storage/mod.ts";
import { badRequest, unsupportedMediaType } from "./errors.ts";
import { MESSAGES } from "./protobuf_messages.ts";

/** Media type of the envelope. */
export const PROTOBUF = "application/vnd.kubernetes.protobuf";

const MAGIC = [0x6b, 0x38, 0x73, 0x00];

interface Field {
  readonly name: string;
  readonly type: string;
  readonly repeated: boolean;
  readonly pointer: boolean;
}

/**
 * Decodes an enveloped object into what its JSON form would be.
 *
 * @throws {ApiError} 415 for a kind or field that only the JSON form may carry here, 400 for damaged bytes.
 */
export function decodeProtobuf(bytes: Uint8Array): JsonObject {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw badRequest("the request body is not in Kubernetes' protobuf form");
  }
  try {
    const envelope = new Map([...fieldsOf(bytes.subarray(4))]);
    const type = new Map([...fieldsOf(bytesOf(envelope.get(1)))]);
    const kind = utf8(bytesOf(type.get(2)));
    return { apiVersion: utf8(bytesOf(type.get(1))), kind, ...message(kind, bytesOf(envelope.get(2)), kind) };
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the protobuf request body is damaged: ${error.message}`);
    throw error;
  }
}

const LAYOUTS: ReadonlyMap<string, ReadonlyMap<number, Field>> = new Map(
  Object.entries(MESSAGES).map(([type, source]) => [type, new Map(source.split(", ").map(fieldOf))]),
);

function fieldOf(entry: string): [number, Field] {
  const [number = "", name = "", spec = ""] = entry.split(" ");
  const type = spec.replace(/[*?]$/, "");
  return [Number(number), { name, type, repeated: spec.endsWith("*"), pointer: spec.endsWith("?") }];
}

function message(type: string, bytes: Uint8Array, path: string): JsonObject {
  const layout = LAYOUTS.get(type);
  if (layout === undefined) throw refusal(`kind ${type}`);
  const object: JsonObject = {};
  for (const [number, raw] of fieldsOf(bytes)) {
    const field = layout.get(number);
    if (field === undefined) throw refusal(`field ${number} of ${path}`);
    if (field.type === "skip") continue;
    const value = valueOf(field.type, raw, `${path}.${field.name}`);
    if (field.repeated) {
      const list = object[field.name];
      if (Array.isArray(list)) list.push(value);
      else object[field.name] = [value];
    } else if (field.type.startsWith("map<")) {
      const map = object[field.name];
      object[field.name] = typeof map === "object" && map !== null && typeof value === "object"
        ? { ...map, ...value }
        : value;
    } else if (field.pointer || !isZero(value)) object[field.name] = value;
  }
  return object;
}

function valueOf(type: string, raw: Raw, path: string): Json {
  switch (type) {
    case "string":
      return utf8(bytesOf(raw));
    case "bytes":
      return bytesOf(raw).toBase64();
    case "int":
      return Number(BigInt.asIntN(64, numberOf(raw)));
    case "bool":
      return numberOf(raw) !== 0n;
    case "Time":
    case "MicroTime":
      return time(bytesOf(raw), type === "MicroTime");
    case "Quantity":
      return utf8(bytesOf(new Map([...fieldsOf(bytesOf(raw))]).get(1)));
    case "IntOrString": {
      const parts = new Map([...fieldsOf(bytesOf(raw))]);
      return numberOf(parts.get(1)) === 0n
        ? Number(BigInt.asIntN(64, numberOf(parts.get(2))))
        : utf8(bytesOf(parts.get(3)));
    }
    default: {
      if (!type.startsWith("map<")) return message(type, bytesOf(raw), path);
      const entry = new Map([...fieldsOf(bytesOf(raw))]);
      return { [utf8(bytesOf(entry.get(1)))]: valueOf(type.slice(4, -1), entry.get(2) ?? new Uint8Array(), path) };
    }
  }
}

/** A time without seconds is Go's zero time: not set. */
function time(bytes: Uint8Array, micro: boolean): Json {
  const parts = new Map([...fieldsOf(bytes)]);
  const seconds = BigInt.asIntN(64, numberOf(parts.get(1)));
  if (seconds <= 0n) return "";
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = String(numberOf(parts.get(2)) / 1000n).padStart(6, "0");
  return micro ? `${whole}.${fraction}Z` : `${whole}Z`;
}

function isZero(value: Json): boolean {
  return value === "" || value === 0 || value === false ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

type Raw = bigint | Uint8Array;

function* fieldsOf(bytes: Uint8Array): Generator<[number, Raw]> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError("a number is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number is longer than 64 bits");
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    switch (tag & 7) {
      case 0:
        yield [tag >> 3, varint()];
        break;
      case 2: {
        const length = Number(varint());
        if (length > bytes.length - at) throw new RangeError("a field is cut off");
        yield [tag >> 3, bytes.subarray(at, at += length)];
        break;
      }
      default:
        throw new RangeError(`wire type ${tag & 7} is not used by Kubernetes`);
    }
  }
}

function bytesOf(raw: Raw | undefined): Uint8Array {
  if (typeof raw === "bigint") throw new RangeError("a number was found where bytes were expected");
  return raw ?? new Uint8Array();
}

function numberOf(raw: Raw | undefined): bigint {
  if (raw === undefined) return 0n;
  if (typeof raw !== "bigint") {
    // An absent map value arrives as empty bytes.
    if (raw.length === 0) return 0n;
    throw new RangeError("bytes were found where a number was expected");
  }
  return raw;
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function refusal(what: string): Error {
  return unsupportedMediaType(
    ["application/json", "application/yaml"],
    `protobuf with ${what}, which this server takes as JSON only`,
  );
}
