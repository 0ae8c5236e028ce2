import { assert, assertEquals } from "@virtrigaud/deps";
import { type Edge, importGraph, sources } from "./import_graph.ts";
import { violation, VM_FREE, VM_WORDS } from "./rules.ts";

const root = new URL("../..", import.meta.url).pathname;

Deno.test("every import keeps to the floors of the house", () => {
  const broken = importGraph(root).flatMap((edge) => {
    const rule = violation(edge);
    return rule === undefined ? [] : [`${edge.from} -> ${edge.to}: ${rule}`];
  });
  assertEquals(broken, []);
});

Deno.test("the Kubernetes client and the controller runtime know nothing about virtual machines", () => {
  const named = [...sources(root)]
    .filter((file) => VM_FREE.some((folder) => file.startsWith(folder)))
    .filter((file) => VM_WORDS.test(Deno.readTextFileSync(`${root}/${file}`)));
  assertEquals(named, []);
});

Deno.test("no source file is longer than 500 lines", () => {
  const long = [...sources(root)]
    .filter((file) => !/(^|\/)gen\//.test(file))
    .filter((file) => Deno.readTextFileSync(`${root}/${file}`).split("\n").length > 501);
  assertEquals(long, []);
});

Deno.test("programs are started by the runner alone, and markup comes from the serializer alone", () => {
  const product = [...sources(root)].filter((file) => /^(src|providers)\//.test(file))
    .filter((file) => !/_test\.ts$|\/testing\/|\/gen\//.test(file));
  const containing = (pattern: RegExp) =>
    product.filter((file) => pattern.test(Deno.readTextFileSync(`${root}/${file}`)));
  assertEquals(containing(/Deno\.Command\(|child_process/), ["src/standalone/runner/process.ts"]);
  // An opening, closing or empty element inside of quotes.
  assertEquals(containing(/["`'][^"`'\n]*(<\/[a-z]|<[a-z]\w*(\s[^<>"`'\n]*)?\/>|<[a-z]\w*\s\w+=)/i), []);
});

Deno.test("nothing is disposed of by `using` that the next statement returns from: minified, it would not be", () => {
  // esbuild 0.25, which `deno bundle --minify` runs, puts the value in the place of the variable and forgets the rest.
  const dropped = /\busing (\w+) = [^;]*;\s*return\b[^;]*\b\1\b/;
  assert(dropped.test("using file = open();\n  return file.size;"));
  const found = [...sources(root)].filter((file) =>
    /^(src|providers)\//.test(file) && !/_test\.ts$|\/testing\//.test(file)
  )
    .filter((file) => dropped.test(Deno.readTextFileSync(`${root}/${file}`)));
  assertEquals(found, []);
});

Deno.test("the rules refuse the edges they are there for", () => {
  const edge = (from: string, to: string, external = false): Edge => ({
    from,
    to,
    external,
    typeOnly: false,
  });
  const refused = [
    edge("src/api/a.ts", "src/runtime/mod.ts"),
    edge("src/kube/a.ts", "src/controllers/vm/decide.ts"),
    edge("src/cmd/manager/main.ts", "providers/mock/main.ts"),
    edge("providers/mock/main.ts", "src/kube/mod.ts"),
    edge("providers/mock/main.ts", "providers/libvirt/main.ts"),
    edge("src/controllers/vm/decide.ts", "src/kube/client.ts"),
    edge("src/controllers/vm/decide.ts", "node:fs", true),
    edge("src/kube/client.ts", "prom-client", true),
  ];
  assertEquals(refused.filter((e) => violation(e) === undefined), []);
  assertEquals(violation(edge("src/controllers/vm/act.ts", "src/contract/mod.ts")), undefined);
});
