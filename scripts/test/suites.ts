/** The test suites of the project, as data. @module */

/** A rig that a suite cannot do without. */
export type NeedName = typeof NEED_NAMES[number];
/** All of them. */
export const NEED_NAMES = ["libvirt", "kubernetes", "kubectl", "helm"] as const;

/** Test files that run together or are skipped together. */
export interface Suite {
  readonly name: string;
  /** Which test files; the first suite that matches has the file. */
  readonly files: RegExp;
  readonly needs: readonly NeedName[];
  /** Time limit for one file. */
  readonly minutes: number;
}

/** Unit tests: one parallel run of all. */
export const UNIT_SUITE: Suite = {
  name: "unit",
  files: /^(src|providers|scripts|tests\/(structure|compat|controllers|mutation|rigs))\/(?!.*_rig_test\.ts$)/,
  needs: [],
  minutes: 10,
};

/** Integration suites, in the order they run: each file is a process of its own, one after the other. */
export const INTEGRATION_SUITES: readonly Suite[] = [
  { name: "libvirt rig", files: /^tests\/rigs\/libvirt/, needs: ["libvirt"], minutes: 5 },
  { name: "kubernetes rig", files: /^tests\/rigs\/kubernetes/, needs: ["kubernetes"], minutes: 5 },
  { name: "libvirt provider", files: /^providers\/libvirt\/.*_rig_test\.ts$/, needs: ["libvirt"], minutes: 10 },
  {
    name: "e2e libvirt on kubernetes",
    files: /^tests\/e2e\/libvirt_kubernetes/,
    needs: ["libvirt", "kubernetes"],
    minutes: 15,
  },
  { name: "e2e libvirt", files: /^tests\/e2e\/.*libvirt/, needs: ["libvirt", "kubectl"], minutes: 15 },
  { name: "e2e kubernetes", files: /^tests\/e2e\/.*(kubernetes|apiserver)/, needs: ["kubernetes"], minutes: 15 },
  // What these need they say themselves, file by file.
  { name: "e2e", files: /^tests\/e2e\//, needs: [], minutes: 10 },
  {
    name: "charts on a cluster",
    files: /^tests\/charts\/.*_rig_test\.ts$/,
    needs: ["helm", "kubernetes"],
    minutes: 10,
  },
  { name: "charts", files: /^tests\/charts\//, needs: ["helm"], minutes: 10 },
  { name: "bundles", files: /^tests\/bundles\//, needs: [], minutes: 10 },
  { name: "crash", files: /^tests\/crash\//, needs: [], minutes: 15 },
  { name: "fault", files: /^tests\/fault\//, needs: [], minutes: 10 },
  { name: "scale", files: /^tests\/scale\//, needs: [], minutes: 15 },
  { name: "rigs", files: /_rig_test\.ts$/, needs: [], minutes: 10 },
];

/** Sorts test files into suites; `homeless` are those that no suite has. */
export function assign(files: readonly string[]): { bySuite: Map<Suite, string[]>; homeless: string[] } {
  const bySuite = new Map<Suite, string[]>([UNIT_SUITE, ...INTEGRATION_SUITES].map((suite) => [suite, []]));
  const homeless = files.filter((file) => {
    const suite = [...bySuite.keys()].find((candidate) => candidate.files.test(file));
    if (suite) bySuite.get(suite)?.push(file);
    return suite === undefined;
  });
  return { bySuite, homeless };
}

/** Every test file under `root`, relative to it, sorted. */
export function testFiles(root: string, folder = ""): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(`${root}/${folder}`)) {
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    if (entry.isDirectory) found.push(...testFiles(root, `${folder}${entry.name}/`));
    else if (/_test\.tsx?$/.test(entry.name)) found.push(`${folder}${entry.name}`);
  }
  return found.sort();
}
