/**
 * A codec maps a value of the domain to its wire form and back. Both ways are total and strict: what cannot travel, or
 * cannot have been meant, is an `InvalidSpec` error that names the field and the limit; nothing turns into a default.
 *
 * @module
 */
import { Secret } from "@virtrigaud/telemetry";
import { ProviderError } from "../errors.ts";

/** Two-way mapping. `W` includes `undefined` where the field may be absent on the wire. `path` names the field. */
export interface Codec<D, W> {
  readonly encode: (value: D, path: string) => W;
  readonly decode: (wire: W, path: string) => D;
}

/** Upper bounds that hold for every message, in both directions (bounded input, DESIGN section 3.12). */
export const limits = {
  /** Characters of a string without a limit of its own. */
  text: 4096,
  /** Bytes of a first-boot configuration or another document. */
  document: 1024 * 1024,
  /** Elements of a list without a limit of its own. */
  list: 1024,
  /** Entries of a map. */
  map: 256,
} as const;

/** The error of every codec. */
export function invalid(path: string, problem: string): ProviderError {
  return new ProviderError("InvalidSpec", `${path === "" ? "message" : path}: ${problem}`, { field: path });
}

const present = <T>(value: T | undefined | null, path: string): T => {
  if (value === undefined || value === null) throw invalid(path, "is required and missing");
  return value;
};

/** A scalar: the same check both ways, then the value as it is. */
function scalar<T>(check: (value: T, path: string) => void): Codec<T, T | undefined> {
  const pass = (value: T | undefined, path: string): T => {
    const known = present(value, path);
    check(known, path);
    return known;
  };
  return { encode: pass, decode: pass };
}

function checkText(value: string, path: string, max: number): void {
  if (typeof value !== "string") throw invalid(path, `must be a string, is ${typeof value}`);
  if (value.length > max) throw invalid(path, `is ${value.length} characters long, at most ${max} are allowed`);
}

/** A string of at most `max` characters; the empty one is allowed. */
export const text = (max: number = limits.text): Codec<string, string | undefined> =>
  scalar((value, path) => checkText(value, path, max));

/** A string of 1 to `max` characters: names and ids, where an empty one is a mistake of the sender. */
export const name = (max: number = limits.text): Codec<string, string | undefined> =>
  scalar((value, path) => {
    checkText(value, path, max);
    if (value === "") throw invalid(path, "must not be empty");
  });

export const bool: Codec<boolean, boolean | undefined> = scalar((value, path) => {
  if (typeof value !== "boolean") throw invalid(path, `must be true or false, is ${typeof value}`);
});

/** `false` is what absence means: for capabilities, which a peer of another age may not know by name. */
export const flag: Codec<boolean, boolean | undefined> = {
  encode: bool.encode,
  decode: (wire, path) => wire === undefined ? false : bool.decode(wire, path),
};

function checkInteger(value: number, path: string, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalid(path, `must be a whole number from ${min} to ${max}, is ${value}`);
  }
}

const INT32_MAX = 2 ** 31 - 1;

/** A whole number that fits 32 bits. Default range: 0 to 2^31-1. */
export const int32 = (min = 0, max = INT32_MAX): Codec<number, number | undefined> =>
  scalar((value, path) => checkInteger(value, path, min, max));

/**
 * A whole number of 64 bits, a decimal string on the wire side. Beyond 2^53-1 a JavaScript number is no longer exact:
 * such a value is refused, not rounded.
 */
export const int64 = (min = 0, max: number = Number.MAX_SAFE_INTEGER): Codec<number, string | undefined> => ({
  encode(value, path) {
    checkInteger(value, path, min, max);
    return String(value);
  },
  decode(wire, path) {
    const value = Number(present(wire, path));
    checkInteger(value, path, min, max);
    return value;
  },
});

/** A finite number, zero or more. */
export const quantity: Codec<number, number | undefined> = scalar((value, path) => {
  if (!Number.isFinite(value) || value < 0) throw invalid(path, `must be a number, zero or more, is ${value}`);
});

/** An enum by name; `table` is total over the domain type, so that a new value cannot be forgotten. */
export function enumeration<D extends string, W extends string>(
  table: Readonly<Record<D, W>>,
): Codec<D, W | undefined> {
  const back = new Map(Object.entries<W>(table).map(([domain, wire]) => [wire, domain as D]));
  return {
    encode(value, path) {
      const wire = Object.hasOwn(table, value) ? table[value] : undefined;
      if (wire === undefined) throw invalid(path, `must be one of ${Object.keys(table).join(", ")}, is ${value}`);
      return wire;
    },
    decode(wire, path) {
      const value = back.get(present(wire, path));
      if (value === undefined) {
        throw invalid(path, `${wire} is not known here; allowed: ${[...back.keys()].join(", ")}`);
      }
      return value;
    },
  };
}

/** A field that may be absent on both sides. */
export function optional<D, W>(codec: Codec<D, W | undefined>): Codec<D | undefined, W | undefined> {
  return {
    encode: (value, path) => value === undefined ? undefined : codec.encode(value, path),
    decode: (wire, path) => wire === undefined || wire === null ? undefined : codec.decode(wire, path),
  };
}

/** Label of a list element in a path: its name where it has one, as users know it by that. */
function elementPath(path: string, index: number, element: unknown): string {
  const label = typeof element === "object" && element !== null && "name" in element ? element.name : index;
  return `${path}[${String(label).slice(0, 64)}]`;
}

/** A list of at most `max` elements; on the wire absent and empty are the same. */
export function list<D, W>(
  codec: Codec<D, W | undefined>,
  max: number = limits.list,
): Codec<readonly D[], W[] | undefined> {
  const check = (length: number, path: string): void => {
    if (length > max) throw invalid(path, `has ${length} elements, at most ${max} are allowed`);
  };
  return {
    encode(values, path) {
      check(values.length, path);
      return values.map((value, i) => present(codec.encode(value, elementPath(path, i, value)), path));
    },
    decode(wire = [], path) {
      check(wire.length, path);
      return wire.map((value, i) => codec.decode(value, elementPath(path, i, value)));
    },
  };
}

/** {@linkcode list} for an optional field: an empty list is the same as none. */
export function optionalList<D, W>(
  codec: Codec<D, W | undefined>,
  max?: number,
): Codec<readonly D[] | undefined, W[] | undefined> {
  const all = list(codec, max);
  return {
    encode: (values, path) => values === undefined ? undefined : all.encode(values, path),
    decode: (wire, path) => wire === undefined || wire.length === 0 ? undefined : all.decode(wire, path),
  };
}

type Texts = Readonly<Record<string, string>>;

/** Strings by name, at most {@linkcode limits.map} of them. */
export const map: Codec<Texts, Record<string, string> | undefined> = (() => {
  const copy = (values: Texts = {}, path: string): Record<string, string> => {
    const entries = Object.entries(values);
    if (entries.length > limits.map) {
      throw invalid(path, `has ${entries.length} entries, at most ${limits.map} are allowed`);
    }
    for (const [key, value] of entries) {
      checkText(key, path, 256);
      checkText(value, `${path}[${key.slice(0, 64)}]`, 65_536);
    }
    return Object.fromEntries(entries);
  };
  return { encode: copy, decode: copy };
})();

/** {@linkcode map} for an optional field: an empty map is the same as none. */
export const optionalMap: Codec<Texts | undefined, Record<string, string> | undefined> = {
  encode: (values, path) => values === undefined ? undefined : map.encode(values, path),
  decode: (wire, path) => wire === undefined || Object.keys(wire).length === 0 ? undefined : map.decode(wire, path),
};

/** A secret: wrapped in the domain, bare on the wire. */
export function secret<D, W>(codec: Codec<D, W>): Codec<Secret<D>, W> {
  return {
    encode: (value, path) => codec.encode(value.reveal(), path),
    decode: (wire, path) => new Secret(codec.decode(wire, path)),
  };
}

/** A text document as UTF-8 bytes, at most {@linkcode limits.document} long. */
export const document: Codec<string, Uint8Array | undefined> = (() => {
  const check = (bytes: Uint8Array, path: string): Uint8Array => {
    if (bytes.length <= limits.document) return bytes;
    throw invalid(path, `is ${bytes.length} bytes long, at most ${limits.document} are allowed`);
  };
  return {
    encode: (value, path) => check(new TextEncoder().encode(value), path),
    decode(wire, path) {
      const bytes = check(present(wire, path), path);
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw invalid(path, "is not valid UTF-8");
      }
    },
  };
})();
