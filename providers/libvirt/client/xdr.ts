/** XDR (RFC 4506) as libvirt uses it: bounded reader, growing writer. @module */

/** The bytes do not follow the protocol. A connection on which this happens is beyond repair and is closed. */
export class XdrError extends Error {
  override readonly name = "XdrError";
}

/** Longest string that libvirt's protocol allows, bytes (`REMOTE_STRING_MAX`). */
export const STRING_MAX = 4 * 1024 * 1024;
/** Longest list that libvirt's protocol allows anywhere (`REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX`). */
export const LIST_MAX = 262_144;

const UUID_BYTES = 16;
const padding = (length: number): number => (4 - (length % 4)) % 4;

/** Reads values from the front of a message. Every length is checked against its limit and against what is there. */
export class XdrReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#offset;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** `true` or `false`; anything but 0 and 1 is an error. */
  bool(): boolean {
    const value = this.u32();
    if (value > 1) throw new XdrError(`expected 0 or 1 for a boolean, found ${value}`);
    return value === 1;
  }

  /** UTF-8 text of at most `max` bytes. Bytes that are not UTF-8 become U+FFFD: guests report what they like. */
  string(max = STRING_MAX): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.opaque(max));
  }

  /** Variable-length bytes of at most `max`; a view, not a copy. */
  opaque(max: number): Uint8Array {
    const length = this.u32();
    if (length > max) throw new XdrError(`length ${length} is above the limit of ${max}`);
    const start = this.#take(length + padding(length));
    return this.#bytes.subarray(start, start + length);
  }

  /** A UUID in its usual form, lower case with hyphens. */
  uuid(): string {
    const start = this.#take(UUID_BYTES);
    const hex = Array.from(
      this.#bytes.subarray(start, start + UUID_BYTES),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** A value that may be absent. */
  optional<T>(read: (reader: XdrReader) => T): T | undefined {
    return this.bool() ? read(this) : undefined;
  }

  /** A list of at most `max` items. Each item takes 4 bytes or more, which bounds what a length can make us allocate. */
  list<T>(read: (reader: XdrReader) => T, max = LIST_MAX): T[] {
    const length = this.u32();
    if (length > max) throw new XdrError(`list of ${length} is above the limit of ${max}`);
    if (length * 4 > this.remaining) throw new XdrError(`list of ${length} does not fit into ${this.remaining} bytes`);
    const items: T[] = [];
    for (let index = 0; index < length; index++) items.push(read(this));
    return items;
  }

  #take(length: number): number {
    if (length > this.remaining) {
      throw new XdrError(`message ends early: ${length} bytes expected, ${this.remaining} left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return start;
  }
}

/** Appends values to a message. Methods return the writer, so that an argument structure reads as one line. */
export class XdrWriter {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  u32(value: number): this {
    const start = this.#grow(4);
    this.#view.setUint32(start, value);
    return this;
  }

  i32(value: number): this {
    const start = this.#grow(4);
    this.#view.setInt32(start, value);
    return this;
  }

  u64(value: bigint | number): this {
    const start = this.#grow(8);
    this.#view.setBigUint64(start, BigInt(value));
    return this;
  }

  bool(value: boolean): this {
    return this.u32(value ? 1 : 0);
  }

  /** @throws {XdrError} when `value` is longer than libvirt takes. */
  string(value: string): this {
    const bytes = new TextEncoder().encode(value);
    if (bytes.byteLength > STRING_MAX) {
      throw new XdrError(`text of ${bytes.byteLength} bytes is above libvirt's limit of ${STRING_MAX}`);
    }
    this.u32(bytes.byteLength);
    const start = this.#grow(bytes.byteLength + padding(bytes.byteLength));
    this.#buffer.set(bytes, start);
    return this;
  }

  /** @throws {XdrError} when `value` is not a UUID. */
  uuid(value: string): this {
    const hex = value.replaceAll("-", "");
    if (!/^[0-9a-f]{32}$/i.test(hex)) throw new XdrError(`"${value}" is not a UUID`);
    const start = this.#grow(UUID_BYTES);
    for (let index = 0; index < UUID_BYTES; index++) {
      this.#view.setUint8(start + index, Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));
    }
    return this;
  }

  optional<T>(value: T | undefined, write: (writer: this, value: T) => unknown): this {
    this.bool(value !== undefined);
    if (value !== undefined) write(this, value);
    return this;
  }

  list<T>(values: readonly T[], write: (writer: this, value: T) => unknown): this {
    this.u32(values.length);
    for (const value of values) write(this, value);
    return this;
  }

  /** What was written. */
  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #grow(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.max(this.#length, this.#buffer.byteLength * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}
