/** Where `helm` and `promtool` come from. @module */
import { isFile, missing, run } from "../command.ts";
import { rigFolders, searchPath } from "../config.ts";

/** The Helm release that charts are tested with. */
export const HELM_VERSION = "3.22.0";
/** The Kubernetes release that Helm assumes where it is not connected. */
const KUBERNETES_MINOR = 36;

/** A program that chart tests run. */
export interface ChartTool {
  readonly name: "helm" | "promtool";
  readonly version: string;
  /** Why it cannot be made here, as the end of "because ..."; `undefined` when it can. */
  readonly unavailable: () => string | undefined;
  /** Puts the program into `target`. */
  readonly make: (target: string) => Promise<void>;
  /** What making it takes, for the announcement. */
  readonly time: string;
}

/** The programs. */
export const CHART_TOOLS: readonly ChartTool[] = [
  {
    name: "helm",
    version: HELM_VERSION,
    unavailable: () => missing(["go"]).length > 0 ? "there is no Go to build it with" : undefined,
    make: buildHelm,
    time: "2 min",
  },
  {
    name: "promtool",
    version: "debian",
    unavailable: () =>
      missing(["apt-get", "dpkg-deb"]).length > 0 ? "there is no apt-get on this machine to fetch it with" : undefined,
    make: fetchPromtool,
    time: "10 s",
  },
];

/** Path of a tool: from the cache, else installed on the machine; `undefined` without one. */
export function findChartTool(name: ChartTool["name"]): string | undefined {
  const tool = CHART_TOOLS.find((candidate) => candidate.name === name);
  if (tool === undefined) return undefined;
  return [cached(tool), ...searchPath().map((folder) => `${folder}/${name}`)].find(isFile);
}

/** Makes a tool and puts it into the cache. */
export async function makeChartTool(tool: ChartTool): Promise<string> {
  const target = cached(tool);
  await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
  const partial = `${target}.${Deno.pid}`;
  await tool.make(partial);
  await Deno.rename(partial, target);
  return target;
}

function cached({ name, version }: ChartTool): string {
  return `${rigFolders().cache}/tools/${name}-${version}`;
}

async function buildHelm(target: string): Promise<void> {
  await inScratch(async (folder) => {
    const set = {
      "helm.sh/helm/v3/internal/version.version": `v${HELM_VERSION}`,
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": "1",
      "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": String(KUBERNETES_MINOR),
    };
    const flags = ["-s", "-w", ...Object.entries(set).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
    await run(["go", "install", "-trimpath", "-ldflags", flags, `helm.sh/helm/v3/cmd/helm@v${HELM_VERSION}`], {
      inheritEnv: true,
      env: { GOBIN: folder },
      cwd: folder,
    });
    await Deno.copyFile(`${folder}/helm`, target);
  });
}

/** The one program, without the Prometheus server that its package would install. */
async function fetchPromtool(target: string): Promise<void> {
  await inScratch(async (folder) => {
    await run(["apt-get", "download", "--quiet", "prometheus"], { inheritEnv: true, cwd: folder });
    const deb = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".deb"))?.name;
    if (deb === undefined) throw new Error("apt-get download left no package of prometheus");
    await run(["dpkg-deb", "-x", deb, "tree"], { cwd: folder });
    await Deno.copyFile(`${folder}/tree/usr/bin/promtool`, target);
  });
}

async function inScratch(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-tool-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
