/** A certificate authority of one's own: made, kept as two PEM texts, and used to issue leaf certificates. @module */
import { x509 } from "@virtrigaud/deps/x509.ts";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { hex, readCertificate } from "./certificate.ts";
import { fromPem, toPem } from "./pem.ts";

const DAY_MS = 86_400_000;
/** Peers' clocks may be behind by this much, ms. */
const SKEW_MS = 5 * 60_000;
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/** A certificate with its key, both PEM. */
export interface KeyPairPem {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: Secret<string>;
}

/** Options of {@linkcode createAuthority}. */
export interface AuthorityOptions {
  /** Common name. */
  readonly name: string;
  /** Default 3650. */
  readonly validityDays?: number;
  readonly clock?: Pick<Clock, "now">;
}

/** What a leaf certificate is for. */
export type LeafUsage = "server" | "client";

/** Options of {@linkcode Authority.issue}. */
export interface LeafOptions {
  /** Common name; at most 64 characters, longer ones are cut (peers check the alternative names). */
  readonly commonName: string;
  readonly usages: readonly LeafUsage[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Default 90. Never longer than the authority's own. */
  readonly validityDays?: number;
}

/** Issues certificates. */
export interface Authority {
  /** The authority's certificate, what peers have to trust. */
  readonly certPem: string;
  /** The authority's key, PKCS #8 PEM. */
  readonly keyPem: Secret<string>;
  /** A fresh key and a certificate for it. */
  issue(options: LeafOptions): Promise<KeyPairPem>;
}

/** Makes an authority: ECDSA P-256, self-signed, may sign leaves only. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const { clock = systemClock } = options;
  const keys = await crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: distinguishedName(options.name),
    keys,
    serialNumber: serialNumber(),
    ...validity(clock, options.validityDays ?? 3650),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authority(certificate, keys.privateKey, await exportKey(keys.privateKey), clock);
}

/**
 * The authority kept in `pair`.
 * @throws {Error} when certificate or key cannot be read, or do not belong together.
 */
export async function loadAuthority(
  pair: KeyPairPem,
  options: { readonly clock?: Pick<Clock, "now"> } = {},
): Promise<Authority> {
  const certificate = readCertificate(pair.certPem, "certificate of the authority");
  const [der] = fromPem("PRIVATE KEY", pair.keyPem.reveal());
  if (der === undefined) throw new Error('key of the authority: no PEM block "PRIVATE KEY" (PKCS #8) found');
  const key = await crypto.subtle.importKey("pkcs8", der, KEY, true, ["sign"]);
  const probe = new Uint8Array(32);
  const publicKey = await certificate.publicKey.export(KEY, ["verify"], crypto);
  const signature = await crypto.subtle.sign(SIGNATURE, key, probe);
  if (!await crypto.subtle.verify(SIGNATURE, publicKey, signature, probe)) {
    throw new Error("certificate and key of the authority do not belong together");
  }
  return authority(certificate, key, pair.keyPem, options.clock ?? systemClock);
}

function authority(
  certificate: x509.X509Certificate,
  key: CryptoKey,
  keyPem: Secret<string>,
  clock: Pick<Clock, "now">,
): Authority {
  const issue = async (options: LeafOptions): Promise<KeyPairPem> => {
    const keys = await crypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
    const { notBefore, notAfter } = validity(clock, options.validityDays ?? 90);
    const names: x509.JsonGeneralName[] = [
      ...(options.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(options.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const usages = options.usages.map((usage) =>
      x509.ExtendedKeyUsage[usage === "server" ? "serverAuth" : "clientAuth"]
    );
    const leaf = await x509.X509CertificateGenerator.create({
      subject: distinguishedName(options.commonName.slice(0, 64)),
      issuer: certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: key,
      signingAlgorithm: SIGNATURE,
      serialNumber: serialNumber(),
      notBefore,
      notAfter: notAfter < certificate.notAfter ? notAfter : certificate.notAfter,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    return { certPem: toPem("CERTIFICATE", leaf.rawData), keyPem: await exportKey(keys.privateKey) };
  };
  return { certPem: toPem("CERTIFICATE", certificate.rawData), keyPem, issue };
}

/** As an object and not as text: a name with a comma stays one name. */
const distinguishedName = (commonName: string): x509.JsonName => [{ CN: [commonName] }];

async function exportKey(key: CryptoKey): Promise<Secret<string>> {
  return new Secret(toPem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", key)));
}

/** 127 random bits, positive and not zero (RFC 5280, section 4.1.2.2: at most 20 octets). */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return hex(bytes);
}

function validity(clock: Pick<Clock, "now">, days: number): { notBefore: Date; notAfter: Date } {
  // Certificates count whole seconds.
  const now = Math.floor(clock.now() / 1000) * 1000;
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}
