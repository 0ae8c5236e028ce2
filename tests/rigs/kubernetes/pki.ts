/** A certificate authority for one API server. @module */
import { x509 } from "@virtrigaud/deps/x509.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Issues what the API server and its users need; good for a day. */
export interface Authority {
  readonly caPem: string;
  /** A server certificate for loopback and for the names that pods use. */
  server(): Promise<KeyPair>;
  /** A client certificate: Kubernetes reads the user from CN and the groups from O. */
  client(user: string, groups: readonly string[]): Promise<KeyPair>;
}

/** Makes a new authority with a key of its own. */
export async function createAuthority(): Promise<Authority> {
  const caKeys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: "CN=virtrigaud-rig",
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  const issue = async (subject: x509.JsonName, usage: string, names: x509.JsonGeneralNames): Promise<KeyPair> => {
    const keys = await generateKeys();
    const cert = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.ExtendedKeyUsageExtension([usage]),
        ...names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
      ],
    });
    return { certPem: cert.toString("pem"), keyPem: await privatePem(keys.privateKey) };
  };
  return {
    caPem: ca.toString("pem"),
    server: () =>
      issue([{ CN: ["kube-apiserver"] }], x509.ExtendedKeyUsage.serverAuth, [
        { type: "ip", value: "127.0.0.1" },
        ...["localhost", "kubernetes", "kubernetes.default.svc"].map((value) => ({ type: "dns" as const, value })),
      ]),
    client: (user, groups) =>
      issue([{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))], x509.ExtendedKeyUsage.clientAuth, []),
  };
}

/** A key pair for signing service account tokens, PEM. */
export async function serviceAccountKeys(): Promise<{ publicPem: string; privatePem: string }> {
  const keys = await generateKeys();
  const spki = await crypto.subtle.exportKey("spki", keys.publicKey);
  return { publicPem: x509.PemConverter.encode(spki, "PUBLIC KEY"), privatePem: await privatePem(keys.privateKey) };
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]) as CryptoKeyPair;
}

async function privatePem(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + DAY_MS) };
}
