/** Certificates for tests: an authority, a server for `localhost`, and clients. @module */
import { join } from "node:path";
import { type Authority, createAuthority } from "@virtrigaud/pki";
import type { ClientTls } from "../client/mod.ts";
import { staticTls, type TlsMaterial, type TlsSource } from "../server/mod.ts";

/** Everything that the two ends of an mTLS channel need. */
export interface TestPki {
  readonly authority: Authority;
  readonly server: TlsMaterial;
  readonly serverTls: TlsSource;
  /** A client of the authority named `manager`. */
  readonly client: Exclude<ClientTls, { readonly plaintext: true }>;
}

/** Options of {@linkcode testPki}. */
export interface TestPkiOptions {
  /** Milliseconds since 1970 at which the leaf certificates are issued. Default: now. */
  readonly issuedAt?: number;
  readonly clientName?: string;
}

/** A fresh authority with one server and one client. */
export async function testPki(name = "test authority", options: TestPkiOptions = {}): Promise<TestPki> {
  const clock = { now: () => options.issuedAt ?? Date.now() };
  const authority = await createAuthority({ name, clock });
  const clientName = options.clientName ?? "manager";
  const [server, client] = await Promise.all([
    authority.issue({ commonName: "provider", usages: ["server"], dnsNames: ["localhost"] }),
    authority.issue({ commonName: clientName, usages: ["client"], dnsNames: [`${clientName}.virtrigaud-system.svc`] }),
  ]);
  const material = { ...server, caPem: authority.certPem };
  return { authority, server: material, serverTls: staticTls(material), client: { caPem: authority.certPem, client } };
}

/** Writes the parts that are given as the files of a mounted Secret. */
export async function writeTls(folder: string, material: Partial<TlsMaterial>): Promise<void> {
  const files = { "tls.crt": material.certPem, "tls.key": material.keyPem?.reveal(), "ca.crt": material.caPem };
  for (const [name, text] of Object.entries(files)) {
    if (text !== undefined) await Deno.writeTextFile(join(folder, name), text);
  }
}
