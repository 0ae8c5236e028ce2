/** What makes a control plane the same one after a restart: its CA and its tokens. @module */
import { join } from "node:path";
import { writePrivate } from "../kubeconfig.ts";
import { type Certificate, createAuthority } from "../tls.ts";
import type { Token } from "./auth.ts";
import { objectOf, strings, text } from "./json.ts";
import type { JsonObject } from "../storage/mod.ts";

/** CA and tokens of one control plane. */
export interface Identity {
  readonly authority: Certificate;
  readonly tokens: readonly Token[];
}

/** Users of a control plane that was given none. */
const USERS: readonly Omit<Token, "token">[] = [
  { name: "admin", groups: ["system:masters"] },
  { name: "manager", groups: ["virtrigaud:managers"] },
];

/** Makes a new identity with random tokens. */
export async function createIdentity(now: number): Promise<Identity> {
  return { authority: await createAuthority(now), tokens: USERS.map((user) => ({ ...user, token: randomToken() })) };
}

/** Reads the identity kept in `dataDir`, or makes one and keeps it there, readable by its owner only. */
export async function loadIdentity(dataDir: string, now: number): Promise<Identity> {
  const path = join(dataDir, "identity.json");
  let content: string;
  try {
    content = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const identity = await createIdentity(now);
    await writePrivate(path, JSON.stringify(identity, undefined, 2));
    return identity;
  }
  return parseIdentity(path, content);
}

function parseIdentity(path: string, content: string): Identity {
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
  return { authority: { certPem, keyPem }, tokens };
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
