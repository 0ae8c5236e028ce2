/**
 * The programs as they are shipped: one file per role, made from what the Dockerfile copies, run with the permissions of
 * its role and no other, without the sources, without a cache of packages. Only the account of the manager's pod is read
 * from a file of this test.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows, parseAllYaml } from "@virtrigaud/deps";
import { dirname, join } from "node:path";
import { kinds } from "@virtrigaud/api";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR, PROVIDERS, VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { KubeClient, type KubeObject, NAMESPACES, type ResourceType, resourceType } from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { Runner, startControlPlane, writePrivate } from "@virtrigaud/standalone";
import { runFlags, stamped } from "../../scripts/build/bundle.ts";
import { type Role, ROLES } from "../../scripts/build/roles.ts";
import { copyBuildContext } from "./build_context.ts";

const BUILD = { version: "9.8.7", revision: "abc1234", date: "2026-01-02T03:04:05Z" };

const roleOf = (name: string): Role => {
  const role = ROLES.find((candidate) => candidate.name === name);
  if (role === undefined) throw new Error(`there is no role ${name}`);
  return role;
};

interface Output {
  readonly code: number;
  readonly text: string;
}

/** Where the test keeps its things: `context` with the sources, `bin` with what is made of them, and others. */
interface Workshop {
  readonly folder: string;
  /** Nothing but what a program needs to start: where `deno` is, and an empty cache. */
  readonly env: Readonly<Record<string, string>>;
}

/** `deno task bundle` or `deno task compile`, in the build context of the images. */
async function build({ folder }: Workshop, args: readonly string[], env: Record<string, string> = {}): Promise<Output> {
  const stamp = Object.entries(BUILD).map(([name, value]) => `--${name}=${value}`);
  const script = ["run", "-A", "--no-check", "--quiet", "scripts/bundle.ts", ...stamp, ...args];
  return await outputOf(Deno.execPath(), script, { cwd: `${folder}/context`, env });
}

async function outputOf(command: string, args: readonly string[], options: Deno.CommandOptions): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(command, { ...options, args: [...args] }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("the programs as they are shipped", async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-bundle-" });
  const env = { PATH: `${dirname(Deno.execPath())}:/usr/bin:/bin`, DENO_DIR: `${folder}/empty-cache` };
  const shop: Workshop = { folder, env };
  const step = async (name: string, fn: () => Promise<void>) => assert(await t.step(name, fn), name);
  try {
    await step("every role is made from what the Dockerfile copies", async () => {
      await copyBuildContext(`${folder}/context`);
      const { code, text } = await build(shop, [`--output=${folder}/bin`]);
      assertEquals(code, 0, text);
    });
    await step("each starts without sources and without a cache, and says its build", () => saysItsBuild(shop));
    await step("manager and providers work with the permissions of their roles", () => worksInACluster(shop));
    await step("the standalone starts its providers with the permissions of theirs", () => worksAlone(shop));
    await step("a binary is compiled with the permissions and engine flags of its role", () => compiles(shop));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function saysItsBuild({ folder, env }: Workshop): Promise<void> {
  for (const { name } of ROLES) {
    const { code, text } = await outputOf(`${folder}/bin/${name}`, ["--version"], { clearEnv: true, env, cwd: folder });
    assertEquals([name, code, text.split("\n").length], [name, 0, 2], text);
    assertMatch(text, /^\S+ 9\.8\.7 \(revision abc1234, built 2026-01-02T03:04:05Z, deno /);
  }
}

/** The whole product from its bundles: the API server, the manager in it, and the mock as a process of its own. */
async function worksAlone({ folder, env }: Workshop): Promise<void> {
  const args = ["up", "--once", "--timeout=90s", `--folder=${folder}/site`];
  const { code, text } = await outputOf(`${folder}/bin/virtrigaud`, args, { clearEnv: true, env, cwd: folder });
  const log = join(folder, "site/providers/logs/default_virtrigaud-provider-default-mock.log");
  assertEquals(code, 0, `${text}\n${readText(log)}`);
  assertMatch(text, /VirtualMachine hello: .*Ready/i);
}

/** What the runtime of `compile` is cannot be fetched here; this shows what such a binary would be started with. */
async function compiles(shop: Workshop): Promise<void> {
  const name = "manager";
  const output = `${shop.folder}/out`;
  const made = await build(shop, ["--compile", `--role=${name}`, `--output=${output}`], {
    DENORT_BIN: Deno.execPath(),
  });
  assertEquals(made.code, 0, made.text);
  const { permissions, v8Flags = [] } = roleOf(name);
  const { size: runtime } = await Deno.stat(Deno.execPath());
  const text = new TextDecoder("latin1").decode(
    (await Deno.readFile(`${output}/${name}`)).subarray(runtime - (1 << 20)),
  );
  const said = /"permissions":(\{.*?\}),"location"/.exec(text)?.[1];
  assert(said !== undefined, "the binary does not say its permissions where they were looked for");
  assertEquals(JSON.parse(said), {
    allow_env: permissions.env,
    ignore_env: [],
    allow_net: [],
    allow_read: permissions.read,
    deny_import: [],
    prompt: false,
    ...nothing("deny_env", "deny_net", "allow_ffi", "deny_ffi", "deny_read", "ignore_read", "allow_run", "deny_run"),
    ...nothing("allow_sys", "deny_sys", "allow_write", "deny_write"),
    // Overruled by `deny_import`.
    allow_import: JSON.parse(said).allow_import,
  });
  for (const flag of v8Flags) assert(text.includes(`"${flag}"`), flag);
}

const nothing = (...names: string[]) => Object.fromEntries(names.map((name) => [name, null]));

Deno.test("a bundle that does not say its build in one place is refused, and so is a build of odd letters", () => {
  const code = 'const a="virtrigaud-build|0.1.0|||";';
  assertEquals(stamped(code, BUILD), `const a="virtrigaud-build|9.8.7|abc1234|2026-01-02T03:04:05Z|";`);
  assertThrows(() => stamped(code + code, BUILD), Error, "one place");
  assertThrows(() => stamped("", BUILD), Error, "one place");
  assertThrows(() => stamped(code, { ...BUILD, revision: '"+evil+"' }), RangeError);
});

async function worksInACluster({ folder, env }: Workshop): Promise<void> {
  const plane = await startControlPlane({ dataDir: ":memory:", kinds });
  const token = plane.tokens.find(({ name }) => name === "admin")?.token ?? "";
  const client = new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token });
  const runner = new Runner({
    client,
    labelSelector: MANAGED_SELECTOR,
    folder: `${folder}/run`,
    programOf: (image) => ({ command: `${folder}/bin/${/provider-\w+/.exec(image)?.[0]}`, args: [] }),
    addressAnnotation: DIAL_ADDRESS_ANNOTATION,
    baseEnv: env,
  });
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  await Deno.mkdir(`${folder}/run`, { recursive: true });
  await writePrivate(`${folder}/run/kubeconfig`, plane.kubeconfig("manager"));
  await client.create(NAMESPACES, { metadata: { name: "virtrigaud-system" } });
  const metricsPort = freePort();
  const role = roleOf("manager");
  const manager = new Deno.Command(Deno.execPath(), {
    args: [
      ...runFlags({ ...role, permissions: { ...role.permissions, read: [`${folder}/run`] } }),
      `${folder}/bin/manager.js`,
      "--leader-elect",
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
      "--health-probe-bind-address=0",
    ],
    clearEnv: true,
    // Without repetitions, so that the first refusal is the answer.
    env: { ...env, KUBECONFIG: `${folder}/run/kubeconfig`, RETRY_MAX_ATTEMPTS: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  const reading = [manager.stdout, manager.stderr].map(async (stream) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) log += part;
  });
  let ended: Deno.CommandStatus | undefined;
  void manager.status.then((status) => ended = status);
  const seen = () => {
    const providers = ["mock", "kvm"].map((name) =>
      readText(runner.logFileOf(`default/virtrigaud-provider-default-${name}`))
    );
    return [log, ...providers].map((text) => text.slice(-2000)).join("\n");
  };
  try {
    const example = parseAllYaml(
      await Deno.readTextFile(new URL("../../examples/mock/vm.yaml", import.meta.url)),
    ) as (KubeObject & { kind: string })[];
    const libvirt = {
      kind: "Provider",
      metadata: { name: "kvm" },
      spec: {
        type: "libvirt",
        endpoint: "qemu+ssh://root@127.0.0.1:1/system?no_verify=1",
        credentialSecretRef: { name: "kvm" },
        runtime: { image: "ghcr.io/projectbeskar/virtrigaud/provider-libvirt:v0.1.0" },
      },
    };
    const secret = { kind: "Secret", metadata: { name: "kvm" }, stringData: { username: "root", password: "x" } };
    for (const object of [...example, secret, libvirt]) {
      await client.apply(typeOf(object.kind), { ...object, metadata: { ...object.metadata, namespace: "default" } }, {
        fieldManager: "test",
      });
    }
    const condition = async (type: ResourceType, name: string) => {
      const { status } = await client.get(type, { namespace: "default", name }) as {
        status?: { conditions?: { type: string; status: string; message?: string }[] };
      };
      return status?.conditions?.find((each) => each.type === "Ready");
    };
    await until(
      "the VM on the mock to be Ready",
      async () => (await condition(resourceType(VIRTUAL_MACHINES), "hello"))?.status === "True",
      { seen },
    );
    let last = "";
    await until("the libvirt provider to say that its host refuses the connection", async () => {
      last = JSON.stringify(await condition(resourceType(PROVIDERS), "kvm")) ?? "";
      return /"status":"False".*ECONNREFUSED/.test(last);
    }, {
      seen: () => `${last}\n${seen()}`,
    });
    const ports = new Map([["manager", metricsPort]]);
    for (const name of ["mock", "kvm"]) {
      const pid = runner.pidOf(`default/virtrigaud-provider-default-${name}`);
      const [, port] = /--health-port=(\d+)/.exec(readText(`/proc/${pid}/cmdline`)) ?? [];
      ports.set(name === "kvm" ? "provider-libvirt" : "provider-mock", Number(port));
    }
    for (const [component, port] of ports) {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const labels = /^virtrigaud_build_info\{(.*)\} 1$/m.exec(metrics)?.[1]?.split(",").toSorted();
      assertEquals(labels, [
        `build_date="${BUILD.date}"`,
        `component="${component}"`,
        `git_sha="${BUILD.revision}"`,
        `go_version="deno-${Deno.version.deno}"`,
        `version="${BUILD.version}"`,
      ]);
    }
    assert(!/NotCapable|Requires \w+ access/.test(log), seen());
    for (const name of ["mock", "kvm"]) {
      const text = await Deno.readTextFile(runner.logFileOf(`default/virtrigaud-provider-default-${name}`));
      assert(!/NotCapable|Requires \w+ access/.test(text), text);
    }
  } finally {
    if (ended === undefined) manager.kill("SIGTERM");
    await manager.status;
    await Promise.all(reading);
    stop.abort();
    await running;
    client.close();
    await plane.close();
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    return String(error);
  }
}

function typeOf(kind: string): ResourceType {
  const known = kinds.find((each) => each.kind === kind);
  return known !== undefined
    ? resourceType(known)
    : resourceType({ group: "", version: "v1", kind, plural: "secrets", namespaced: true });
}
