/** SASL, for libvirtds that ask for a user and a password: SCRAM (RFC 5802), or PLAIN. @module */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { ProviderError } from "@virtrigaud/contract";
import type { Secret } from "@virtrigaud/telemetry";

/** Who logs in. */
export interface SaslCredentials {
  readonly username?: string;
  readonly password?: Secret<string>;
}

/** One way to log in: what is said first, and the answer to everything that the server says then. */
export interface SaslExchange {
  readonly mechanism: string;
  readonly first: Uint8Array;
  /** @throws {ProviderError} `Unauthorized` when the server does not prove that it knows the password. */
  answer(challenge: Uint8Array): Uint8Array;
  /** Whether the server has proven all that the mechanism lets it prove. */
  readonly trusted: () => boolean;
}

/** Best first. Those without protection of their own follow; the transport has to have it. */
const SCRAM = [["SCRAM-SHA-512", "sha512"], ["SCRAM-SHA-256", "sha256"], ["SCRAM-SHA-1", "sha1"]] as const;
/** A server could keep us busy for hours otherwise; RFC 7677 asks for 4096. */
const ITERATIONS_MAX = 1_000_000;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 * The best of the mechanisms offered.
 * @throws {ProviderError} `Unauthorized` without credentials, or when no mechanism fits.
 */
export function saslExchange(
  offered: readonly string[],
  credentials: SaslCredentials,
  options: { readonly nonce?: string } = {},
): SaslExchange {
  const { username, password } = credentials;
  if (username === undefined || password === undefined) {
    throw new ProviderError(
      "Unauthorized",
      "libvirt asks for a SASL login; put username and password into the provider's secret",
    );
  }
  const scram = SCRAM.find(([mechanism]) => offered.includes(mechanism));
  if (scram !== undefined) {
    const nonce = options.nonce ?? randomBytes(24).toString("base64");
    return scramExchange({ mechanism: scram[0], hash: scram[1], username, password, nonce });
  }
  if (offered.includes("PLAIN")) {
    const first = utf8(`\0${username}\0${password.reveal()}`);
    return { mechanism: "PLAIN", first, answer: () => new Uint8Array(0), trusted: () => true };
  }
  throw new ProviderError(
    "Unauthorized",
    `libvirt offers the SASL mechanisms ${offered.join(", ").slice(0, 200) || "(none)"}; set mech_list to ` +
      "scram-sha-256 in /etc/sasl2/libvirt.conf on the host. Over plain TCP libvirt takes only mechanisms that encrypt " +
      "by themselves, which are obsolete: use SSH or TLS",
  );
}

interface ScramInput {
  readonly mechanism: string;
  readonly hash: string;
  readonly username: string;
  readonly password: Secret<string>;
  readonly nonce: string;
}

function scramExchange({ mechanism, hash, username, password, nonce }: ScramInput): SaslExchange {
  const clientFirst = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  let [expected, trusted]: [Uint8Array | undefined, boolean] = [undefined, false];
  const prove = (challenge: string): Uint8Array => {
    const fields = fieldsOf(challenge);
    const [all = "", salt = "", iterations] = [fields.get("r"), fields.get("s"), Number(fields.get("i"))];
    if (!all.startsWith(nonce) || all === nonce || salt === "" || !(iterations > 0 && iterations <= ITERATIONS_MAX)) {
      throw distrust("its challenge does not follow the protocol");
    }
    const hmac = (key: Uint8Array, data: string) => createHmac(hash, key).update(data).digest();
    const length = createHash(hash).digest().byteLength;
    const salted = pbkdf2Sync(
      password.reveal().normalize("NFKC"),
      Buffer.from(salt, "base64"),
      iterations,
      length,
      hash,
    );
    const clientKey = hmac(salted, "Client Key");
    const clientFinal = `c=biws,r=${all}`;
    const message = `${clientFirst},${challenge},${clientFinal}`;
    const signature = hmac(createHash(hash).update(clientKey).digest(), message);
    expected = hmac(hmac(salted, "Server Key"), message);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    return utf8(`${clientFinal},p=${proof.toString("base64")}`);
  };
  return {
    mechanism,
    first: utf8(`n,,${clientFirst}`),
    answer: (challenge) => {
      if (trusted) return new Uint8Array(0);
      if (expected === undefined) return prove(text(challenge));
      const shown = Buffer.from(fieldsOf(text(challenge)).get("v") ?? "", "base64");
      if (shown.byteLength !== expected.byteLength || !timingSafeEqual(shown, expected)) {
        throw distrust("it does not know the password");
      }
      trusted = true;
      return new Uint8Array(0);
    },
    trusted: () => trusted,
  };
}

/** `a=1,b=2`. Values are base64 or numbers, so that no comma is inside. */
function fieldsOf(message: string): Map<string, string> {
  return new Map(message.split(",").map((field) => [field.slice(0, 1), field.slice(2)]));
}

const distrust = (why: string): ProviderError =>
  new ProviderError("Unauthorized", `the SASL login was broken off: what answers is not the libvirt host: ${why}`);
