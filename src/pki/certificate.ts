/** Reads X.509 certificates. @module */
import { x509 } from "@virtrigaud/deps/x509.ts";
import { fromPem } from "./pem.ts";

/** What of a certificate is acted on. */
export interface CertificateInfo {
  /** Common name of the subject; empty if it has none. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Hex, lower-case. */
  readonly serialNumber: string;
  /** SHA-256 over the DER form, hex, lower-case. */
  readonly fingerprint: string;
  readonly isCa: boolean;
}

/**
 * Reads the first certificate of `pem`.
 * @throws {Error} when there is none or it cannot be read; `what` says in the message which one it was to be.
 */
export async function parseCertificate(pem: string, what = "certificate"): Promise<CertificateInfo> {
  const certificate = readCertificate(pem, what);
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const ofType = (type: string) => names.filter((name) => name.type === type).map((name) => name.value);
  return {
    commonName: certificate.subjectName.getField("CN")[0] ?? "",
    dnsNames: ofType("dns"),
    ipAddresses: ofType("ip"),
    uris: ofType("url"),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    serialNumber: certificate.serialNumber.toLowerCase(),
    fingerprint: hex(await certificate.getThumbprint("SHA-256")),
    isCa: certificate.getExtension(x509.BasicConstraintsExtension)?.ca ?? false,
  };
}

/** The certificate object behind {@linkcode parseCertificate}, for use inside this folder. */
export function readCertificate(pem: string, what = "certificate"): x509.X509Certificate {
  const [der] = fromPem("CERTIFICATE", pem);
  if (der === undefined) throw new Error(`${what}: no PEM block "CERTIFICATE" found`);
  try {
    return new x509.X509Certificate(der);
  } catch (cause) {
    throw new Error(`${what}: the PEM block is not an X.509 certificate`, { cause });
  }
}

/** Bytes as lower-case hex. */
export function hex(bytes: ArrayBuffer | Uint8Array): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
