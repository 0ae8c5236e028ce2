/** JSON Patch, RFC 6902, with the liberties that a real API server takes. @module */
import { RequestError } from "../errors.ts";
import { clone, define, equal, own } from "../json.ts";
import { checkDepth, MAX_PATCH_OPERATIONS } from "../limits.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";

/** What an operation could not do; becomes a 422 that names the operation. */
class Inapplicable extends Error {}

const tokens = (pointer: string): string[] => {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw new Inapplicable("a path starts with /");
  return pointer.slice(1).split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
};

/** The place of `token` in a list of `size` places; negative ones count from the end, as the real server has it. */
function index(token: string, size: number): number {
  if (!/^[+-]?\d{1,9}$/.test(token)) throw new Inapplicable(`${JSON.stringify(token)} is no place in a list`);
  const given = Number(token);
  const place = given < 0 ? given + size : given;
  if (place < 0 || place >= size) throw new Inapplicable(`place ${given} is outside the list of ${size}`);
  return place;
}

function child(value: JsonValue | undefined, token: string): JsonValue | undefined {
  if (Array.isArray(value)) return value[index(token, value.length)];
  if (isObject(value)) return own(value, token);
  throw new Inapplicable(`there is no object or list to look up ${JSON.stringify(token)} in`);
}

/** The object or list that `path` ends in, and the last token. */
function parent(root: JsonObject, path: readonly string[]): [JsonObject | JsonValue[], string] {
  const last = path.at(-1);
  if (last === undefined) throw new Inapplicable("the whole object cannot be the target");
  let value: JsonValue | undefined = root;
  for (const token of path.slice(0, -1)) value = child(value, token);
  if (Array.isArray(value) || isObject(value)) return [value, last];
  throw new Inapplicable("there is no object or list to change");
}

function add(root: JsonObject, path: string, value: JsonValue): void {
  const [target, token] = parent(root, tokens(path));
  if (!Array.isArray(target)) define(target, token, value);
  else if (token === "-") target.push(value);
  else target.splice(index(token, target.length + 1), 0, value);
}

function remove(root: JsonObject, path: string): JsonValue {
  const [target, token] = parent(root, tokens(path));
  if (Array.isArray(target)) return target.splice(index(token, target.length), 1)[0] ?? null;
  const value = own(target, token);
  if (value === undefined) throw new Inapplicable("there is nothing there to remove");
  delete target[token];
  return value;
}

/** On an object `replace` also adds: the real server does not insist on something to replace. */
function replace(root: JsonObject, path: string, value: JsonValue): void {
  const [target, token] = parent(root, tokens(path));
  if (Array.isArray(target)) target[index(token, target.length)] = value;
  else define(target, token, value);
}

/** The value at `path`, `null` when the object that would hold it has none. */
function get(root: JsonObject, path: string): JsonValue {
  let value: JsonValue | undefined = root;
  for (const token of tokens(path)) value = child(value, token);
  return value ?? null;
}

function apply(root: JsonObject, operation: JsonObject): void {
  const path = text(operation, "path");
  const value = clone(own(operation, "value") ?? null);
  switch (own(operation, "op")) {
    case "add":
      return add(root, path, value);
    case "remove":
      return void remove(root, path);
    case "replace":
      return replace(root, path, value);
    case "test":
      if (!equal(get(root, path), value)) throw new Inapplicable("the value there is another one");
      return;
    case "copy":
      return add(root, path, clone(get(root, text(operation, "from"))));
    case "move": {
      const from = text(operation, "from");
      if (path.startsWith(`${from}/`)) throw new Inapplicable("a value cannot be moved into itself");
      return add(root, path, remove(root, from));
    }
    default:
      throw new Inapplicable("op must be one of add, remove, replace, test, copy, move");
  }
}

function text(operation: JsonObject, field: "path" | "from"): string {
  const value = own(operation, field);
  if (typeof value === "string") return value;
  throw new Inapplicable(`${field} must be a JSON pointer`);
}

/**
 * Applies `operations` to a copy of `object`.
 *
 * As a real API server does, and RFC 6902 does not: `replace` of an absent property adds it, `test` and `copy` take an
 * absent property for `null`, and negative list places count from the end.
 *
 * @throws {RequestError} 422 when an operation does not apply (which one, and why), 400 when the patch is no list of
 *   operations, 413 above {@linkcode MAX_PATCH_OPERATIONS}
 */
export function applyJsonPatch(object: JsonObject, operations: JsonValue): JsonObject {
  if (!Array.isArray(operations)) {
    throw new RequestError(400, "BadRequest", "error decoding patch: a JSON patch is a list of operations");
  }
  if (operations.length > MAX_PATCH_OPERATIONS) {
    const limit = `The allowed maximum operations in a JSON patch is ${MAX_PATCH_OPERATIONS}, got ${operations.length}`;
    throw new RequestError(413, "RequestEntityTooLarge", `Request entity too large: ${limit}`);
  }
  const result = clone(object);
  operations.forEach((operation, i) => {
    if (!isObject(operation)) {
      throw new RequestError(400, "BadRequest", `error decoding patch: operation ${i} is not an object`);
    }
    try {
      apply(result, operation);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      const what = `operation ${i} (${[operation.op, operation.path].map((part) => JSON.stringify(part)).join(" ")})`;
      const general = "the server rejected our request due to an error in our request";
      throw new RequestError(422, "Invalid", `${general}: ${what}: ${error.message}`);
    }
  });
  checkDepth(result, "the patched object");
  return result;
}
