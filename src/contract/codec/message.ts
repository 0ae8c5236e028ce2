/** Codecs of composite types: messages field by field, and unions that are a `oneof` on the wire. @module */
import { type Codec, invalid } from "./codec.ts";

/** One codec for each property of `D`; the wire field has the same name. Total: a new property does not compile without. */
export type Fields<D, W> = { readonly [K in keyof D]-?: K extends keyof W ? Codec<D[K], W[K]> : never };

type AnyCodec = Codec<unknown, unknown>;
type Wire = Record<string, unknown>;

const join = (path: string, field: string): string => path === "" ? field : `${path}.${field}`;

/** A message; properties that are `undefined` are left out on both sides. */
export function message<D extends object, W extends object>(fields: Fields<D, W>): Codec<D, W | undefined> {
  const entries = Object.entries(fields) as [string, AnyCodec][];
  const convert = (way: "encode" | "decode") => (value: unknown, path: string): unknown => {
    if (typeof value !== "object" || value === null) throw invalid(path, "is required and missing");
    const result: Wire = {};
    for (const [field, codec] of entries) {
      const converted = codec[way]((value as Wire)[field], join(path, field));
      if (converted !== undefined) result[field] = converted;
    }
    return result;
  };
  return { encode: convert("encode"), decode: convert("decode") } as Codec<D, W | undefined>;
}

type Member<D, T> = Omit<Extract<D, { readonly type: T }>, "type">;

/** Members of a union by their `type`: the `oneof` field that carries each, and the codec of its other properties. */
export type Members<D extends { readonly type: string }, W> = {
  readonly [T in D["type"]]: {
    readonly [F in keyof W]-?: readonly [field: F, codec: Codec<Member<D, T>, W[F]>];
  }[keyof W];
};

/** A union discriminated by `type`, on the wire a message with a `oneof` over `W`'s fields. */
export function union<D extends { readonly type: string }, W extends object>(
  members: Members<D, W>,
): Codec<D, W | undefined> {
  const table = members as Readonly<Record<string, readonly [string, AnyCodec]>>;
  const types = Object.keys(table);
  const encode = (value: D, path: string): unknown => {
    const member = Object.hasOwn(table, value.type) ? table[value.type] : undefined;
    if (member === undefined) throw invalid(join(path, "type"), `must be one of ${types.join(", ")}, is ${value.type}`);
    return { [member[0]]: member[1].encode(value, path) };
  };
  const decode = (wire: unknown, path: string): unknown => {
    if (typeof wire !== "object" || wire === null) throw invalid(path, "is required and missing");
    for (const [type, [field, codec]] of Object.entries(table)) {
      const carried = (wire as Wire)[field];
      if (carried !== undefined && carried !== null) {
        return { type, ...codec.decode(carried, path) as object };
      }
    }
    throw invalid(path, `names none of the ways that are known here: ${types.join(", ")}`);
  };
  return { encode, decode } as Codec<D, W | undefined>;
}
