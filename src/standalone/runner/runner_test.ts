import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { fileURLToPath } from "node:url";
import { DEPLOYMENTS, KubeClient, SECRETS, SERVICES, type UntypedObject } from "@virtrigaud/kube";
import { startControlPlane } from "../server/mod.ts";
import { until } from "@virtrigaud/resilience";
import { Runner } from "./runner.ts";

const TINY = fileURLToPath(new URL("./testing/tiny_provider.ts", import.meta.url));
const ADDRESS = "example.com/address";
const name = { namespace: "default", name: "prov" };

function deployment(
  image = "tiny",
  mounts: Readonly<Record<string, string>> = { creds: "credentials" },
): UntypedObject {
  return {
    metadata: { ...name, labels: { app: "prov" } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: "prov" } },
      template: {
        metadata: { labels: { app: "prov" } },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [{
            name: "provider",
            image,
            args: ["--port=9443", "--health-port=8080"],
            env: [
              { name: "PLAIN", value: "v" },
              { name: "FROM_SECRET", valueFrom: { secretKeyRef: { name: "creds", key: "password" } } },
              { name: "WHERE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
            ],
            volumeMounts: Object.entries(mounts).map(([name, folder]) => ({
              name,
              mountPath: `/etc/virtrigaud/${folder}`,
            })),
          }],
          volumes: Object.keys(mounts).map((name) => ({ name, secret: { secretName: name } })),
        },
      },
    },
  };
}

const secret = (password: string) => ({ metadata: { ...name, name: "creds" }, data: { password: btoa(password) } });

/** Runs `body` with a control plane and a runner that knows the image `tiny`. */
async function withRunner(
  body: (client: KubeClient, runner: Runner, folder: string) => Promise<void>,
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await prepare(folder);
  await using plane = await startControlPlane({ dataDir: ":memory:", kinds: [] });
  const client = new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token: plane.tokens[0]?.token ?? "" });
  const runner = new Runner({
    client,
    labelSelector: "app=prov",
    folder,
    programOf: (image) =>
      image === "tiny"
        ? { command: Deno.execPath(), args: ["run", "-A", "--no-check", "--no-config", TINY] }
        : undefined,
    addressAnnotation: ADDRESS,
    baseEnv: { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "" },
  });
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  try {
    await body(client, runner, folder);
  } finally {
    stop.abort();
    await running;
    client.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The Deployment once `check` holds; watches instead of waiting. */
async function whenDeployment(
  client: KubeClient,
  check: (status: Record<string, unknown>) => boolean,
): Promise<UntypedObject> {
  for await (const event of client.watch(DEPLOYMENTS, { namespace: "default", signal: AbortSignal.timeout(30_000) })) {
    if (event.type === "ADDED" || event.type === "MODIFIED") {
      const object = event.object as UntypedObject;
      if (check((object.status ?? {}) as Record<string, unknown>)) return object;
    }
  }
  throw new Error("the watch ended before the Deployment came that far");
}

async function state(
  runner: Runner,
): Promise<{ env: Record<string, string>; folders: string[]; password: string; port: string }> {
  const log = await Deno.readTextFile(`/proc/${runner.pidOf("default/prov")}/cmdline`);
  const port = /--health-port=(\d+)/.exec(log)?.[1];
  const response = await fetch(`http://127.0.0.1:${port}/state`);
  return await response.json();
}

Deno.test("a Deployment becomes a process with its arguments, environment and files, and says so in its status", async () => {
  await withRunner(async (client, runner) => {
    await client.create(SECRETS, secret("pa55"));
    await client.create(SERVICES, { metadata: name, spec: { ports: [{ port: 9443 }] } });
    await client.create(DEPLOYMENTS, deployment());
    const ready = await whenDeployment(client, (status) => status.readyReplicas === 1);
    assertEquals((ready.status as { availableReplicas: number }).availableReplicas, 1);
    const { env, folders, password, port } = await state(runner);
    assertEquals(folders, ["state", "volumes"]);
    assertEquals([env.PLAIN, env.FROM_SECRET, env.WHERE], ["v", "pa55", "default"]);
    assertEquals(env.VIRTRIGAUD_LISTEN_HOST, "127.0.0.1");
    assertEquals(password, "pa55");
    const service = await client.get(SERVICES, name);
    assertEquals(service.metadata.annotations?.[ADDRESS], `127.0.0.1:${port}`);
    assertMatch(await Deno.readTextFile(runner.logFileOf("default/prov")), /tiny provider is up/);
  });
});

Deno.test("a process that ends is started again where a port is free, and one whose Deployment goes is ended", async () => {
  await withRunner(async (client, runner) => {
    await client.create(SECRETS, secret("x"));
    await client.create(SERVICES, { metadata: name, spec: { ports: [{ port: 9443 }] } });
    await client.create(DEPLOYMENTS, deployment());
    await whenDeployment(client, (status) => status.readyReplicas === 1);
    const address = async () => (await client.get(SERVICES, name)).metadata.annotations?.[ADDRESS];
    const before = await address();
    const first = runner.pidOf("default/prov") ?? 0;
    Deno.kill(first, "SIGKILL");
    await whenDeployment(client, (status) => status.readyReplicas === 0);
    await whenDeployment(client, (status) => status.readyReplicas === 1);
    const second = runner.pidOf("default/prov") ?? 0;
    assert(second !== first && second > 0);
    // Somebody else may have taken the port of the first one meanwhile.
    assert(await address() !== before);
    assertEquals(await address(), `127.0.0.1:${(await state(runner)).port}`);
    const current = await client.get(DEPLOYMENTS, name);
    await client.replace(DEPLOYMENTS, { ...current, spec: { ...(current.spec as object), replicas: 0 } });
    await whenDeployment(client, (status) => status.readyReplicas === 0);
    assertEquals(runner.pidOf("default/prov"), undefined);
    await Deno.stat(`/proc/${second}`).then(() => assert(false, "the process is still there"), () => {});
  });
});

/** What is in files below `folder`, links followed. */
async function contents(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if ((await Deno.stat(path)).isDirectory) found.push(...await contents(path));
    else found.push(await Deno.readTextFile(path));
  }
  return found;
}

Deno.test("a Secret is in no file once it is not mounted, its Deployment is gone, or nobody took it away in time", async () => {
  await withRunner(async (client, runner, folder) => {
    const pods = () => contents(`${folder}/pods`);
    await client.create(SECRETS, secret("creds-one"));
    await client.create(SECRETS, { ...secret("tls-one"), metadata: { ...name, name: "tls" } });
    await client.create(SERVICES, { metadata: name, spec: { ports: [{ port: 9443 }] } });
    await client.create(DEPLOYMENTS, deployment("tiny", { creds: "credentials", tls: "tls" }));
    await whenDeployment(client, (status) => status.readyReplicas === 1);
    assertEquals(new Set(await pods()), new Set(["memory", "creds-one", "tls-one"]));

    const current = await client.get(DEPLOYMENTS, name);
    await client.replace(DEPLOYMENTS, { ...current, spec: deployment().spec });
    await until("the certificate to be gone", async () => !(await pods()).includes("tls-one"), {
      seen: async () => `${await pods()}`,
    });
    await whenDeployment(client, (status) => status.readyReplicas === 1 && status.observedGeneration === 2);
    assertEquals((await state(runner)).password, "creds-one");

    await client.delete(DEPLOYMENTS, name);
    await until("the credentials to be gone", async () => (await pods()).join() === "memory", {
      seen: async () => `${await pods()}`,
    });
    assertEquals(runner.pidOf("default/prov"), undefined);
  }, async (folder) => {
    const pod = `${folder}/pods/default_gone`;
    for (const [path, content] of [["volumes/credentials", "of nobody any more"], ["state", "memory"]] as const) {
      await Deno.mkdir(`${pod}/${path}`, { recursive: true });
      await Deno.writeTextFile(`${pod}/${path}/file`, content);
    }
  });
});

Deno.test("a missing Secret and an unknown image are named in the Deployment's status", async () => {
  await withRunner(async (client) => {
    await client.create(DEPLOYMENTS, deployment());
    const message = (status: Record<string, unknown>) =>
      (status.conditions as { message: string }[] | undefined)?.[0]?.message ?? "";
    await whenDeployment(client, (status) => message(status).includes('Secret "creds"'));
    const current = await client.get(DEPLOYMENTS, name);
    await client.replace(DEPLOYMENTS, { ...current, spec: deployment("no-such").spec });
    await whenDeployment(client, (status) => message(status).includes("no-such"));
  });
});
