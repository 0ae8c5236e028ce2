/** OpenSSH's `known_hosts` format: plain, wildcard and hashed names, ports, revoked keys. @module */
import { createHmac } from "node:crypto";

/** What a file says about the key that a host showed. */
export type HostKeyVerdict =
  | { readonly verdict: "Known" }
  /** The file names the host with other keys only: somebody may be in between. */
  | { readonly verdict: "Changed" }
  | { readonly verdict: "Revoked" }
  | { readonly verdict: "Unknown" };

interface Entry {
  readonly revoked: boolean;
  readonly patterns: readonly string[];
  readonly keyType: string;
  readonly key: string;
}

/** The entries of one file. Lines that make no sense, and certificate authorities, are passed over as OpenSSH does. */
export class KnownHosts {
  readonly #entries: readonly Entry[];

  constructor(text: string) {
    this.#entries = text.split("\n").flatMap(parseLine);
  }

  /** Judges `key` (the raw public key blob) shown by `host` at `port`. */
  judge(host: string, port: number, key: Uint8Array): HostKeyVerdict {
    const shown = btoa(String.fromCharCode(...key));
    const entries = this.#entriesOf(host, port);
    const same = entries.filter((entry) => entry.key === shown);
    if (same.some((entry) => entry.revoked)) return { verdict: "Revoked" };
    if (same.length > 0) return { verdict: "Known" };
    return { verdict: entries.some((entry) => !entry.revoked) ? "Changed" : "Unknown" };
  }

  /** Types of the keys known for the host, so that the server is asked for one that can be checked. */
  keyTypes(host: string, port: number): string[] {
    const types = this.#entriesOf(host, port).filter((entry) => !entry.revoked).map((entry) => entry.keyType);
    return [...new Set(types)];
  }

  #entriesOf(host: string, port: number): Entry[] {
    const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
    return this.#entries.filter((entry) => matches(entry.patterns, name));
  }
}

function parseLine(line: string): Entry[] {
  const fields = line.trim().split(/\s+/);
  const marker = fields[0]?.startsWith("@") ? fields.shift() : undefined;
  const [patterns, keyType, key] = fields;
  if (patterns === undefined || patterns.startsWith("#") || keyType === undefined || key === undefined) return [];
  if (marker !== undefined && marker !== "@revoked") return [];
  return [{ revoked: marker === "@revoked", patterns: patterns.split(","), keyType, key }];
}

function matches(patterns: readonly string[], name: string): boolean {
  let found = false;
  for (const pattern of patterns) {
    if (pattern.startsWith("|1|")) {
      if (matchesHash(pattern, name)) found = true;
      continue;
    }
    const negated = pattern.startsWith("!");
    if (!matchesGlob((negated ? pattern.slice(1) : pattern).toLowerCase(), name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesHash(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split("|");
  if (salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Uint8Array.from(atob(salt), (char) => char.charCodeAt(0))).update(name).digest("base64") ===
    hash;
}

/** `*` and `?`, without a regular expression, whose special characters a host pattern may hold. */
function matchesGlob(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  if (pattern[0] === "*") {
    for (let skip = 0; skip <= name.length; skip++) if (matchesGlob(pattern.slice(1), name.slice(skip))) return true;
    return false;
  }
  return name !== "" && (pattern[0] === "?" || pattern[0] === name[0]) && matchesGlob(pattern.slice(1), name.slice(1));
}
