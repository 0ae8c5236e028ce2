/** What makes a control plane the same one after a restart: its CA and its tokens. @module */
import { join } from "node:path";
import { type Authority, createAuthority, loadAuthority } from "@virtrigaud/pki";
import { Secret } from "@virtrigaud/telemetry";
import { writePrivate } from "../kubeconfig.ts";
import type { Token } from "./auth.ts";
import { objectOf, strings, text } from "./json.ts";
import type { JsonObject } from "../storage/mod.ts";

/** CA and tokens of one control plane. */
export interface Identity {
  readonly authority: Authority;
  readonly tokens: readonly Token[];
}

/** Users of a control plane that was given none. */
const USERS: readonly Omit<Token, "token">[] = [
  { name: "admin", groups: ["system:masters"] },
  { name: "manager", groups: ["virtrigaud:managers"] },
];

/** Makes a new identity with random tokens. */
export async function createIdentity(): Promise<Identity> {
  const authority = await createAuthority({ name: "virtrigaud-standalone-ca" });
  return { authority, tokens: USERS.map((user) => ({ ...user, token: randomToken() })) };
}

/** Reads the identity kept in `dataDir`, or makes one and keeps it there, readable by its owner only. */
export async function loadIdentity(dataDir: string): Promise<Identity> {
  const path = join(dataDir, "identity.json");
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const identity = await createIdentity();
    const { certPem, keyPem } = identity.authority;
    const kept = { authority: { certPem, keyPem: keyPem.reveal() }, tokens: identity.tokens };
    await writePrivate(path, JSON.stringify(kept, undefined, 2));
    return identity;
  }
  return await parseIdentity(path, content);
}

async function parseIdentity(path: string, content: string): Promise<Identity> {
  let root: JsonObject;
  try {
    root = objectOf(JSON.parse(content)) ?? {};
  } catch (cause) {
    throw damaged(path, { cause });
  }
  const authority = objectOf(root.authority) ?? {};
  const certPem = text(authority, "certPem");
  const keyPem = text(authority, "keyPem");
  const tokens = (Array.isArray(root.tokens) ? root.tokens : []).map((item) => {
    const token = objectOf(item) ?? {};
    return { name: text(token, "name"), token: text(token, "token"), groups: strings(token, "groups") };
  });
  if (certPem === "" || keyPem === "" || tokens.length === 0) throw damaged(path);
  try {
    return { authority: await loadAuthority({ certPem, keyPem: new Secret(keyPem) }), tokens };
  } catch (cause) {
    throw damaged(path, { cause });
  }
}

function damaged(path: string, options?: ErrorOptions): Error {
  return new Error(
    `reading ${path}: it is damaged; remove it to have a new CA and new tokens made, and write kubeconfigs anew`,
    options,
  );
}

function randomToken(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
