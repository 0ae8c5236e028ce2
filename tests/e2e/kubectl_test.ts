/** The real `kubectl` against the embedded API server. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@virtrigaud/deps";
import { startTestPlane, type TestPlane, widget, WIDGETS } from "@virtrigaud/standalone/testing";
import { findKubectl, kubectlRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";

const binary = findKubectl() ?? "kubectl";
const ignore = await skipWithout("e2e", "kubectl against the embedded API server", kubectlRig);

interface Kubectl extends TestPlane {
  /** Runs kubectl; `input` is its standard input. Returns what it printed, and its exit code. */
  run(args: string, input?: unknown): Promise<{ code: number; out: string; err: string }>;
  /** Like `run`, and expects success. */
  ok(args: string, input?: unknown): Promise<string>;
}

function test(name: string, steps: (k: Kubectl) => Promise<void>): void {
  Deno.test({
    name: `kubectl: ${name}`,
    ignore,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        await using t = await startTestPlane();
        await Deno.writeTextFile(`${folder}/config`, t.plane.kubeconfig("admin"), { mode: 0o600 });
        const run: Kubectl["run"] = async (args, input) => {
          const child = new Deno.Command(binary, {
            args: ["--kubeconfig", `${folder}/config`, "--cache-dir", `${folder}/cache`, ...words(args)],
            env: { KUBE_EDITOR: "sed -i -e s/size:.1/size:\\ 6/" },
            stdin: input === undefined ? "null" : "piped",
            stdout: "piped",
            stderr: "piped",
          }).spawn();
          if (input !== undefined) {
            const writer = child.stdin.getWriter();
            await writer.write(new TextEncoder().encode(JSON.stringify(input)));
            await writer.close();
          }
          const { code, stdout, stderr } = await child.output();
          return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
        };
        const ok: Kubectl["ok"] = async (args, input) => {
          const { code, out, err } = await run(args, input);
          assertEquals(code, 0, `kubectl ${args}: ${err}`);
          return out;
        };
        await steps({ ...t, run, ok, [Symbol.asyncDispose]: () => Promise.resolve() });
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Splits at spaces outside single quotes; no shell is involved. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

const columns = (out: string): string[] => out.trimEnd().split("\n").map((line) => line.replace(/\s+/g, " ").trim());

test("apply, get, describe, patch, label, delete", async ({ ok, run, client }) => {
  assertEquals(await ok("apply -f -", widget("a", { size: 3 })), "widget.example.com/a created\n");
  assertEquals(await ok("apply -f -", widget("a", { size: 3 })), "widget.example.com/a unchanged\n");
  assertEquals(await ok("apply -f -", widget("a", { size: 4 })), "widget.example.com/a configured\n");
  await client.patch(`${WIDGETS}/a/status`, "merge", { status: { conditions: [{ type: "Ready", status: "True" }] } });
  assertMatch(columns(await ok("get wd"))[1] ?? "", /^a 4 True \d+s$/);
  assertMatch(columns(await ok("get widgets a -o wide"))[1] ?? "", /^a 4 True green \d+s$/);
  assertMatch(columns(await ok("get things -A"))[1] ?? "", /^default a 4 True/);
  assertEquals(await ok("get wd a -o jsonpath={.spec.color}"), "green");
  assertEquals(await ok("get wd -o name --field-selector metadata.name=a"), "widget.example.com/a\n");
  assertStringIncludes(await ok("describe wd a"), "Size:      4");
  await ok("label wd a tier=web");
  await ok("annotate wd a note=x");
  assertEquals(await ok("get wd -l tier=web -o name"), "widget.example.com/a\n");
  await ok(`patch wd a --type merge -p '{"spec":{"color":"red"}}'`);
  await ok(`patch wd a --type json -p '[{"op":"replace","path":"/spec/size","value":7}]'`);
  await ok(`patch wd a --subresource status --type merge -p '{"status":{"phase":"Done"}}'`);
  assertEquals(await ok("get wd a -o jsonpath={.spec.size}/{.spec.color}/{.status.phase}"), "7/red/Done");
  assertMatch(await ok("delete wd a"), /^widget.example.com "a" deleted/);
  const missing = await run("get wd a");
  assertEquals([missing.code, missing.err], [1, 'Error from server (NotFound): widgets.example.com "a" not found\n']);
});

test("a bad manifest is refused with the field, and an unknown field is refused or warned of", async ({ run, ok }) => {
  const invalid = await run("apply -f -", widget("a", { size: 0, color: "blue" }));
  assertStringIncludes(invalid.err, 'The Widget "a" is invalid');
  assertStringIncludes(invalid.err, "spec.size: Invalid value: 0");
  assertStringIncludes(invalid.err, 'spec.color: Unsupported value: "blue"');
  const strict = await run("apply -f -", widget("a", { colour: "red" }));
  assertStringIncludes(strict.err, 'unknown field "spec.colour"');
  const warned = await run("apply --validate=warn -f -", widget("a", { colour: "red" }));
  assertStringIncludes(warned.err, 'Warning: unknown field "spec.colour"');
  assertEquals(await ok("get wd -o name"), "widget.example.com/a\n");
});

test("apply --server-side owns fields, reports conflicts, takes over by force, drops what it no longer names", async ({ run, ok }) => {
  const parts = (...names: string[]) => ({ parts: names.map((name) => ({ name, count: 1 })) });
  await ok("apply --server-side --field-manager one -f -", widget("a", { size: 1, ...parts("x", "y") }));
  await ok("apply --server-side --field-manager one -f -", widget("a", { size: 1, ...parts("x") }));
  assertEquals(await ok("get wd a -o jsonpath={.spec.parts[*].name}"), "x");
  const conflict = await run("apply --server-side --field-manager two -f -", widget("a", { size: 2 }));
  assertStringIncludes(conflict.err, 'Apply failed with 1 conflict: conflict with "one": .spec.size');
  await ok("apply --server-side --field-manager two --force-conflicts -f -", widget("a", { size: 2, ...parts("z") }));
  assertEquals(await ok("get wd a -o jsonpath={.spec.size}/{.spec.parts[*].name}"), "2/x z");
  assertEquals(await ok("get wd a --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}"), "one two");
});

test("dry runs and diff change nothing", async ({ run, ok }) => {
  await ok("create -f - --dry-run=server", widget("a"));
  assertEquals(await ok("get wd -o name"), "");
  await ok("apply -f -", widget("a"));
  const diff = await run("diff -f -", widget("a", { size: 9 }));
  assertEquals(diff.code, 1);
  assertStringIncludes(diff.out, "+  size: 9");
  assertEquals(await ok("get wd a -o jsonpath={.spec.size}"), "1");
});

test("explain, api-resources, auth, version", async ({ ok }) => {
  const explained = await ok("explain wd.spec");
  assertStringIncludes(explained, "size\t<integer> -required-");
  assertStringIncludes(explained, "How large, in units.");
  assertStringIncludes(await ok("explain deployment.spec.template.spec.containers"), "image\t<string>");
  assertMatch(await ok("api-resources --categories things"), /widgets +wd +example.com\/v1 +true +Widget/);
  assertEquals(await ok("auth can-i delete widgets"), "yes\n");
  assertStringIncludes(await ok("auth whoami"), "admin");
  assertStringIncludes(await ok("version"), "Server Version: v1.");
});

test("wait follows conditions and deletion", async ({ ok, client }) => {
  await ok("apply -f -", widget("a", {}, { finalizers: ["example.com/x"] }));
  const ready = ok("wait wd/a --for=condition=Ready --timeout=20s");
  await client.patch(`${WIDGETS}/a/status`, "merge", { status: { conditions: [{ type: "Ready", status: "True" }] } });
  assertStringIncludes(await ready, "condition met");
  await ok("delete wd a --wait=false");
  const gone = ok("wait wd/a --for=delete --timeout=20s");
  await client.patch(`${WIDGETS}/a`, "merge", { metadata: { finalizers: [] } });
  await gone;
});

test("get -w prints changes as they come", async ({ plane, ok, client, run }) => {
  await client.post(WIDGETS, widget("a"));
  const watching = run("get wd -w --request-timeout=20s");
  while (plane.watches === 0) await client.get("/version");
  await client.patch(`${WIDGETS}/a`, "merge", { spec: { size: 2 } });
  await client.post(WIDGETS, widget("b", { size: 5 }));
  while (plane.cutWatches() === 0) await client.get("/version");
  const lines = columns((await watching).out).map((line) => line.replace(/ \d+s$/, ""));
  assertEquals(lines, ["NAME SIZE READY AGE", "a 1", "a 2", "b 5"]);
  await ok("delete wd --all");
});

test("core kinds: create, scale, rollout, expose, run, namespaces", async ({ ok }) => {
  await ok("create namespace team");
  await ok("create secret generic s -n team --from-literal password=x");
  assertEquals(await ok("get secret s -n team -o jsonpath={.data.password}"), btoa("x"));
  await ok("create configmap c -n team --from-literal a=1");
  await ok("create serviceaccount acc -n team");
  await ok("create role r -n team --verb get --resource pods");
  await ok("create deployment d -n team --image one --replicas 0");
  await ok("scale deployment d -n team --replicas 3");
  await ok("set image deployment/d one=two:1 -n team");
  await ok("rollout restart deployment d -n team");
  await ok("expose deployment d -n team --port 80");
  await ok("run p -n team --image x");
  assertMatch(columns(await ok("get deployments -n team"))[1] ?? "", /^d 0\/3 0 0 /);
  assertEquals(await ok("get deployment d -n team -o jsonpath={.spec.template.spec.containers[*].image}"), "two:1");
  const listed = await ok("get all -n team");
  for (const name of ["pod/p", "service/d", "deployment.apps/d"]) assertStringIncludes(listed, name);
  await ok("delete namespace team --timeout=20s");
  assertEquals(await ok("get all,secrets,configmaps -A -o name"), "");
});

test("events of an object show in describe and in events", async ({ ok, client }) => {
  const { metadata } = (await client.post(WIDGETS, widget("a"))).body;
  await client.post("/api/v1/namespaces/default/events", {
    metadata: { name: "a.1" },
    involvedObject: {
      apiVersion: "example.com/v1",
      kind: "Widget",
      name: "a",
      namespace: "default",
      uid: metadata.uid,
    },
    type: "Normal",
    reason: "Made",
    message: "made it",
    count: 2,
    source: { component: "test" },
    firstTimestamp: new Date().toISOString(),
    lastTimestamp: new Date().toISOString(),
  });
  assertMatch(await ok("describe wd a"), /Normal +Made +\S+ \(x2 over \S+\) +test +made it/);
  assertStringIncludes(await ok("events --for wd/a"), "made it");
  assertMatch(await ok("get events"), /Normal +Made +widget\/a +made it/);
});

test("edit, replace and delete with cascade", async ({ ok, client }) => {
  const { metadata } = (await client.post(WIDGETS, widget("owner"))).body;
  const ownerReferences = [{ apiVersion: "example.com/v1", kind: "Widget", name: "owner", uid: metadata.uid }];
  await client.post(WIDGETS, widget("child", {}, { ownerReferences }));
  await ok(
    "replace -f -",
    widget("child", { size: 8 }, {
      ownerReferences,
      resourceVersion: (await client.get(`${WIDGETS}/child`)).body.metadata.resourceVersion,
    }),
  );
  assertEquals(await ok("get wd child -o jsonpath={.spec.size}"), "8");
  await ok("delete wd owner --cascade=foreground --timeout=20s");
  assertEquals(await ok("get wd -o name"), "");
  await ok("create -f -", widget("edited"));
  await ok("edit wd edited");
  assert((await ok("get wd edited -o yaml")).includes("size: 6"));
});

test("applies a list, as kubectl itself prints one", async (k) => {
  const list = { apiVersion: "v1", kind: "List", items: [widget("one"), widget("two")] };
  assertEquals(columns(await k.ok("apply -f -", list)).length, 2);
  const printed = JSON.parse(await k.ok("get widgets -o json"));
  assertEquals(printed.items.length, 2);
  await k.ok("apply -f -", printed);
  const refused = await k.run("apply -f -", { ...list, items: [widget("three", { size: 0 })] });
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, "spec.size");
});
