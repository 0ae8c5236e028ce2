/** The product in three processes that can be killed: control plane, manager, provider. @module */
import { kindNamed, type Provider, type VirtualMachine } from "@virtrigaud/api";
import { DIAL_ADDRESS_ANNOTATION } from "@virtrigaud/controllers";
import {
  DEPLOYMENTS,
  type KubeClient,
  loadKubeClient,
  type ResourceType,
  SERVICES,
  type UntypedObject,
} from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import { baseEnv } from "../../e2e/support/config.ts";
import { freePort } from "../../e2e/support/stages.ts";
import { Victim } from "./victim.ts";

const here = (path: string): string => new URL(path, import.meta.url).pathname;
const NAMESPACE = "default";
const MACHINES: ResourceType<VirtualMachine> = kindNamed("VirtualMachine");
const PROVIDERS: ResourceType<Provider> = kindNamed("Provider");

/** Which provider the site has. */
export interface ProviderProgram {
  /** `spec.type`, and the folder of its entry point. */
  readonly type: "mock" | "libvirt";
  readonly endpoint: string;
  /** Module that lays its tripwire, relative to this one. */
  readonly preload: string;
  readonly env: Readonly<Record<string, string>>;
  /** Its Secret, which lies in files where it looks for them. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** A running site with one Provider `host` that is ready. */
export interface Site extends AsyncDisposable {
  readonly folder: string;
  readonly client: KubeClient;
  readonly plane: Victim;
  readonly manager: Victim;
  readonly provider: Victim;
  /** Puts an object of the product into place. */
  create(kind: string, name: string, spec: unknown): Promise<void>;
  /** Merges into the spec of a VirtualMachine. */
  change(name: string, spec: unknown): Promise<void>;
  find(name: string): Promise<VirtualMachine | undefined>;
  delete(name: string): Promise<void>;
  /** Waits until a VirtualMachine is as its present spec asks, and as `also` does. */
  ready(name: string, also?: (vm: VirtualMachine) => boolean): Promise<VirtualMachine>;
  /** Waits until its object is gone. */
  gone(name: string): Promise<void>;
}

/** Starts one in a folder of its own. Disposing ends and removes everything. */
export async function startSite(program: ProviderProgram): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "virtrigaud-crash-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const ports = { plane: freePort(), provider: freePort() };
  const victim = (name: string, preload: string, args: string[], env: Record<string, string> = {}) =>
    stack.use(
      new Victim({ name, path: join(folder, name), preload: here(preload), args, env: { ...baseEnv(), ...env } }),
    );

  const data = join(folder, "control-plane");
  const plane = victim("control plane", "trip_plane.ts", [here("../plane_main.ts"), data, `${ports.plane}`]);
  const kubeconfig = join(data, "kubeconfig");
  const client = await until("the control plane", () => loadKubeClient({ kubeconfig }));
  stack.defer(() => client.close());
  await until("the control plane to answer", () => client.list(SERVICES).then(() => true));

  const credentials = join(folder, "credentials");
  await Deno.mkdir(credentials);
  for (const [name, value] of Object.entries(program.credentials)) {
    await Deno.writeTextFile(join(credentials, name), value, { mode: 0o600 });
  }
  const provider = victim("provider", program.preload, [
    here(`../../../providers/${program.type}/main.ts`),
    `--port=${ports.provider}`,
    "--health-port=0",
  ], {
    PROVIDER_TYPE: program.type,
    PROVIDER_ENDPOINT: program.endpoint,
    VIRTRIGAUD_PROVIDER_INSECURE: "true",
    TLS_ENABLED: "false",
    VIRTRIGAUD_LISTEN_HOST: "127.0.0.1",
    VIRTRIGAUD_CREDENTIALS_DIR: credentials,
    ...program.env,
  });
  const manager = victim("manager", "trip_manager.ts", [
    here("../../../src/cmd/manager/main.ts"),
    `--kubeconfig=${kubeconfig}`,
    "--metrics-bind-address=0",
    "--health-probe-bind-address=0",
  ], { LOG_LEVEL: "info", POD_NAMESPACE: NAMESPACE });

  const create = async (kind: string, name: string, spec: unknown) => {
    const type = kindNamed(kind);
    const object = { metadata: { name, namespace: NAMESPACE }, spec } as UntypedObject;
    await until(
      `${kind} ${name} to be taken`,
      () => client.apply(type, object, { fieldManager: "user" }).then(() => true),
    );
  };
  const at = (name: string) => ({ namespace: NAMESPACE, name });
  const find = (name: string) => client.find(MACHINES, at(name));
  const all = stack.move();
  const site: Site = {
    folder,
    client,
    plane,
    manager,
    provider,
    create,
    find,
    async change(name, spec) {
      const body = { spec };
      await until(
        "the change to be taken",
        () => client.patch(MACHINES, at(name), { type: "merge", body }).then(() => true),
      );
    },
    async delete(name) {
      await until("the deletion to be taken", () => client.delete(MACHINES, at(name)).then(() => true));
    },
    async ready(name, also = () => true) {
      let seen: VirtualMachine | undefined;
      return await until(`${name} to be ready`, async () => {
        seen = await find(name);
        const condition = seen?.status?.conditions?.find(({ type }) => type === "Ready");
        if (seen === undefined || condition?.observedGeneration !== seen.metadata.generation) return false;
        return condition?.status === "True" && also(seen) && seen;
      }, { everyMs: 50, seen: () => `${JSON.stringify(seen?.status)}\n${tails(site)}` });
    },
    async gone(name) {
      let seen: VirtualMachine | undefined;
      await until(`${name} to be gone`, async () => (seen = await find(name)) === undefined, {
        everyMs: 50,
        seen: () => `${JSON.stringify(seen?.status)}\n${tails(site)}`,
      });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
  await create("Provider", "host", {
    type: program.type,
    endpoint: program.endpoint,
    credentialSecretRef: { name: "host" },
    runtime: {
      image: `example.com/provider-${program.type}:v1`,
      service: { tls: { enabled: false } },
    },
  });
  await client.raw("POST", `/api/v1/namespaces/${NAMESPACE}/secrets`, {
    metadata: { name: "host" },
    stringData: program.credentials,
  });
  await rollOut(client, `127.0.0.1:${ports.provider}`);
  await until("the Provider to be ready", async () => {
    const { status } = await client.get(PROVIDERS, at("host"));
    return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  }, { seen: () => tails(site) });
  return site;
}

const tails = ({ plane, manager, provider }: Site): string =>
  [plane, manager, provider].map((victim) => victim.logTail()).join("\n");

/** What Deployment controller, kubelet and kube-proxy do; once, because the template does not change here. */
async function rollOut(client: KubeClient, address: string): Promise<void> {
  const at = { namespace: NAMESPACE, name: "virtrigaud-provider-default-host" };
  await until("the provider's Service", () =>
    client.patch(SERVICES, at, {
      type: "merge",
      body: { metadata: { annotations: { [DIAL_ADDRESS_ANNOTATION]: address } } },
    }).then(() => true));
  await until("the provider's Deployment", async () => {
    const deployment = await client.get(DEPLOYMENTS, at);
    const observedGeneration = deployment.metadata.generation ?? 1;
    const replicas = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
    await client.replaceStatus(DEPLOYMENTS, { ...deployment, status: { observedGeneration, ...replicas } });
    return true;
  });
}
