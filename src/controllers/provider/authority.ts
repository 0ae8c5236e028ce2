/** The manager's certificate authority, kept in a Secret that all replicas share. @module */
import { isAlreadyExists, type KubeClient, SECRETS } from "@virtrigaud/kube";
import { type Authority, createAuthority, loadAuthority, parseCertificate } from "@virtrigaud/pki";
import type { Clock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import type { Certificates, Identity } from "./certificates.ts";

/** Name of the Secret with the authority. */
export const AUTHORITY_SECRET = "virtrigaud-ca";
/** SAN of the manager's client certificate: what a provider takes calls from. */
export const CLIENT_NAME = "manager.virtrigaud.io";
/** Part of its life after which a certificate is renewed. */
const RENEW_AFTER = 2 / 3;

/** Options of {@linkcode openCertificates}. */
export interface CertificateOptions {
  readonly client: KubeClient;
  /** The manager's own namespace. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** Loads the authority, or makes it when there is none. Of two managers that start at once, one makes it. */
export async function openCertificates(options: CertificateOptions): Promise<Certificates> {
  const { clock } = options;
  return certificatesOf(await openAuthority(options), clock);
}

async function openAuthority({ client, namespace, clock, signal }: CertificateOptions): Promise<Authority> {
  const name = { namespace, name: AUTHORITY_SECRET };
  const call = signal === undefined ? {} : { signal };
  const found = await client.find(SECRETS, name, call);
  if (found !== undefined) return await load(found.data ?? {}, clock);
  const made = await createAuthority({ name: "virtrigaud", clock });
  try {
    await client.create(SECRETS, {
      metadata: { ...name, labels: { "app.kubernetes.io/managed-by": "virtrigaud" } },
      type: "kubernetes.io/tls",
      data: { "tls.crt": encode(made.certPem), "tls.key": encode(made.keyPem.reveal()) },
    }, call);
    return made;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return await load((await client.get(SECRETS, name, call)).data ?? {}, clock);
  }
}

async function load(data: Readonly<Record<string, string>>, clock: Clock): Promise<Authority> {
  const [certificate, key] = [data["tls.crt"], data["tls.key"]];
  if (certificate === undefined || key === undefined) {
    throw new Error(`Secret "${AUTHORITY_SECRET}" lacks tls.crt or tls.key: delete it, and a new authority is made`);
  }
  return await loadAuthority({ certPem: decode(certificate), keyPem: new Secret(decode(key)) }, { clock });
}

function certificatesOf(authority: Authority, clock: Clock): Certificates {
  let own: (Identity & { readonly version: string; readonly renewAt: number }) | undefined;
  const renewal = (notBefore: Date, notAfter: Date) =>
    notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * RENEW_AFTER;
  return {
    clientName: CLIENT_NAME,
    async issueServer(names) {
      const pair = await authority.issue({ commonName: names[0] ?? "provider", usages: ["server"], dnsNames: names });
      return { ...pair, caPem: authority.certPem };
    },
    async client() {
      if (own !== undefined && own.renewAt > clock.now()) return own;
      const pair = await authority.issue({ commonName: CLIENT_NAME, usages: ["client"], dnsNames: [CLIENT_NAME] });
      const { serialNumber, notBefore, notAfter } = await parseCertificate(pair.certPem);
      own = { ...pair, caPem: authority.certPem, version: serialNumber, renewAt: renewal(notBefore, notAfter) };
      return own;
    },
    async read(certPem, caPem) {
      try {
        const { notBefore, notAfter, dnsNames } = await parseCertificate(certPem);
        return {
          notAfter: notAfter.getTime(),
          renewAt: renewal(notBefore, notAfter),
          names: dnsNames,
          ours: caPem.trim() === authority.certPem.trim(),
        };
      } catch {
        return undefined;
      }
    },
  };
}

const encode = (text: string): string => new TextEncoder().encode(text).toBase64();
const decode = (text: string): string => new TextDecoder().decode(Uint8Array.fromBase64(text));
