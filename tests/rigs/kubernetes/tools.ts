/** Where the rig's Kubernetes programs come from, and how to build them with Go. @module */
import { isFile, missing, run } from "../command.ts";
import { chosenRelease, rigFolders, searchPath } from "../config.ts";

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
  /** Build tags. */
  readonly tags: readonly string[];
  /** Whether any other release that is installed on the machine does as well. */
  readonly anyVersion: boolean;
  /** What a cold build takes on two cores, for the announcement. */
  readonly buildTime: string;
}

/** The programs of a release, in the order that builds fastest: the later reuse what the API server has compiled. */
export function tools(release: Release = RELEASES[chosenRelease()]): readonly Tool[] {
  const kubernetes = (name: Tool["name"], { version, tags }: Release, buildTime: string): Tool => (
    { name, version, tags, goPackage: `k8s.io/kubernetes/cmd/${name}`, anyVersion: name === "kubectl", buildTime }
  );
  return [
    kubernetes("kube-apiserver", release, release.buildTime),
    // Its parts for garbage and namespaces go by what the API server tells it; not all of an older one can be built any more.
    kubernetes("kube-controller-manager", RELEASES.newest, "90 s"),
    {
      name: "etcd",
      version: ETCD_VERSION,
      goPackage: "go.etcd.io/etcd/server/v3",
      tags: [],
      anyVersion: false,
      buildTime: "80 s",
    },
    // Users have a new one, whatever their cluster is.
    kubernetes("kubectl", RELEASES.newest, "30 s"),
  ];
}

/** Path of a tool: from `KUBEBUILDER_ASSETS`, else from the cache, else installed on the machine where that will do. */
export function findTool(tool: Tool): string | undefined {
  const { kubebuilderAssets } = rigFolders();
  const places = [
    // Nobody says which release lies there: it is taken for the newest.
    ...kubebuilderAssets && chosenRelease() === "newest" ? [`${kubebuilderAssets}/${tool.name}`] : [],
    cachedTool(tool),
    ...tool.anyVersion ? searchPath().map((folder) => `${folder}/${tool.name}`) : [],
  ];
  return places.find(isFile);
}

/** Path of the `kubectl` that the rig uses, or `undefined`. */
export function findKubectl(): string | undefined {
  return tools().filter((tool) => tool.name === "kubectl").map(findTool)[0];
}

/** Why tools cannot be built here, as the end of "because ..."; `undefined` when they can. */
export function buildUnavailable(): string | undefined {
  return missing(["go"]).length > 0 ? "there is no Go to build them with" : undefined;
}

/** Builds one tool into the cache; announces itself through `say`, and again every half minute. */
export async function buildTool(tool: Tool, say: (line: string) => void): Promise<string> {
  const target = cachedTool(tool);
  say(`building ${tool.name} ${tool.version} with Go, once: about ${tool.buildTime} on two cores`);
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  const progress = setInterval(() => say(`still building ${tool.name} (${seconds()} s)`), 30_000);
  const module = await Deno.makeTempDir({ prefix: "virtrigaud-build-" });
  try {
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    const partial = `${target}.${Deno.pid}`;
    const goMod = tool.name === "etcd" ? etcdModule(tool.version) : await kubernetesModule(tool.version);
    await Deno.writeTextFile(`${module}/go.mod`, goMod);
    const tags = tool.tags.length > 0 ? [`-tags=${tool.tags.join(",")}`] : [];
    const flags = ["-mod=mod", "-trimpath", ...tags, "-ldflags", linkerFlags(tool)];
    // The caller's Go settings (proxy, caches) hold.
    await run(["go", "build", ...flags, "-o", partial, tool.goPackage], { cwd: module, inheritEnv: true });
    await Deno.rename(partial, target);
    say(`built ${tool.name} ${tool.version} in ${seconds()} s: ${target}`);
    return target;
  } finally {
    clearInterval(progress);
    await Deno.remove(module, { recursive: true });
  }
}

function cachedTool(tool: Tool): string {
  return `${rigFolders().cache}/tools/${tool.name}-${tool.version}`;
}

function linkerFlags(tool: Tool): string {
  if (tool.name === "etcd") return "-s -w";
  const [major, minor] = tool.version.split(".");
  const stamp = { gitVersion: `v${tool.version}`, gitMajor: major, gitMinor: minor };
  const set = Object.entries(stamp).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
  return ["-s", "-w", ...set].join(" ");
}

/** etcd's own module cannot be installed by name, as its go.mod has replacements; requiring it works. */
function etcdModule(version: string): string {
  return `module virtrigaud.io/rig\n\ngo 1.24.0\n\nrequire go.etcd.io/etcd/server/v3 v${version}\n`;
}

/**
 * A module that requires Kubernetes the way its own go.mod sees itself: the staging modules are named there as v0.0.0
 * and live under the release's v0 number; go and godebug directives are those that it was tested with.
 */
async function kubernetesModule(version: string): Promise<string> {
  const query = ["go", "mod", "download", "-json", `k8s.io/kubernetes@v${version}`] as const;
  const { GoMod } = JSON.parse(await run(query, { inheritEnv: true, cwd: "/" }));
  const upstream = await Deno.readTextFile(String(GoMod));
  const staging = [...upstream.matchAll(/^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/gm)].map((match) => match[1] ?? "");
  return [
    "module virtrigaud.io/rig",
    ...upstream.match(/^go .*$/m) ?? [],
    ...upstream.match(/^godebug \([^)]*\)|^godebug .*$/gm) ?? [],
    `require k8s.io/kubernetes v${version}`,
    ...new Set(staging.map((name) => `replace ${name} => ${name} v0${version.slice(1)}`)),
  ].join("\n");
}
