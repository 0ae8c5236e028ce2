/** Credentials for `up --libvirt`: what the user's own SSH client would use. @module */
import { join } from "node:path";

/** Where keys and known hosts are looked for. */
export interface SshFiles {
  /** `~/.ssh`; absent: nowhere but in the URI and the options. */
  readonly folder?: string;
  /** Private key named by the user. */
  readonly key?: string;
}

const KEY_NAMES = ["id_ed25519", "id_ecdsa", "id_rsa"] as const;

/**
 * Reads the private key and the known hosts for a URI over SSH; nothing for other URIs.
 * @throws when no key can be found, naming the places that were looked at
 */
export async function libvirtCredentials(uri: string, files: SshFiles): Promise<Record<string, string>> {
  if (!uri.startsWith("qemu+ssh://")) return {};
  const parameters = new URL(uri.replace("qemu+ssh://", "ssh://")).searchParams;
  const named = files.key ?? parameters.get("keyfile") ?? undefined;
  const candidates = named !== undefined
    ? [named]
    : files.folder === undefined
    ? []
    : KEY_NAMES.map((name) => join(files.folder ?? "", name));
  const key = await firstOf(candidates);
  if (key === undefined) {
    throw new Error(
      `no private key for ${uri}: give --ssh-key=<file> (looked at: ${candidates.join(", ") || "nothing"})`,
    );
  }
  const hosts = await firstOf([
    ...(parameters.get("known_hosts") === null ? [] : [parameters.get("known_hosts") ?? ""]),
    ...(files.folder === undefined ? [] : [join(files.folder, "known_hosts")]),
  ]);
  return { "ssh-privatekey": key, ...(hosts === undefined ? {} : { known_hosts: hosts }) };
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw new Error(`cannot read ${path}`, { cause: error });
    }
  }
  return undefined;
}
