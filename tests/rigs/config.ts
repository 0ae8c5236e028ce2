/** Where the rigs keep and look for things: the only file here that reads the environment. @module */

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin";

/** Folders that commands are looked for in: root's and Go's usual ones, which a shell may leave out, then the caller's `PATH`. */
export function searchPath(env: Environment = Deno.env): string[] {
  return [...new Set([...SYSTEM_PATH.split(":"), ...(env.get("PATH") ?? "").split(":")])].filter((folder) =>
    folder !== ""
  );
}

/** Where variables are read from. */
export interface Environment {
  get(name: string): string | undefined;
}

/** Folders of the rigs. */
export interface RigFolders {
  /** What is expensive to build and good for every run; default `~/.cache/virtrigaud`. */
  readonly cache: string;
  /** Running instances; removed when they stop. Short, as a unix socket path has at most 107 bytes. */
  readonly run: string;
  /** A folder with `kube-apiserver`, `etcd` and `kubectl`, in the convention of envtest. */
  readonly kubebuilderAssets?: string;
}

/** Which Kubernetes the rig runs: `VIRTRIGAUD_KUBERNETES`, `newest` (default) or `oldest`. */
export function chosenRelease(env: Environment = Deno.env): "newest" | "oldest" {
  const value = env.get("VIRTRIGAUD_KUBERNETES") ?? "newest";
  if (value === "newest" || value === "oldest") return value;
  throw new RangeError(`VIRTRIGAUD_KUBERNETES is ${JSON.stringify(value)}: expected newest or oldest`);
}

/** Reads `XDG_CACHE_HOME`, `HOME`, `TMPDIR` and `KUBEBUILDER_ASSETS`. */
export function rigFolders(env: Environment = Deno.env): RigFolders {
  const cacheHome = env.get("XDG_CACHE_HOME") ?? `${env.get("HOME") ?? "/root"}/.cache`;
  const assets = env.get("KUBEBUILDER_ASSETS");
  return {
    cache: `${cacheHome}/virtrigaud`,
    run: `${env.get("TMPDIR") ?? "/tmp"}/virtrigaud-rig`,
    ...(assets ? { kubebuilderAssets: assets } : {}),
  };
}
