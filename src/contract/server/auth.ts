/** Who may call: a certificate of the manager's authority, or a signed token. @module */
import { createPublicKey } from "node:crypto";
import { jose } from "@virtrigaud/deps/jwt.ts";
import { parseCertificate, toPem } from "@virtrigaud/pki";
import type { Clock } from "@virtrigaud/resilience";
import { ProviderError } from "../errors.ts";
import type { Access, IncomingCall } from "./handlers.ts";

/** Decides on one call; throws `Unauthorized`. */
export type Authorize = (call: IncomingCall, access: Access) => Promise<void>;

/** Bearer tokens: JSON Web Tokens signed with RS256. */
export interface JwtOptions {
  /** A JSON Web Key Set, or one public key or certificate as PEM. */
  readonly keys: string;
  readonly issuer: string;
  readonly audience: string;
}

/** Scopes that a token carries in `scope` or `scp`. Write includes read. */
export const SCOPES: Readonly<Record<Access, string>> = { read: "virtrigaud:read", write: "virtrigaud:write" };

/** Peers' clocks may differ by this much, seconds. */
const CLOCK_TOLERANCE_S = 30;

/**
 * Lets through callers whose verified certificate carries one of `allowedSans` as DNS name, URI or common name. An empty
 * list lets every certificate of the authority through.
 */
export function allowCertificates(allowedSans: readonly string[]): Authorize {
  const allowed = new Set(allowedSans);
  return async (call) => {
    if (allowed.size === 0) return;
    const certificate = call.getAuthContext().sslPeerCertificate;
    if (certificate === undefined) throw new ProviderError("Unauthorized", "a client certificate is required");
    // From the certificate itself: the text form of the names, joined by commas, can be forged by a name with a comma.
    const { commonName, dnsNames, uris } = await parseCertificate(toPem("CERTIFICATE", certificate.raw));
    const names = [commonName, ...dnsNames, ...uris].filter((name) => name !== "");
    if (names.some((name) => allowed.has(name))) return;
    throw new ProviderError(
      "Unauthorized",
      `the client certificate carries ${names.join(", ") || "no name"}, which is not among the allowed names`,
      { reason: "PermissionDenied" },
    );
  };
}

/**
 * Lets through callers with a token: RS256, of `issuer`, for `audience`, not expired, with the scope of the access.
 * @throws {Error} when `keys` holds no usable RSA key.
 */
export async function allowTokens(options: JwtOptions, clock: Clock): Promise<Authorize> {
  const keys = await readKeys(options.keys);
  return async (call, access) => {
    const payload = await verify(bearerToken(call), keys, options, clock);
    const scopes = scopesOf(payload);
    if (scopes.includes(SCOPES.write) || (access === "read" && scopes.includes(SCOPES.read))) return;
    throw new ProviderError("Unauthorized", `the token lacks scope ${SCOPES[access]}`, { reason: "PermissionDenied" });
  };
}

function bearerToken(call: IncomingCall): string {
  const header = call.metadata.get("authorization")[0];
  const token = typeof header === "string" ? /^Bearer +(\S+)$/i.exec(header)?.[1] : undefined;
  if (token !== undefined && token.length <= 16_384) return token;
  throw new ProviderError("Unauthorized", "metadata `authorization` has to carry a bearer token of at most 16 KiB");
}

type KeySet = ReturnType<typeof jose.createLocalJWKSet>;

async function verify(token: string, keys: KeySet, options: JwtOptions, clock: Clock): Promise<jose.JWTPayload> {
  try {
    const { payload } = await jose.jwtVerify(token, keys, {
      algorithms: ["RS256"],
      issuer: options.issuer,
      audience: options.audience,
      requiredClaims: ["exp"],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch (error) {
    // The library's codes say what is wrong (expired, audience, signature) without repeating the token.
    const code = error instanceof jose.errors.JOSEError ? error.code : "ERR_JWT";
    const claim = error instanceof jose.errors.JWTClaimValidationFailed ? ` (claim ${error.claim})` : "";
    throw new ProviderError("Unauthorized", `the bearer token is refused: ${code}${claim}`, { reason: "TokenInvalid" });
  }
}

function scopesOf(payload: jose.JWTPayload): readonly string[] {
  const { scope, scp } = payload;
  if (Array.isArray(scp)) return scp.filter((entry) => typeof entry === "string");
  const text = typeof scope === "string" ? scope : typeof scp === "string" ? scp : "";
  return text.split(" ");
}

async function readKeys(text: string): Promise<KeySet> {
  const keys = text.trimStart().startsWith("{") ? parseKeySet(text) : [await jose.exportJWK(createPublicKey(text))];
  const usable = keys.filter(({ kty }) => kty === "RSA");
  if (usable.length === 0) throw new Error("the keys for bearer tokens hold no RSA public key");
  return jose.createLocalJWKSet({ keys: usable });
}

function parseKeySet(text: string): jose.JWK[] {
  const parsed: unknown = JSON.parse(text);
  const keys = typeof parsed === "object" && parsed !== null && "keys" in parsed ? parsed.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('a JSON Web Key Set has to have a list "keys"');
  return keys;
}
