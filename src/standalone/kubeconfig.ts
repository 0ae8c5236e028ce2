/** kubeconfig files for the embedded API server. @module */
import { stringifyYaml } from "@virtrigaud/deps";

/** What a kubeconfig says. */
export interface KubeconfigOptions {
  /** `https://127.0.0.1:<port>`. */
  readonly server: string;
  readonly caPem: string;
  readonly user: string;
  readonly token: string;
  /** Default namespace of the context. Default `default`. */
  readonly namespace?: string;
}

/** The text of a kubeconfig with everything inside, so that it can be copied on its own. */
export function kubeconfig({ server, caPem, user, token, namespace = "default" }: KubeconfigOptions): string {
  const name = "virtrigaud";
  return stringifyYaml({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": btoa(caPem) } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name, context: { cluster: name, user, namespace } }],
    "current-context": name,
  });
}

/** Writes `text` to `path` so that only its owner can read it, at no time half-written or readable by others. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await Deno.writeTextFile(draft, text, { mode: 0o600, createNew: true });
    await Deno.rename(draft, path);
  } catch (cause) {
    await Deno.remove(draft).catch(() => {});
    throw new Error(`writing ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
