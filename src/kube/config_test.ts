import { assertEquals, assertRejects, stringifyYaml } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { type Credentials, fileCredentials, loadConfig, refreshingCredentials } from "./mod.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeKubeconfig(folder: string, cluster: Record<string, unknown>, user: Record<string, unknown>) {
  const path = `${folder}/config`;
  await Deno.writeTextFile(
    path,
    stringifyYaml({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "main",
      contexts: [
        { name: "main", context: { cluster: "c", user: "u", namespace: "team" } },
        { name: "stray", context: { cluster: "none", user: "u" } },
      ],
      clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443", ...cluster } }],
      users: [{ name: "u", user }],
    }),
  );
  return path;
}

Deno.test("a kubeconfig gives server, namespace, token and certificates, from data and from files beside it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/ca.pem`, "the CA");
    const user = { token: "t0ken", "client-certificate-data": btoa("cert"), "client-key-data": btoa("key") };
    const path = await writeKubeconfig(folder, { "certificate-authority": "ca.pem" }, user);
    const { baseUrl, namespace, credentials } = await loadConfig({ kubeconfig: path });
    assertEquals([baseUrl, namespace], ["https://10.0.0.1:6443", "team"]);
    const { token, caPem, certPem, keyPem } = await credentials.current();
    assertEquals({ token, caPem, certPem, keyPem }, {
      token: "t0ken",
      caPem: "the CA",
      certPem: "cert",
      keyPem: "key",
    });
  }));

Deno.test("an exec plugin of a kubeconfig is asked for the token", () =>
  inFolder(async (folder) => {
    const apiVersion = "client.authentication.k8s.io/v1";
    const answer = JSON.stringify({ apiVersion, kind: "ExecCredential", status: { token: "from-plugin" } });
    const exec = { apiVersion, command: "echo", args: [answer], interactiveMode: "Never" };
    const { credentials } = await loadConfig({ kubeconfig: await writeKubeconfig(folder, {}, { exec }) });
    assertEquals((await credentials.current()).token, "from-plugin");
  }));

Deno.test("what the platform cannot do is refused by name, and a missing file or cluster too", () =>
  inFolder(async (folder) => {
    const load = async (cluster: Record<string, unknown>, context?: string) => {
      await loadConfig({ kubeconfig: await writeKubeconfig(folder, cluster, { token: "t" }), context });
    };
    await assertRejects(() => load({ "insecure-skip-tls-verify": true }), Error, "insecure-skip-tls-verify");
    await assertRejects(() => load({ "tls-server-name": "x" }), Error, "tls-server-name");
    await assertRejects(() => load({}, "stray"), Error, 'context "stray" names no cluster');
    await assertRejects(() => loadConfig({ kubeconfig: `${folder}/none` }), Error, "cannot read the kubeconfig");
    await assertRejects(() => loadConfig({ inCluster: { folder: `${folder}/none` } }), Error, "not in a cluster?");
  }));

Deno.test("the service account of a pod is read again when its token has been rotated", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/namespace`, "team\n");
    await Deno.writeTextFile(`${folder}/ca.crt`, "the CA");
    await Deno.writeTextFile(`${folder}/token`, "one\n");
    const { baseUrl, namespace } = await loadConfig({ inCluster: { folder } });
    assertEquals([baseUrl, namespace], ["https://kubernetes.default.svc", "team"]);
    const clock = new FakeClock();
    const source = fileCredentials({ tokenFile: `${folder}/token` }, { clock });
    assertEquals((await source.current()).token, "one");
    await Deno.writeTextFile(`${folder}/token`, "two");
    assertEquals((await source.current()).token, "one");
    await clock.advance(60_000);
    assertEquals((await source.current()).token, "two");
    await Deno.remove(`${folder}/token`);
    source.invalidate();
    assertEquals((await source.current()).token, "two");
  }));

Deno.test("callers share one load, and a refused credential is loaded anew", async () => {
  let loads = 0;
  const gate = Promise.withResolvers<Credentials>();
  const source = refreshingCredentials(() => {
    loads++;
    return gate.promise;
  }, { clock: new FakeClock() });
  const both = [source.current(), source.current()];
  gate.resolve({ token: "t" });
  await Promise.all(both);
  assertEquals(loads, 1);
  source.invalidate();
  await source.current();
  assertEquals(loads, 2);
});
