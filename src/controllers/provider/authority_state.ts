/**
 * The life of the manager's certificate authority: made, in use, succeeded by another without a moment in which peers do
 * not trust each other. Pure, but for the making of keys.
 *
 * A successor is *introduced* (everybody is told to trust it, nobody uses it), then *takes over* (signs), and the old one
 * stays trusted until it expires.
 *
 * @module
 */
import { createAuthority, fromPem, type KeyPairPem, parseCertificate } from "@virtrigaud/pki";
import { Secret } from "@virtrigaud/telemetry";

/** Part of its life after which an authority of the manager's own is succeeded: a year before the end of ten. */
const SUCCEED_AFTER = 0.9;
/** From introduction to take-over, ms: long enough for every mounted Secret to be renewed, and for a restart in between. */
export const OVERLAP_MS = 24 * 3_600_000;

/** Everything that is kept. */
export interface AuthorityState {
  /** Signs. */
  readonly signer: KeyPairPem;
  /** Trusted already, signs from {@linkcode OVERLAP_MS} after `since` (milliseconds since 1970). */
  readonly next?: { readonly pair: KeyPairPem; readonly since: number };
  /** Certificates of former signers, which peers may still use. */
  readonly former: readonly string[];
}

/** What peers have to trust: the signer first. */
export function bundleOf({ signer, next, former }: AuthorityState): string {
  const all = [signer.certPem, ...next === undefined ? [] : [next.pair.certPem], ...former];
  return all.map((pem) => `${pem.trim()}\n`).join("");
}

/** The first state: an authority that was given, or a new one. */
export async function firstState(now: number, given: KeyPairPem | undefined): Promise<AuthorityState> {
  return { signer: given ?? await newAuthority(now), former: [] };
}

/**
 * What has become of it by `now`; the same object where nothing has. `given` is the authority that somebody else renews
 * (cert-manager, for one): it succeeds whenever it is another one. Without it the manager makes successors itself.
 */
export async function advance(
  state: AuthorityState,
  now: number,
  given: KeyPairPem | undefined,
): Promise<AuthorityState> {
  const { signer, next } = state;
  if (next !== undefined) {
    const expired = (await lifeOf(signer)).end <= now;
    return now >= next.since + OVERLAP_MS || expired
      ? await advance({ signer: next.pair, former: [signer.certPem, ...state.former] }, now, given)
      : state;
  }
  const { start, end } = await lifeOf(signer);
  const successor = given !== undefined
    ? isSame(given, signer) ? undefined : given
    : now >= start + (end - start) * SUCCEED_AFTER
    ? await newAuthority(now)
    : undefined;
  if (successor !== undefined) {
    const introduced = { ...state, next: { pair: successor, since: now } };
    return end <= now ? await advance(introduced, now, given) : introduced;
  }
  const former = await unexpired(state.former, now);
  return former.length === state.former.length ? state : { ...state, former };
}

/** When {@linkcode advance} has to be asked again at the latest, milliseconds since 1970. */
export async function nextTurn({ signer, next }: AuthorityState): Promise<number> {
  if (next !== undefined) return next.since + OVERLAP_MS;
  const { start, end } = await lifeOf(signer);
  return start + (end - start) * SUCCEED_AFTER;
}

const KEYS = ["tls.crt", "tls.key", "ca.crt", "next.crt", "next.key", "next.since"] as const;

/** Content of the Secret: every key, `null` for those that go. */
export function encodeState(state: AuthorityState): Record<(typeof KEYS)[number], string | null> {
  const { signer, next } = state;
  return {
    "tls.crt": signer.certPem,
    "tls.key": signer.keyPem.reveal(),
    "ca.crt": bundleOf(state),
    "next.crt": next?.pair.certPem ?? null,
    "next.key": next?.pair.keyPem.reveal() ?? null,
    "next.since": next === undefined ? null : new Date(next.since).toISOString(),
  };
}

/** A certificate with its key, as a TLS Secret holds it; `undefined` when one of the two is missing. */
export function pairIn(data: Readonly<Record<string, string>>): KeyPairPem | undefined {
  const [certPem, keyPem] = [data["tls.crt"], data["tls.key"]];
  return certPem === undefined || keyPem === undefined ? undefined : { certPem, keyPem: new Secret(keyPem) };
}

/** The state out of the Secret; `undefined` when it lacks an authority. */
export function decodeState(data: Readonly<Record<string, string>>): AuthorityState | undefined {
  const signer = pairIn(data);
  if (signer === undefined) return undefined;
  const [certPem, keyPem, since] = [data["next.crt"], data["next.key"], Date.parse(data["next.since"] ?? "")];
  const next = certPem === undefined || keyPem === undefined || Number.isNaN(since)
    ? undefined
    : { pair: { certPem, keyPem: new Secret(keyPem) }, since };
  const known = new Set([signer.certPem, ...(next === undefined ? [] : [next.pair.certPem])].map(fingerprint));
  const former = certificatesIn(data["ca.crt"] ?? "").filter((pem) => !known.has(fingerprint(pem)));
  return { signer, ...(next === undefined ? {} : { next }), former };
}

const newAuthority = async (now: number): Promise<KeyPairPem> => {
  const { certPem, keyPem } = await createAuthority({ name: "virtrigaud", clock: { now: () => now } });
  return { certPem, keyPem };
};

const isSame = (a: KeyPairPem, b: KeyPairPem): boolean => fingerprint(a.certPem) === fingerprint(b.certPem);

/** The bytes of the first certificate, however its text is broken into lines. */
const fingerprint = (pem: string): string => fromPem("CERTIFICATE", pem)[0]?.toBase64() ?? pem;

const certificatesIn = (bundle: string): string[] =>
  bundle.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g) ?? [];

async function lifeOf({ certPem }: KeyPairPem): Promise<{ start: number; end: number }> {
  const { notBefore, notAfter } = await parseCertificate(certPem, "certificate of the authority");
  return { start: notBefore.getTime(), end: notAfter.getTime() };
}

async function unexpired(pems: readonly string[], now: number): Promise<string[]> {
  const checked = await Promise.all(
    pems.map(async (pem) => (await parseCertificate(pem)).notAfter.getTime() > now ? [pem] : []),
  );
  return checked.flat();
}
