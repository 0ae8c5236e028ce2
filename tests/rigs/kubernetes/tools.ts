/** Where the rig's Kubernetes programs come from, and how to build them with Go. @module */
import { isFile, missing, run } from "../command.ts";
import { chosenRelease, type RigFolders, rigFolders, searchPath } from "../config.ts";

/** A Kubernetes release that the product is tested with. */
export interface Release {
  readonly version: string;
  /** Build tags that it needs where not every module of its time can be had. */
  readonly tags: readonly string[];
  /** What its API server takes to build on two cores, from nothing. */
  readonly buildTime: string;
}

/** The releases: the newest, which every run uses, and the oldest that docs/install.md promises. */
export const RELEASES: Readonly<Record<"newest" | "oldest", Release>> = {
  newest: { version: "1.36.3", tags: [], buildTime: "5 min" },
  // The cloud providers that it still had in its tree are modules of their own, and gone.
  oldest: { version: "1.29.6", tags: ["providerless"], buildTime: "7 min" },
};
/** The etcd release that goes with both. */
export const ETCD_VERSION = "3.6.8";

/** A program that the rig runs. */
export interface Tool {
  readonly name: "kube-apiserver" | "kube-controller-manager" | "etcd" | "kubectl";
  readonly version: string;
  /** The Go package that is built. */
  readonly goPackage: string;
  /** The Go module under `go/` that has it. */
  readonly module: "newest" | "oldest";
  /** Build tags. */
  readonly tags: readonly string[];
  /** Whether any other release that is installed on the machine does as well. */
  readonly anyVersion: boolean;
  /** What a cold build takes on two cores, for the announcement. */
  readonly buildTime: string;
}

/** The programs of a release, in the order that builds fastest: the later reuse what the API server has compiled. */
export function tools(chosen: "newest" | "oldest" = chosenRelease()): readonly Tool[] {
  const kubernetes = (name: Tool["name"], module: "newest" | "oldest", buildTime: string): Tool => {
    const { version, tags } = RELEASES[module];
    const goPackage = `k8s.io/kubernetes/cmd/${name}`;
    return { name, version, module, tags, goPackage, anyVersion: name === "kubectl", buildTime };
  };
  return [
    kubernetes("kube-apiserver", chosen, RELEASES[chosen].buildTime),
    // Its parts for garbage and namespaces go by what the API server tells it; not all of an older one can be built any more.
    kubernetes("kube-controller-manager", "newest", "90 s"),
    {
      name: "etcd",
      version: ETCD_VERSION,
      module: "newest",
      goPackage: "go.etcd.io/etcd/server/v3",
      tags: [],
      anyVersion: false,
      buildTime: "80 s",
    },
    // Users have a new one, whatever their cluster is.
    kubernetes("kubectl", "newest", "30 s"),
  ];
}

/** Where tools are looked for; default: what the environment says. */
export interface Places extends Pick<RigFolders, "cache" | "kubebuilderAssets"> {
  /** Folders of programs that are installed on the machine. */
  readonly path: readonly string[];
  readonly release: "newest" | "oldest";
}

/** Path of a tool: from `KUBEBUILDER_ASSETS`, else from the cache, else installed on the machine where that will do. */
export function findTool(
  tool: Tool,
  places: Places = { ...rigFolders(), path: searchPath(), release: chosenRelease() },
): string | undefined {
  const { kubebuilderAssets, cache, path, release } = places;
  const candidates = [
    // Nobody says which release lies there: it is taken for the newest.
    ...kubebuilderAssets && release === "newest" ? [`${kubebuilderAssets}/${tool.name}`] : [],
    cachedTool(tool, cache),
    ...tool.anyVersion ? path.map((folder) => `${folder}/${tool.name}`) : [],
  ];
  return candidates.find(isFile);
}

/** Path of the `kubectl` that the rig uses, or `undefined`. */
export function findKubectl(): string | undefined {
  return tools().filter((tool) => tool.name === "kubectl").map((tool) => findTool(tool))[0];
}

/** Why tools cannot be built here, as the end of "because ..."; `undefined` when they can. */
export function buildUnavailable(): string | undefined {
  return missing(["go"]).length > 0 ? "there is no Go to build them with" : undefined;
}

/** Builds one tool into the cache; announces itself through `say`, and again every half minute. */
export async function buildTool(tool: Tool, say: (line: string) => void): Promise<string> {
  const target = cachedTool(tool, rigFolders().cache);
  say(`building ${tool.name} ${tool.version} with Go, once: about ${tool.buildTime} on two cores`);
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  const progress = setInterval(() => say(`still building ${tool.name} (${seconds()} s)`), 30_000);
  try {
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const partial = `${target}.${Deno.pid}`;
    const tags = tool.tags.length > 0 ? [`-tags=${tool.tags.join(",")}`] : [];
    const flags = ["-mod=readonly", "-trimpath", ...tags, "-ldflags", linkerFlags(tool)];
    // The caller's Go settings (proxy, caches) hold, but for a workspace that the repository may lie in.
    const options = { cwd: moduleFolder(tool.module), inheritEnv: true, env: { GOWORK: "off" } };
    await run(["go", "build", ...flags, "-o", partial, tool.goPackage], options);
    await Deno.rename(partial, target);
    say(`built ${tool.name} ${tool.version} in ${seconds()} s: ${target}`);
    return target;
  } finally {
    clearInterval(progress);
  }
}

/** Folder of the Go module that pins a release's tools and everything that they are made of; make_modules.ts writes it. */
export function moduleFolder(release: "newest" | "oldest"): string {
  return new URL(`go/${release}`, import.meta.url).pathname;
}

function cachedTool(tool: Tool, cache: string): string {
  return `${cache}/tools/${tool.name}-${tool.version}`;
}

function linkerFlags(tool: Tool): string {
  if (tool.name === "etcd") return "-s -w";
  const [major, minor] = tool.version.split(".");
  const stamp = { gitVersion: `v${tool.version}`, gitMajor: major, gitMinor: minor };
  const set = Object.entries(stamp).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
  return ["-s", "-w", ...set].join(" ");
}
