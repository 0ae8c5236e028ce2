/** The embedded API server and a real one, with the same kinds. @module */
import { kinds } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import { startTestPlane, TestClient, WIDGET, WIDGETS } from "@virtrigaud/standalone/testing";
import { type Kubernetes, startKubernetes } from "../../rigs/kubernetes/mod.ts";
import { Kubectl } from "../support/kubectl.ts";

const CRDS = new URL("../../../charts/virtrigaud/crds", import.meta.url).pathname;

/** Sends a request to one of them. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

/** One of the two. */
export interface Server {
  readonly send: Send;
  readonly kubectl: Kubectl;
}

/** Both, started. */
export interface Servers extends AsyncDisposable {
  readonly embedded: Server;
  readonly real: Server;
}

/** Starts both; each serves the ten kinds and the one that tests are made with. */
export async function startServers(): Promise<Servers> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-parity-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const { plane, client } = stack.use(await startTestPlane({ kinds: [WIDGET, ...kinds] }));
  const kubeconfig = `${folder}/embedded.kubeconfig`;
  await Deno.writeTextFile(kubeconfig, plane.kubeconfig("admin"), { mode: 0o600 });

  const kubernetes = stack.use(await startKubernetes());
  const { caPem, admin, url } = kubernetes;
  const http = stack.use(Deno.createHttpClient({ caCerts: [caPem], cert: admin.certPem, key: admin.keyPem }));
  const send: Send = (path, init) => {
    const pooled: RequestInit & { client: Deno.HttpClient } = { ...init, client: http };
    return fetch(`${url}${path}`, pooled);
  };
  await kubernetes.installCrds(CRDS);
  await serveWidgets(kubernetes, client);
  await untilServed(send);
  const all = stack.move();
  return {
    embedded: {
      send: (path, init) => client.fetch(path, init),
      kubectl: new Kubectl(kubeconfig, `${folder}/embedded`),
    },
    real: { send, kubectl: new Kubectl(kubernetes.kubeconfigPath, `${folder}/real`) },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The definition that the one shows is what the other is given. */
async function serveWidgets(kubernetes: Kubernetes, client: TestClient): Promise<void> {
  const name = `${WIDGET.plural}.${WIDGET.group}`;
  const { body } = await client.get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
  await kubernetes.apply(JSON.stringify({ ...body, metadata: { name }, status: undefined }));
  await kubernetes.kubectl("wait", "--for=condition=Established", `crd/${name}`);
}

/** A kind is established a moment before its storage is ready. */
async function untilServed(send: Send): Promise<void> {
  const paths = kinds.map(({ group, version, plural }) => `/apis/${group}/${version}/${plural}`);
  for (const path of [WIDGETS, ...paths]) {
    await until(`${path} to be served`, async () => {
      const response = await send(path, {});
      await response.body?.cancel();
      return response.ok;
    });
  }
}
