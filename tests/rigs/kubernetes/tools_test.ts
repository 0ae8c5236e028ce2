import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { ETCD_VERSION, findTool, moduleFolder, RELEASES, type Tool, tools } from "./tools.ts";

async function inFolders(test: (folder: (name: string, ...programs: string[]) => string) => void): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    test((name, ...programs) => {
      for (const program of programs) {
        Deno.mkdirSync(`${root}/${name}/${program}`.replace(/\/[^/]*$/, ""), { recursive: true });
        Deno.writeTextFileSync(`${root}/${name}/${program}`, "");
      }
      return `${root}/${name}`;
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const toolOf = (name: Tool["name"], release?: "newest" | "oldest"): Tool => {
  const tool = tools(release).find((candidate) => candidate.name === name);
  if (tool === undefined) throw new RangeError(`no tool ${name}`);
  return tool;
};

Deno.test("tools are taken from KUBEBUILDER_ASSETS first, then from the cache, and only kubectl from the machine", async () => {
  await inFolders((folder) => {
    const server = `kube-apiserver-${RELEASES.newest.version}`;
    const [kubebuilderAssets, cache] = [folder("assets", "kube-apiserver"), folder("cache", `tools/${server}`)];
    const path = [folder("bin", "kubectl", "kube-apiserver")];
    const release = "newest";
    const [apiServer, kubectl] = [toolOf("kube-apiserver", release), toolOf("kubectl", release)];
    assertEquals(
      findTool(apiServer, { kubebuilderAssets, cache, path, release }),
      `${kubebuilderAssets}/kube-apiserver`,
    );
    assertEquals(findTool(apiServer, { cache, path, release }), `${cache}/tools/${server}`);
    assertEquals(findTool(apiServer, { cache: folder("empty"), path, release }), undefined);
    assertEquals(findTool(kubectl, { kubebuilderAssets, cache, path, release }), `${path[0]}/kubectl`);
  });
});

Deno.test("what lies in KUBEBUILDER_ASSETS is never taken for the oldest release", async () => {
  await inFolders((folder) => {
    const server = `kube-apiserver-${RELEASES.oldest.version}`;
    const [kubebuilderAssets, cache] = [folder("assets", "kube-apiserver"), folder("cache", `tools/${server}`)];
    const places = { kubebuilderAssets, cache, path: [], release: "oldest" } as const;
    assertEquals(findTool(toolOf("kube-apiserver", "oldest"), places), `${cache}/tools/${server}`);
  });
});

for (const release of ["newest", "oldest"] as const) {
  Deno.test(`the Go module of the ${release} release pins what is built (else run make_modules.ts)`, async () => {
    const [mod, sum] = await Promise.all(
      ["go.mod", "go.sum"].map((name) => Deno.readTextFile(`${moduleFolder(release)}/${name}`)),
    );
    const { version } = RELEASES[release];
    const pins = [
      ["k8s.io/kubernetes", version],
      ...release === "newest" ? [["go.etcd.io/etcd/server/v3", ETCD_VERSION]] : [],
    ];
    for (const [path, pinned] of pins) {
      assert(mod?.includes(`${path} v${pinned}\n`), `${path} v${pinned}`);
      assert(sum?.includes(`${path} v${pinned} h1:`), `the sum of ${path} v${pinned}`);
    }
    const built = tools(release).filter(({ module }) => module === release);
    for (const { goPackage } of built) assertMatch(mod ?? "", new RegExp(`^(tool |\t)${goPackage}$`, "m"));
  });
}
