import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { fileURLToPath } from "node:url";
import { DEPLOYMENTS, KubeClient, SECRETS, SERVICES, type UntypedObject } from "@virtrigaud/kube";
import { startControlPlane } from "../server/mod.ts";
import { Runner } from "./runner.ts";

const TINY = fileURLToPath(new URL("./testing/tiny_provider.ts", import.meta.url));
const ADDRESS = "example.com/address";
const name = { namespace: "default", name: "prov" };

function deployment(image = "tiny"): UntypedObject {
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
            volumeMounts: [{ name: "c", mountPath: "/etc/virtrigaud/credentials" }],
          }],
          volumes: [{ name: "c", secret: { secretName: "creds" } }],
        },
      },
    },
  };
}

const secret = (password: string) => ({ metadata: { ...name, name: "creds" }, data: { password: btoa(password) } });

/** Runs `body` with a control plane and a runner that knows the image `tiny`. */
async function withRunner(body: (client: KubeClient, runner: Runner) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
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
    await body(client, runner);
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
