/** PEM text. @module */
import { Buffer } from "node:buffer";

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*?)\s*-----END \1-----/g;

/** DER content as a PEM block. */
export function toPem(label: string, der: ArrayBuffer | Uint8Array): string {
  const text = Buffer.from(new Uint8Array(der)).toString("base64");
  return `-----BEGIN ${label}-----\n${(text.match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;
}

/** DER content of every block labelled `label` in `pem`, in order. */
export function fromPem(label: string, pem: string): Uint8Array<ArrayBuffer>[] {
  return [...pem.matchAll(BLOCK)]
    .filter((match) => match[1] === label)
    .map((match) => new Uint8Array(Buffer.from(match[2] ?? "", "base64")));
}
