/** Certificates: an authority of one's own, leaf certificates, and what is written in them. @module */
export { type Authority, type AuthorityOptions, createAuthority, loadAuthority } from "./authority.ts";
export type { KeyPairPem, LeafOptions, LeafUsage } from "./authority.ts";
export { type CertificateInfo, parseCertificate } from "./certificate.ts";
export { fromPem, toPem } from "./pem.ts";
