/**
 * The programs as they are shipped: one file per role, run with the permissions of its role and no other, without the
 * sources, without a cache of packages. Only paths differ from an image: the account of a pod and mounted files lie in
 * a folder of this test.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@virtrigaud/deps";
import { kinds } from "@virtrigaud/api";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR, PROVIDERS, VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { KubeClient, type KubeObject, NAMESPACES, type ResourceType, resourceType } from "@virtrigaud/kube";
import { Runner, startControlPlane, writePrivate } from "@virtrigaud/standalone";
import { parseAllYaml } from "@virtrigaud/deps";
import { bundleRole, runFlags, stamped } from "../../scripts/build/bundle.ts";
import { type Role, ROLES } from "../../scripts/build/roles.ts";
import { until } from "../charts/support/until.ts";

const BUILD = { version: "9.8.7", revision: "abc1234", date: "2026-01-02T03:04:05Z" };

const roleOf = (name: string): Role => {
  const role = ROLES.find((candidate) => candidate.name === name);
  if (role === undefined) throw new Error(`there is no role ${name}`);
  return role;
};

/** `deno run` of a bundle, where the role also reads `folder`, in place of what is mounted in an image. */
function argsOf(role: Role, bundle: string, folder: string): string[] {
  const { read, ...rest } = role.permissions;
  const permissions = {
    ...rest,
    ...(Array.isArray(read) ? { read: [...read, folder] } : {}),
  };
  return [...runFlags({ ...role, permissions }), `${bundle}.js`];
}

async function withBundles(
  names: readonly string[],
  use: (folder: string, bundle: (name: string) => string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-bundle-" });
  try {
    for (const name of names) await bundleRole(roleOf(name), { folder: `${folder}/bin`, build: BUILD });
    await use(folder, (name) => `${folder}/bin/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every bundle starts without sources and without a cache, and says its build", async () => {
  await withBundles(ROLES.map(({ name }) => name), async (folder, bundle) => {
    for (const { name } of ROLES) {
      const { code, stdout, stderr } = await new Deno.Command(bundle(name), {
        args: ["--version"],
        clearEnv: true,
        env: { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:/usr/bin:/bin`, DENO_DIR: `${folder}/empty-cache` },
        cwd: folder,
      }).output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals([name, code, text.split("\n").length], [name, 0, 2], text);
      assertMatch(text, /^\S+ 9\.8\.7 \(revision abc1234, built 2026-01-02T03:04:05Z, deno /);
    }
  });
});

Deno.test("a bundle that does not say its build in one place is refused, and so is a build of odd letters", () => {
  const code = 'const a="virtrigaud-build|0.1.0|||";';
  assertEquals(stamped(code, BUILD), `const a="virtrigaud-build|9.8.7|abc1234|2026-01-02T03:04:05Z|";`);
  assertThrows(() => stamped(code + code, BUILD), Error, "one place");
  assertThrows(() => stamped("", BUILD), Error, "one place");
  assertThrows(() => stamped(code, { ...BUILD, revision: '"+evil+"' }), RangeError);
});

Deno.test("manager and providers work from their bundles with the permissions of their roles", async () => {
  await withBundles(["manager", "provider-mock", "provider-libvirt"], async (folder, bundle) => {
    const plane = await startControlPlane({ dataDir: ":memory:", kinds });
    const token = plane.tokens.find(({ name }) => name === "admin")?.token ?? "";
    const client = new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token });
    const runner = new Runner({
      client,
      labelSelector: MANAGED_SELECTOR,
      folder: `${folder}/run`,
      programOf(image) {
        const name = /provider-\w+/.exec(image)?.[0] ?? "";
        return { command: Deno.execPath(), args: argsOf(roleOf(name), bundle(name), `${folder}/run`) };
      },
      addressAnnotation: DIAL_ADDRESS_ANNOTATION,
      baseEnv: {},
    });
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    await Deno.mkdir(`${folder}/run`, { recursive: true });
    await writePrivate(`${folder}/run/kubeconfig`, plane.kubeconfig("manager"));
    await client.create(NAMESPACES, { metadata: { name: "virtrigaud-system" } });
    const metricsPort = freePort();
    const manager = new Deno.Command(Deno.execPath(), {
      args: [
        ...argsOf(roleOf("manager"), bundle("manager"), `${folder}/run`),
        "--leader-elect",
        `--metrics-bind-address=127.0.0.1:${metricsPort}`,
        "--health-probe-bind-address=0",
      ],
      clearEnv: true,
      // Without repetitions, so that the first refusal is the answer.
      env: { KUBECONFIG: `${folder}/run/kubeconfig`, RETRY_MAX_ATTEMPTS: "1", DENO_DIR: `${folder}/empty-cache` },
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
      await until(async () => (await condition(resourceType(VIRTUAL_MACHINES), "hello"))?.status === "True", {
        what: "the VM on the mock Ready",
        seen,
      });
      let last = "";
      await until(async () => {
        last = JSON.stringify(await condition(resourceType(PROVIDERS), "kvm")) ?? "";
        return /"status":"False".*ECONNREFUSED/.test(last);
      }, {
        what: "the libvirt provider saying that its host refuses the connection",
        seen: () => `${last}\n${seen()}`,
        timeoutMs: 30_000,
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
  });
});

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
