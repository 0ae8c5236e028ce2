/** References to libvirt's objects as the protocol carries them, and typed parameters. @module */
import { XdrError, type XdrReader, type XdrWriter } from "./xdr.ts";

/** A domain. Lookups on the server go by `uuid`; `id` is -1 while it is off. */
export interface DomainRef {
  readonly name: string;
  readonly uuid: string;
  readonly id: number;
}

export interface NetworkRef {
  readonly name: string;
  readonly uuid: string;
}

export interface PoolRef {
  readonly name: string;
  readonly uuid: string;
}

/** A storage volume. `key` is its path for every file-based pool. */
export interface VolumeRef {
  readonly pool: string;
  readonly name: string;
  readonly key: string;
}

/** Values of typed parameters by their field name. 64-bit numbers that no longer fit a double are not used here. */
export type TypedParams = ReadonlyMap<string, number | string>;

export const readDomain = (r: XdrReader): DomainRef => ({ name: r.string(), uuid: r.uuid(), id: r.i32() });
export const writeDomain = (w: XdrWriter, d: DomainRef): XdrWriter => w.string(d.name).uuid(d.uuid).i32(d.id);
export const readNetwork = (r: XdrReader): NetworkRef => ({ name: r.string(), uuid: r.uuid() });
export const readPool = (r: XdrReader): PoolRef => ({ name: r.string(), uuid: r.uuid() });
export const writePool = (w: XdrWriter, p: PoolRef): XdrWriter => w.string(p.name).uuid(p.uuid);
export const readVolume = (r: XdrReader): VolumeRef => ({ pool: r.string(), name: r.string(), key: r.string() });
export const writeVolume = (w: XdrWriter, v: VolumeRef): XdrWriter => w.string(v.pool).string(v.name).string(v.key);

/** A list of typed parameters. */
export function readTypedParams(reader: XdrReader): TypedParams {
  return new Map(reader.list((r) => [r.string(), readTypedValue(r)] as const));
}

function readTypedValue(r: XdrReader): number | string {
  const type = r.i32();
  switch (type) {
    case 1:
      return r.i32();
    case 2:
      return r.u32();
    case 3:
      return Number(r.i64());
    case 4:
      return Number(r.u64());
    case 5:
      return r.f64();
    case 6:
      return r.i32();
    case 7:
      return r.string();
    default:
      throw new XdrError(`typed parameter of unknown type ${type}`);
  }
}

/** A typed parameter as it is sent; libvirt insists on the very type that it documents for the field. */
export interface TypedParam {
  readonly field: string;
  readonly type: "llong" | "ullong";
  readonly value: number | bigint;
}

/** A list of typed parameters. */
export const writeTypedParams = (writer: XdrWriter, params: readonly TypedParam[]): XdrWriter =>
  writer.list(
    params,
    (w, { field, type, value }) => w.string(field).i32(type === "llong" ? 3 : 4).u64(BigInt.asUintN(64, BigInt(value))),
  );
