import { assert, assertEquals, assertMatch, assertRejects } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { run } from "./command.ts";
import { controllersRig, findKubectl, kubernetesRig, startKubernetes } from "./kubernetes/mod.ts";
import { skipWithout } from "./skip.ts";

const ignore = await skipWithout("kubernetes rig", "a real kube-apiserver", kubernetesRig);
const CRDS = new URL("../../charts/virtrigaud/crds", import.meta.url).pathname;

Deno.test({
  name: "a real API server takes manifests, checks rights, counts requests and leaves nothing",
  ignore,
  fn,
});

Deno.test({
  name: "its controllers make service accounts and the pods of Deployments, and collect what nobody owns any more",
  ignore: await skipWithout("kubernetes rig", "controllers", kubernetesRig, controllersRig),
  async fn() {
    await using k8s = await startKubernetes();
    await k8s.startControllers("deployment-controller", "replicaset-controller");
    await until("the service account", () => k8s.kubectl("get", "serviceaccount", "default"));
    const robot = await k8s.account("default", "default");
    const whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
    const said = await run([findKubectl() ?? "", `--kubeconfig=${robot.kubeconfigPath}`, ...whoami]);
    assertEquals(said, "system:serviceaccount:default:default");
    await k8s.kubectl("create", "deployment", "web", "--image=web", "--replicas=2");
    const pods = () =>
      k8s.kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].spec.serviceAccountName}");
    await until("two pods with the account", async () => await pods() === "default default", { seen: pods });
    await k8s.kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=30s");
    assertEquals(await k8s.kubectl("get", "replicasets,pods", "-o", "name"), "");
  },
});

async function fn(): Promise<void> {
  const k8s = await startKubernetes();
  const dir = k8s.kubeconfigPath.slice(0, k8s.kubeconfigPath.lastIndexOf("/"));
  try {
    assertMatch(await k8s.kubectl("get", "--raw", "/version"), /"gitVersion": "v1\.\d+\.\d+"/);
    await k8s.apply(
      JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "b" } }),
    );
    const jane = await k8s.user("jane", ["readers"]);
    const asJane = (...args: string[]) =>
      run([findKubectl() ?? "", `--kubeconfig=${jane.kubeconfigPath}`, ...args], { env: { HOME: dir } });
    await assertRejects(() => asJane("get", "secret", "s"), Error, 'User "jane" cannot get resource "secrets"');
    await k8s.kubectl("create", "role", "reader", "--verb=get", "--resource=secrets");
    await k8s.kubectl("create", "rolebinding", "readers", "--role=reader", "--group=readers");
    // The authorizer sees a new binding a moment after it was acknowledged.
    assertEquals(await until("the new right", () => asJane("get", "secret", "s", "-o", "name")), "secret/s\n");
    const token = await k8s.kubectl("create", "serviceaccount", "robot").then(() =>
      k8s.kubectl("create", "token", "robot")
    );
    assertEquals(token.split(".").length, 3);

    const writes = (await k8s.audit()).filter((event) =>
      event.verb === "create" && event.objectRef?.resource === "secrets"
    );
    assertEquals(writes.map((event) => [event.user.username, event.responseStatus?.code]), [["rig-admin", 201]]);
    if (await Deno.stat(CRDS).then((info) => info.isDirectory, () => false)) {
      await k8s.installCrds(CRDS);
      const kinds = await k8s.kubectl("api-resources", "--api-group=infra.virtrigaud.io", "--no-headers", "-o", "name");
      assertEquals(kinds.trim().split("\n").length, 10);
    }
  } finally {
    await k8s.stop();
  }
  assert(!(await run(["ps", "-eo", "args"])).includes(dir));
  await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
  await assertRejects(() => Deno.connect({ port: Number(new URL(k8s.url).port) }), Deno.errors.ConnectionRefused);
}
