/** Brings private keys into a form that ssh2 reads under Deno. @module */
import { createPrivateKey } from "node:crypto";
import { Buffer } from "node:buffer";

const MAGIC = "openssh-key-v1\0";
const curves: Readonly<Record<string, string>> = { nistp256: "P-256", nistp384: "P-384" };

/**
 * Gives `text` in a form that ssh2 takes.
 *
 * - OpenSSH ECDSA keys on P-256 and P-384 are rebuilt: ssh2 writes their private number without its leading zeros, which
 *   Deno's parser refuses, and that is the case for half of all keys.
 * - PKCS#8, which ssh2 does not know, becomes PKCS#1 or SEC1.
 *
 * Everything else, encrypted OpenSSH keys included, is returned as it is.
 */
export function usablePrivateKey(text: string): string {
  if (/-----BEGIN PRIVATE KEY-----/.test(text)) return fromPkcs8(text);
  if (/-----BEGIN OPENSSH PRIVATE KEY-----/.test(text)) return fromOpenSsh(text);
  return text;
}

function fromPkcs8(text: string): string {
  const key = createPrivateKey(text);
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ format: "pem", type: "pkcs1" }).toString();
    case "ec":
      return key.export({ format: "pem", type: "sec1" }).toString();
    default:
      return text;
  }
}

function fromOpenSsh(text: string): string {
  const raw = Buffer.from(text.replace(/-----[^-]+-----|\s/g, ""), "base64");
  if (raw.subarray(0, MAGIC.length).toString("latin1") !== MAGIC) return text;
  const outer = new Fields(raw.subarray(MAGIC.length));
  const cipher = outer.next().toString();
  outer.next(); // key derivation
  outer.next(); // its options
  outer.skip(4); // number of keys
  outer.next(); // public key
  if (cipher !== "none") return text;
  const inner = new Fields(outer.next());
  inner.skip(8); // check words
  if (!inner.next().toString().startsWith("ecdsa-sha2-")) return text;
  const crv = curves[inner.next().toString()];
  const point = inner.next();
  const scalar = inner.next();
  // P-521 works as it is, and does not survive the way through JWK.
  if (crv === undefined) return text;
  const size = (point.length - 1) / 2;
  const d = Buffer.alloc(size);
  const significant = scalar.subarray(Math.max(0, scalar.length - size));
  significant.copy(d, size - significant.length);
  const key = createPrivateKey({
    key: {
      kty: "EC",
      crv,
      x: point.subarray(1, 1 + size).toString("base64url"),
      y: point.subarray(1 + size).toString("base64url"),
      d: d.toString("base64url"),
    },
    format: "jwk",
  });
  return key.export({ format: "pem", type: "sec1" }).toString();
}

/** Length-prefixed fields of the OpenSSH format. Reading past the end throws a `RangeError`. */
class Fields {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  next(): Buffer {
    const length = this.#rest.readUInt32BE(0);
    if (length > this.#rest.length - 4) throw new RangeError("the private key ends early");
    const field = this.#rest.subarray(4, 4 + length);
    this.skip(4 + length);
    return field;
  }

  skip(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
  }
}
