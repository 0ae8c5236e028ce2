/** The manager's certificate authority, kept in a Secret that all replicas share. @module */
import { isAlreadyExists, isConflict, type KubeClient, SECRETS } from "@virtrigaud/kube";
import { type Authority, fromPem, type KeyPairPem, loadAuthority, parseCertificate, toPem } from "@virtrigaud/pki";
import type { Clock } from "@virtrigaud/resilience";
import { type Logger, silentLogger } from "@virtrigaud/telemetry";
import {
  advance,
  type AuthorityState,
  bundleOf,
  decodeState,
  encodeState,
  firstState,
  nextTurn,
  pairIn,
} from "./authority_state.ts";
import type { Certificates, Identity } from "./certificates.ts";
import type { CertificateView } from "./input.ts";

/** Name of the Secret with the authority. */
export const AUTHORITY_SECRET = "virtrigaud-ca";
/** SAN of the manager's client certificate: what a provider takes calls from. */
export const CLIENT_NAME = "manager.virtrigaud.io";
/** Part of its life after which a certificate is renewed. */
const RENEW_AFTER = 2 / 3;
/** How often the Secret is looked at again: another replica, or who issues the given authority, may have changed it. */
const LOOK_MS = 3_600_000;
/** When a look failed. */
const LOOK_AGAIN_MS = 60_000;

/** Options of {@linkcode openCertificates}. */
export interface CertificateOptions {
  readonly client: KubeClient;
  /** The manager's own namespace. */
  readonly namespace: string;
  /**
   * Secret in that namespace with an authority that somebody else issues and renews, such as cert-manager: ECDSA P-256,
   * PKCS #8, in `tls.crt` and `tls.key`. Default: the manager makes its own.
   */
  readonly givenSecret?: string;
  readonly clock: Clock;
  readonly log?: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Loads the authority, or makes it when there is none. Of two managers that start at once, one makes it.
 * @throws when the Secret cannot be read, holds no authority, or the given one is not there yet
 */
export async function openCertificates(options: CertificateOptions): Promise<Certificates> {
  const certificates = new SharedCertificates(options);
  await certificates.look();
  return certificates;
}

/** A state, with what is worked out from it. */
interface Loaded {
  readonly state: AuthorityState;
  readonly authority: Authority;
  readonly bundle: string;
  /** When it has to be looked at again, milliseconds since 1970. */
  readonly until: number;
}

class SharedCertificates implements Certificates {
  readonly clientName = CLIENT_NAME;
  readonly #options: CertificateOptions;
  readonly #log: Logger;
  #loaded: Loaded | undefined;
  #looking: Promise<Loaded> | undefined;
  #own: (Identity & { readonly version: string; readonly renewAt: number }) | undefined;

  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLogger;
  }

  async issueServer(names: readonly string[]): Promise<Identity> {
    const { authority, bundle } = await this.#current();
    const pair = await authority.issue({ commonName: names[0] ?? "provider", usages: ["server"], dnsNames: names });
    return { ...pair, caPem: bundle };
  }

  async client(): Promise<Identity & { readonly version: string; readonly renewAt: number }> {
    const { authority, bundle, until } = await this.#current();
    if (this.#own === undefined || this.#own.renewAt <= this.#options.clock.now() || this.#own.caPem !== bundle) {
      const pair = await authority.issue({ commonName: CLIENT_NAME, usages: ["client"], dnsNames: [CLIENT_NAME] });
      const { serialNumber, notBefore, notAfter } = await parseCertificate(pair.certPem);
      this.#own = { ...pair, caPem: bundle, version: serialNumber, renewAt: renewal(notBefore, notAfter) };
    }
    return { ...this.#own, renewAt: Math.min(this.#own.renewAt, until) };
  }

  async read(certPem: string, caPem: string): Promise<CertificateView | undefined> {
    const { bundle } = await this.#current();
    try {
      const { notBefore, notAfter, dnsNames } = await parseCertificate(certPem);
      return {
        notAfter: notAfter.getTime(),
        renewAt: renewal(notBefore, notAfter),
        names: dnsNames,
        ours: caPem.trim() === bundle.trim(),
      };
    } catch {
      return undefined;
    }
  }

  /** What is known, looked at again when it is time; what was known stays in use while the API server is away. */
  async #current(): Promise<Loaded> {
    const known = this.#loaded;
    if (known !== undefined && this.#options.clock.now() < known.until) return known;
    try {
      return await this.look();
    } catch (error) {
      if (known === undefined) throw error;
      this.#log.warn("the certificate authority cannot be looked at; the one before stays in use", { error });
      return this.#loaded = { ...known, until: this.#options.clock.now() + LOOK_AGAIN_MS };
    }
  }

  look(): Promise<Loaded> {
    return this.#looking ??= this.#look().finally(() => this.#looking = undefined);
  }

  async #look(): Promise<Loaded> {
    const { clock } = this.#options;
    const state = await this.#bringUpToDate();
    const authority = await loadAuthority(state.signer, { clock });
    const until = Math.min(clock.now() + LOOK_MS, await nextTurn(state));
    return this.#loaded = { state, authority, bundle: bundleOf(state), until };
  }

  /** Reads the Secret, and writes it when there is something to be done; whoever is first does it. */
  async #bringUpToDate(): Promise<AuthorityState> {
    const { client, namespace, clock } = this.#options;
    const name = { namespace, name: AUTHORITY_SECRET };
    const given = await this.#given();
    for (;;) {
      const found = await client.find(SECRETS, name, this.#call);
      try {
        if (found === undefined) {
          const state = await firstState(clock.now(), given);
          await client.create(SECRETS, {
            metadata: { ...name, labels: { "app.kubernetes.io/managed-by": "virtrigaud" } },
            type: "kubernetes.io/tls",
            data: withoutNulls(encoded(state)),
          }, this.#call);
          return state;
        }
        const before = decodeState(decoded(found.data ?? {}));
        if (before === undefined) {
          throw new Error(
            `Secret "${AUTHORITY_SECRET}" lacks tls.crt or tls.key: delete it, and a new authority is made`,
          );
        }
        const state = await advance(before, clock.now(), given);
        if (state === before) return state;
        const { resourceVersion } = found.metadata;
        await client.patch(SECRETS, name, {
          type: "merge",
          body: { metadata: { resourceVersion }, data: encoded(state) },
        }, this.#call);
        this.#log.info(
          state.next === undefined
            ? "the certificate authority was succeeded"
            : "a new certificate authority is introduced",
          { secret: AUTHORITY_SECRET },
        );
        return state;
      } catch (error) {
        // Another replica was faster: what it wrote is what counts.
        if (!isAlreadyExists(error) && !isConflict(error)) throw error;
      }
    }
  }

  async #given(): Promise<KeyPairPem | undefined> {
    const { client, namespace, givenSecret, clock } = this.#options;
    if (givenSecret === undefined) return undefined;
    const found = await client.find(SECRETS, { namespace, name: givenSecret }, this.#call);
    const whole = pairIn(decoded(found?.data ?? {}));
    if (whole === undefined) {
      throw new Error(
        `Secret "${givenSecret}" in namespace "${namespace}" has no certificate authority yet: tls.crt and tls.key are ` +
          `expected there, from whoever issues it`,
      );
    }
    // Of a chain only the authority itself is trusted: what else its issuer signed is no peer of ours.
    const pair = { ...whole, certPem: firstCertificate(whole.certPem) };
    // Something that cannot sign must not be introduced.
    await loadAuthority(pair, { clock });
    if (!(await parseCertificate(pair.certPem)).isCa) {
      throw new Error(`Secret "${givenSecret}" in namespace "${namespace}": tls.crt may not sign; issue it as a CA`);
    }
    return pair;
  }

  get #call(): { readonly signal?: AbortSignal } {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }
}

function firstCertificate(chain: string): string {
  const [first] = fromPem("CERTIFICATE", chain);
  return first === undefined ? chain : toPem("CERTIFICATE", first);
}

const renewal = (notBefore: Date, notAfter: Date): number =>
  notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * RENEW_AFTER;

const encoded = (state: AuthorityState): Record<string, string | null> =>
  Object.fromEntries(
    Object.entries(encodeState(state)).map(([key, text]) => [
      key,
      text === null ? null : new TextEncoder().encode(text).toBase64(),
    ]),
  );

const withoutNulls = (data: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).flatMap(([key, value]) => value === null ? [] : [[key, value]]));

const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, new TextDecoder().decode(Uint8Array.fromBase64(value))]),
  );
